# The public headers, given as arguments: each compiles alone and without a warning, and none of them brings the
# operating system's networking, liburing or fmt along (but fmt.hpp, which is there for that).
#
# From the environment: CXX, COAX_INCLUDES (the directories to look in, separated by colons), FMT_INCLUDES.
set -euo pipefail

read -ra cxx <<<"$CXX"
options=(-std=c++20 -Wall -Wextra -Wshadow -Wconversion -Wold-style-cast -Werror)
IFS=: read -ra directories <<<"$COAX_INCLUDES"
for directory in "${directories[@]}"; do
    options+=("-I$directory")
done
if [ -n "$FMT_INCLUDES" ]; then
    options+=(-idirafter "$FMT_INCLUDES")
fi

forbidden='(^|/)(sys/(socket|un|epoll|eventfd|uio|ioctl|poll)\.h|netinet/|arpa/|net/if\.h|netdb\.h|poll\.h'
forbidden+='|liburing|linux/io_uring\.h|fmt/|CLI/|winsock2?\.h|windows\.h)'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() {
    local header=$1 found list=$work/${1//\//_}
    if ! "${cxx[@]}" "${options[@]}" -fsyntax-only -MD -MF "$list" -MT all -x c++ - <<<"#include \"$header\""; then
        echo "not ok: $header does not compile alone"
        return 1
    fi
    case $header in */fmt.hpp) return 0 ;; esac
    # What a header includes by itself is the library's own or the C++ standard's, and that has no ".h".
    if found=$(grep -nE '^ *# *include *(<[^>]*\.h>|"|<fmt/)' "$header"); then
        echo "not ok: $header includes what is not for it: $found"
        return 1
    fi
    if found=$(tr ' ' '\n' <"$list" | grep -E "$forbidden"); then
        echo "not ok: $header brings along: $found"
        return 1
    fi
}

# Two at a time.
headers=("$@")
check_from() {
    local i failed=0
    for ((i = $1; i < ${#headers[@]}; i += 2)); do
        check "${headers[i]}" || failed=1
    done
    return "$failed"
}
failed=0
check_from 0 & first=$!
check_from 1 || failed=1
wait "$first" || failed=1
[ "$failed" = 0 ] && echo "$# headers, each compiles alone"
exit "$failed"

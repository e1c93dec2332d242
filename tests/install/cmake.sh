# Lets a CMake project find the installed library: once with nothing but the shared library there, once with nothing but the
# archive. Then what must not be found is looked for.
#
# From the environment: CXX, and what stage.sh wants.
command -v cmake >/dev/null || { echo "skipped: there is no cmake"; exit 77; }
# shellcheck source=tests/install/stage.sh
. "$(dirname "$0")/stage.sh"

configure() {
    cmake -S "$consumer" -B "$consumer/build" -G Ninja -DCMAKE_PREFIX_PATH="$root$PREFIX" "$@" >"$consumer/log" 2>&1
}
# refused WORDS OPTION...: what was configured does not configure with these, and CMake says why.
refused() {
    local words=$1
    shift
    if configure "$@"; then
        echo "not ok: found with $*"
        exit 1
    fi
    tr -s ' \n' ' ' <"$consumer/log" | grep -qF "$words" || { cat "$consumer/log"; exit 1; }
}

# Who links the shared library need not have what the archive needs.
try() {
    local form=$1
    shift
    only "$form" || return 0
    configure -DFORM="$form" "$@" || { cat "$consumer/log"; exit 1; }
    cmake --build "$consumer/build" >"$consumer/log" || { cat "$consumer/log"; exit 1; }
    echoes "$form" "$consumer/build/echo" "$root$LIBDIR"
}

try shared -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=TRUE
try static

refused "version: 0.1" -DVERSION=0.0
refused "version: 0.1" -DVERSION=0.2
refused "version: 0.1" -DVERSION=1.0
refused 'not as "odd"' -DVERSION=0.1 -DFORM=odd

#!/usr/bin/env bash
# check.sh FILE WORDS: FILE compiles, and with REFUSED defined it does not, with WORDS among what the compiler says. Where the file
# says `// refused: N`, it is N deleted functions that are named.
set -euo pipefail

read -ra cxx <<<"$CXX"
options=(-std=c++20 -fsyntax-only -Werror=unused-result)
IFS=: read -ra directories <<<"$COAX_INCLUDES"
for directory in "${directories[@]}"; do
    options+=("-I$directory")
done

if ! "${cxx[@]}" "${options[@]}" "$1"; then
    echo "not ok: $1 does not compile as it is"
    exit 1
fi
if said=$("${cxx[@]}" "${options[@]}" -DREFUSED "$1" 2>&1); then
    echo "not ok: $1 compiles although it must not"
    exit 1
fi
if ! grep -qF "$2" <<<"$said"; then
    echo "not ok: the compiler does not say '$2' but: $said"
    exit 1
fi
wanted=$(sed -n 's|^// refused: \([0-9]*\)$|\1|p' "$1")
if [ -n "$wanted" ]; then
    found=$(grep -c 'error:.*deleted' <<<"$said" || true)
    if [ "$found" -ne "$wanted" ]; then
        echo "not ok: $found lines are refused and not $wanted: $said"
        exit 1
    fi
fi

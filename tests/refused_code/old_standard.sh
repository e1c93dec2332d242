#!/usr/bin/env bash
# old_standard.sh FILE: compiled as C++17, FILE is one error that says what is wrong.
set -euo pipefail

read -ra cxx <<<"$CXX"
options=(-std=c++17 -fsyntax-only)
IFS=: read -ra directories <<<"$COAX_INCLUDES"
for directory in "${directories[@]}"; do
    options+=("-I$directory")
done

if said=$("${cxx[@]}" "${options[@]}" "$1" 2>&1); then
    echo "not ok: $1 compiles as C++17"
    exit 1
fi
if [ "$(grep -c 'error:' <<<"$said")" -ne 1 ] || ! grep -q 'coax needs C++20' <<<"$said"; then
    echo "not ok: the compiler does not say one thing but: $said"
    exit 1
fi

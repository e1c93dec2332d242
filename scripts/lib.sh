# What the scripts share. Sourced, never run. It keeps to bash 3.2, the one macOS has.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '== %s\n' "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# configure DIRECTORY [MESON-OPTION...]: sets a build directory up unless it is there already.
configure() {
    [ -f "$1/build.ninja" ] || meson setup "$@"
}

# C++ sources and headers of the project, for those who look at all of them.
cxx_files() {
    find include src tests examples bench \( -name '*.cpp' -o -name '*.hpp' \) -print | sort
}

# The formatter: its layout differs from one major version to the next.
clang_format() {
    local candidate
    for candidate in clang-format-19 clang-format; do
        if have "$candidate" && "$candidate" --version | grep -q 'version 19\.'; then
            echo "$candidate"
            return
        fi
    done
    die "clang-format 19 is missing (scripts/setup checks installs it)"
}

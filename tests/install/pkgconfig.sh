# Lets a project with a plain Makefile find the installed library with pkg-config: once with nothing but the shared library
# there, once with nothing but the archive.
#
# From the environment: CXX, and what stage.sh wants.
for tool in make pkg-config; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
# shellcheck source=tests/install/stage.sh
. "$(dirname "$0")/stage.sh"

# A staged installation is what PKG_CONFIG_SYSROOT_DIR is for: the Makefile stays a user's.
try() {
    local form=$1 flags=$2
    only "$form" || return 0
    PKG_CONFIG_PATH="$root$LIBDIR/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_FLAGS=$flags \
        make --silent -C "$consumer"
    LD_LIBRARY_PATH="$root$LIBDIR" echoes "$form" "$consumer/echo" "$root$LIBDIR"
}

try shared ""
try static --static

# Installs the finished build beside itself and lets a project with a plain Makefile find it with pkg-config: once with
# nothing but the shared library there, once with nothing but the archive.
#
# From the environment: CXX, MESON, SOURCE_ROOT, BUILD_ROOT, LIBDIR (where the libraries go below the staging directory).
set -euo pipefail

for tool in make pkg-config; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

"$MESON" install -C "$BUILD_ROOT" --no-rebuild --quiet --skip-subprojects --destdir "$stage/whole"

# A staged installation is what PKG_CONFIG_SYSROOT_DIR is for: the Makefile stays a user's.
try() {
    local form=$1 other=$2 flags=$3 root="$stage/$1"
    cp -a "$stage/whole" "$root"
    rm -f "$root$LIBDIR/libcoax.$other"*
    if ! ls "$root$LIBDIR"/libcoax.* >/dev/null 2>&1; then
        echo "$form: not in this build"
        return
    fi
    cp -r "$SOURCE_ROOT/tests/install/consumer" "$stage/consumer-$form"
    PKG_CONFIG_PATH="$root$LIBDIR/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_FLAGS=$flags \
        make --silent -C "$stage/consumer-$form" echo
    printf '%s: ' "$form"
    LD_LIBRARY_PATH="$root$LIBDIR" "$stage/consumer-$form/echo"
}

try shared a ""
try static so --static

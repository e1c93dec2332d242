# Sourced: installs the finished build beside itself, in $stage/whole.
#
# From the environment: MESON, BUILD_ROOT, PREFIX, LIBDIR (where the libraries go below the staging directory).
set -euo pipefail

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

"$MESON" install -C "$BUILD_ROOT" --no-rebuild --quiet --skip-subprojects --destdir "$stage/whole"

# only FORM: sets `root` to an installation with nothing but the shared library or nothing but the archive, and `consumer` to
# a clean copy of the consumers. False where this build has no such form.
only() {
    local other
    case $1 in
    shared) other=a ;;
    static) other=so ;;
    esac
    root=$stage/$1 consumer=$stage/consumer-$1
    cp -a "$stage/whole" "$root"
    rm -f "$root$LIBDIR/libcoax.$other"*
    if ! ls "$root$LIBDIR"/libcoax.* >/dev/null 2>&1; then
        echo "$1: not in this build"
        return 1
    fi
    cp -r "$SOURCE_ROOT/tests/install/consumer" "$consumer"
}

# Sourced: installs the finished build beside itself, in $stage/whole.
#
# From the environment: MESON, BUILD_ROOT, PREFIX, LIBDIR (where the libraries go below the staging directory).
set -euo pipefail

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

"$MESON" install -C "$BUILD_ROOT" --no-rebuild --quiet --skip-subprojects --destdir "$stage/whole"

# only FORM: sets `root` to an installation with nothing but the shared library or nothing but the archive, and `consumer` to
# a clean copy of the consumers. False, and nothing changes, where this build has no such form.
only() {
    local other alone=$stage/$1
    case $1 in
    shared) other=a ;;
    static) other=so ;;
    esac
    cp -a "$stage/whole" "$alone"
    rm -f "$alone$LIBDIR/libcoax.$other"*
    if ! ls "$alone$LIBDIR"/libcoax.* >/dev/null 2>&1; then
        echo "$1: not in this build"
        return 1
    fi
    # shellcheck disable=SC2034 # for those who source this
    root=$alone consumer=$stage/consumer-$1
    cp -r "$SOURCE_ROOT/tests/install/consumer" "$consumer"
}

# Sourced: installs the finished build beside itself, in $stage/whole, which is not where it was configured to be.
#
# From the environment: MESON, SOURCE_ROOT, BUILD_ROOT, PREFIX, LIBDIR (where the libraries go below the staging directory).
set -euo pipefail
# shellcheck source=tests/install/echoes.sh
. "$(dirname "${BASH_SOURCE[0]}")/echoes.sh"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

"$MESON" install -C "$BUILD_ROOT" --no-rebuild --quiet --skip-subprojects --destdir "$stage/whole"

# Nothing of it may lead back to where it was built, which others do not have: not by a path, and not by the loader's.
if grep -rhI . "$stage/whole" | sed "s|$PREFIX||g" | grep -F -e "$SOURCE_ROOT" -e "$BUILD_ROOT"; then
    echo "not ok: what is installed names where it was built"
    exit 1
fi
if command -v readelf >/dev/null && readelf -d "$stage/whole$LIBDIR"/libcoax.so 2>/dev/null | grep -E '\((RPATH|RUNPATH)\)'; then
    echo "not ok: the installed library tells the loader where to look"
    exit 1
fi

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

# Lets a project carry the library as a Meson subproject, compiled from its sources, and link it in both forms.
#
# From the environment: CXX, MESON, SOURCE_ROOT, WRAP_MODE.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -r "$SOURCE_ROOT/tests/install/consumer" "$work/consumer"
mkdir "$work/consumer/subprojects"
ln -s "$SOURCE_ROOT" "$work/consumer/subprojects/coax"

report() {
    local status=$?
    cat "$work"/build/meson-logs/*.txt 2>/dev/null | tail -n 100
    exit "$status"
}
"$MESON" setup --wrap-mode="$WRAP_MODE" "$work/build" "$work/consumer" >"$work/log" || report
"$MESON" test -C "$work/build" --print-errorlogs || report

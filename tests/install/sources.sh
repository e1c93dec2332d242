# Sourced: for projects that compile the library from its sources, in $work, with nothing there but a clean copy of the consumer.
#
# From the environment: CXX, MESON, SOURCE_ROOT, WRAP_MODE.
set -euo pipefail
# shellcheck source=tests/install/echoes.sh
. "$(dirname "${BASH_SOURCE[0]}")/echoes.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/consumer/subprojects"
cp "$SOURCE_ROOT"/tests/install/consumer/{echo.cpp,meson.build} "$work/consumer"

# set_up [MESON-OPTION...]: the consumer is configured. A library that is installed must not get in the way.
set_up() {
    "$MESON" setup "$@" --wrap-mode="$WRAP_MODE" --force-fallback-for=coax "$work/build" "$work/consumer" \
        >"$work/log" || { cat "$work/log"; exit 1; }
}

# both_forms: the consumer compiles the library, and is linked with both of its forms.
# Its sources are compiled as one, as projects do it that build from nothing: that takes a tenth of the time.
both_forms() {
    local form
    set_up -Dunity=subprojects -Dunity_size=1000
    "$MESON" compile -C "$work/build" >"$work/log" || { tail -n 100 "$work/log"; exit 1; }
    for form in shared static; do
        echoes "$form" "$work/build/echo-$form" "$work/build/subprojects/coax"
    done
}

# Lets a project carry the library as a Meson subproject, compiled from its sources, and link it in both forms.
#
# From the environment: what sources.sh wants.
# shellcheck source=tests/install/sources.sh
. "$(dirname "$0")/sources.sh"

ln -s "$SOURCE_ROOT" "$work/consumer/subprojects/coax"
both_forms

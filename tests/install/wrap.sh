# Lets a project name the library in a wrap file, as an archive of its sources, and looks at what is made of it: that both
# forms are linked from there, by `dependency('coax')` alone. How they compile is for subproject.sh, it is the same.
#
# From the environment: CXX, MESON, SOURCE_ROOT, WRAP_MODE.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a subproject needs of the sources.
mkdir -p "$work/coax-archive" "$work/consumer/subprojects/packagefiles"
(cd "$SOURCE_ROOT" && cp -r meson.build meson_options.txt cmake include src subprojects "$work/coax-archive")
archive=$work/consumer/subprojects/packagefiles/coax.tar.gz
tar -C "$work" -czf "$archive" coax-archive
rm -r "$work/coax-archive"

cp "$SOURCE_ROOT"/tests/install/consumer/{echo.cpp,meson.build} "$work/consumer"
# Were it called coax.wrap, Meson would find it without the last two lines.
cat >"$work/consumer/subprojects/network.wrap" <<WRAP
[wrap-file]
directory = coax-archive
source_filename = coax.tar.gz
source_hash = $(sha256sum "$archive" | cut -d ' ' -f 1)

[provide]
dependency_names = coax
WRAP

# One that is installed must not get in its way.
"$MESON" setup --wrap-mode="$WRAP_MODE" --force-fallback-for=coax "$work/build" "$work/consumer" >"$work/log" ||
    { cat "$work/log"; exit 1; }

# The link of each program, with the lines that belong to it.
for linked in shared:so static:a; do
    if ! sed -n "/^build echo-${linked%:*}: /,/^\$/p" "$work/build/build.ninja" |
        grep -qF "subprojects/coax-archive/src/libcoax.${linked#*:}"; then
        echo "not ok: echo-${linked%:*} does not link libcoax.${linked#*:} of the subproject"
        exit 1
    fi
    echo "${linked%:*}: linked from the subproject"
done

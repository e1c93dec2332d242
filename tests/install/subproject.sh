# Lets a project carry the library as a Meson subproject. What would be compiled for it is what this build was made of; `wrap` compiles that and
# links both forms.
#
# From the environment: BUILD_ROOT, and what sources.sh wants.
# shellcheck source=tests/install/sources.sh
. "$(dirname "$0")/sources.sh"

ln -s "$SOURCE_ROOT" "$work/consumer/subprojects/coax"
set_up

# objects DIRECTORY: the objects of the library that the build in that directory makes.
objects() { ninja -C "$1" -t targets all | grep -oE 'libcoax[^/]*\.p/[^:]*' | sed 's|.*/||' | sort -u; }
objects "$BUILD_ROOT" >"$work/ours"
objects "$work/build" >"$work/theirs"
[ "$(wc -l <"$work/ours")" -gt 40 ] || { echo "not ok: only so many sources were seen"; exit 1; }
diff "$work/ours" "$work/theirs"

ninja -C "$work/build" echo-shared.p/echo.cpp.o >"$work/log" || { tail -n 100 "$work/log"; exit 1; }
ninja -C "$work/build" echo-static.p/echo.cpp.o >"$work/log" || { tail -n 100 "$work/log"; exit 1; }

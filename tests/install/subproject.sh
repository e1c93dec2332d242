# Lets a project carry the library as a Meson subproject. What would be compiled for it are the sources of this build, which the arguments
# name; `wrap` compiles them and links both forms.
#
# From the environment: what sources.sh wants.
# shellcheck source=tests/install/sources.sh
. "$(dirname "$0")/sources.sh"

ln -s "$SOURCE_ROOT" "$work/consumer/subprojects/coax"
set_up

printf '%s.o\n' "${@#*/../src/}" | tr / _ | sort >"$work/ours"
ninja -C "$work/build" -t targets all | grep -oE 'libcoax[^/]*\.p/[^:]*\.o' | sed 's|.*/||' | sort -u >"$work/theirs"
diff "$work/ours" "$work/theirs"

ninja -C "$work/build" echo-shared.p/echo.cpp.o >"$work/log" || { tail -n 100 "$work/log"; exit 1; }
ninja -C "$work/build" echo-static.p/echo.cpp.o >"$work/log" || { tail -n 100 "$work/log"; exit 1; }

# Lets a Meson project find the installed library, by `dependency('coax')`, and link it in both forms.
#
# From the environment: CXX, and what stage.sh wants.
command -v pkg-config >/dev/null || { echo "skipped: there is no pkg-config"; exit 77; }
# shellcheck source=tests/install/stage.sh
. "$(dirname "$0")/stage.sh"

for ending in so a; do
    [ -e "$stage/whole$LIBDIR/libcoax.$ending" ] || { echo "skipped: there is no libcoax.$ending in this build"; exit 77; }
done

cp -r "$SOURCE_ROOT/tests/install/consumer" "$stage/consumer"
export PKG_CONFIG_PATH="$stage/whole$LIBDIR/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage/whole"
"$MESON" setup --wrap-mode=nofallback "$stage/build" "$stage/consumer" >"$stage/log" || { cat "$stage/log"; exit 1; }
"$MESON" compile -C "$stage/build" >"$stage/log" || { cat "$stage/log"; exit 1; }
for form in shared static; do
    LD_LIBRARY_PATH="$stage/whole$LIBDIR" echoes "$form" "$stage/build/echo-$form" "$stage/whole$LIBDIR"
done

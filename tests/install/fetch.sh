# Lets a CMake project take the library in from its sources: as a subdirectory and linked with the archive, then by FetchContent and
# with the shared library. What CMake compiles has to be what Meson compiles: the arguments.
#
# From the environment: CXX, SOURCE_ROOT, IO_URING (ON or OFF), PORTABLE.
set -euo pipefail
for tool in cmake ninja python3; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
# shellcheck source=tests/install/echoes.sh
. "$(dirname "$0")/echoes.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$SOURCE_ROOT/tests/install/fetching" "$work/project"
cp "$SOURCE_ROOT/tests/install/consumer/echo.cpp" "$work/project"

# set_up WAY [OPTION...]
set_up() {
    cmake -S "$work/project" -B "$work/build" -G Ninja -DCOAX="$SOURCE_ROOT" -DWAY="$1" "${@:2}" \
        -DCOAX_IO_URING="$IO_URING" -DCOAX_PORTABLE="$PORTABLE" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

# try FORM WAY SHARED: with all its sources compiled as one, which takes a tenth of the time.
try() {
    set_up "$2" -DBUILD_SHARED_LIBS="$3" -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0
    cmake --build "$work/build" >"$work/log" || { tail -n 100 "$work/log"; exit 1; }
    echoes "$1" "$work/build/echo" "$work/build/_deps/coax-build"
}

try static subdirectory OFF
try shared fetch ON

set_up fetch -DCMAKE_UNITY_BUILD=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
python3 - "$work/build/compile_commands.json" "$SOURCE_ROOT/src/" "$@" <<'PYTHON'
import json, os, sys

commands, directory, *meson = sys.argv[1:]
cmake = {os.path.join(each["directory"], each["file"]) for each in json.load(open(commands))}
cmake = {path for path in map(os.path.realpath, cmake) if path.startswith(os.path.realpath(directory) + os.sep)}
meson = set(map(os.path.realpath, meson))
for missing in sorted(meson - cmake):
    print("not ok: CMakeLists.txt lacks", missing)
for extra in sorted(cmake - meson):
    print("not ok: Meson does not compile", extra)
sys.exit(cmake != meson or not cmake)
PYTHON

# One option that cannot be met is an error, and not less than was asked for.
if cmake -S "$work/project" -B "$work/build" -DCOAX_PORTABLE=ON -DCOAX_IO_URING=ON >"$work/log" 2>&1; then
    echo "not ok: io_uring without Linux"
    exit 1
fi
grep -q 'io_uring is asked for' "$work/log"

# What the installed shared library shows to a program: a soname with its version, and the symbols of what the installed
# headers declare in namespace coax, nothing else. Any symbol is looked at, strong or weak: what inline code and templates of
# the headers leave in the library is of coax too. And what it must not want of the system where it is a release.
#
# From the environment: VERSION, RELEASE (yes or no), SOURCE_ROOT, and what stage.sh wants.
for tool in nm readelf awk; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
# shellcheck source=tests/install/stage.sh
. "$(dirname "$0")/stage.sh"

library=$stage/whole$LIBDIR/libcoax.so
if [ ! -e "$library" ]; then
    echo "skipped: there is no shared library in this build, or it is not ELF"
    exit 77
fi

failed=0
complain() {
    printf 'not ok: %s\n' "$1"
    failed=1
}

# --- the name that programs keep ------------------------------------------------------------------

soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
# As long as the major version is 0, another minor version is another library.
case $VERSION in
0.*) compatible=${VERSION%.*} ;;
*) compatible=${VERSION%%.*} ;;
esac
[ "$soname" = "libcoax.so.$compatible" ] || complain "the soname is '$soname', not libcoax.so.$compatible"
# Debian's name for the package follows from it, and is written down in debian/ and in the documentation.
package=libcoax$compatible
grep -qx "Package: $package" "$SOURCE_ROOT/debian/control" || complain "debian/control has no package $package"
[ -f "$SOURCE_ROOT/debian/$package.install" ] || complain "there is no debian/$package.install"
for name in "$soname" "$package"; do
    grep -qF "\`$name\`" "$SOURCE_ROOT/docs/packaging.md" || complain "docs/packaging.md does not say $name"
done
for name in libcoax.so "$soname"; do
    [ "$(readlink -f "$stage/whole$LIBDIR/$name")" = "$(readlink -f "$stage/whole$LIBDIR/libcoax.so.$VERSION")" ] ||
        complain "$name is not libcoax.so.$VERSION"
done

# --- what is exported -----------------------------------------------------------------------------

nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u >"$stage/exported"
count=$(wc -l <"$stage/exported")
[ "$count" -gt 100 ] || complain "only $count symbols are exported"

# Of namespace coax: functions and objects; type_info, vtables and thread-local wrappers; guards and what is static in functions.
ours='^_Z(T[ISVTHW]|GV)?Z?N[KVRO]*4coax'
if grep -vE "$ours" "$stage/exported" >"$stage/strange"; then
    complain "exported, but not of namespace coax:"
    c++filt <"$stage/strange" | head -n 20
fi
# Ours in name, but about what users do not have.
if c++filt <"$stage/exported" | grep -E '\(anonymous namespace\)|\<fmt::|\<(io_uring|epoll)_[a-z]+\>' | head -n 20; then
    complain "exported, but about inner matters"
fi

# Each name on the way to a symbol (_ZN4coax6socket6acceptEv: coax, socket, accept) is in an installed header.
find "$stage/whole" -name '*.hpp' -exec cat {} + | grep -oE '\<[A-Za-z_][A-Za-z0-9_]*\>' | sort -u >"$stage/declared"
grep -E "$ours" "$stage/exported" | sed -E 's/^_Z(T[ISVTHW]|GV)?Z?N[KVRO]*//' |
    awk '{
        rest = $0
        while (match(rest, /^[0-9]+/)) {
            size = substr(rest, 1, RLENGTH)
            print substr(rest, RLENGTH + 1, size)
            rest = substr(rest, RLENGTH + 1 + size)
        }
    }' | sort -u >"$stage/named"
if comm -23 "$stage/named" "$stage/declared" | grep .; then
    complain "these names are exported, but no installed header has them"
fi

# --- what is wanted --------------------------------------------------------------------------------

# The C library's names for it: __assert_fail, __assert, __assert13 and others.
if [ "$RELEASE" = yes ] && nm -D --undefined-only "$library" | grep -E '\<__assert'; then
    complain "assertions run in a release, which b_ndebug=if-release leaves out"
fi

[ "$failed" = 0 ] && echo "$soname: $count symbols, all of them declared"
exit "$failed"

# Sourced: what every consumer ends with.

# Meson points tests at the libraries of the build, which would be loaded in place of what is looked at.
unset LD_LIBRARY_PATH

# echoes FORM PROGRAM DIRECTORY: the program echoes, and has its library from where it should: the shared one from that directory
# or one below it, and none where it is linked with the archive.
echoes() {
    local form=$1 program=$2 directory=$3 loaded=""
    printf '%s: ' "$form"
    "$program"
    command -v ldd >/dev/null || return 0
    loaded=$(ldd "$program" | sed -n 's/^[[:space:]]*libcoax\.[^ ]* => \([^ ]*\).*/\1/p')
    case $form:$loaded in
    "shared:$directory"/* | static:) ;;
    *)
        echo "not ok: $program runs with '$loaded'"
        return 1
        ;;
    esac
}

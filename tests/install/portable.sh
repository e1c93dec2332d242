# What a build with -Dportable=true calls of the system: nothing that macOS and the BSDs do not all have. Such a call may come back
# by a mere #ifdef that is true here, and no other test would notice.
#
#     portable.sh LIBRARY...
set -euo pipefail

command -v nm >/dev/null || { echo "skipped: there is no nm"; exit 77; }

foreign='accept4|pipe2|dup3|ppoll|(epoll|eventfd|signalfd|timerfd|inotify|fanotify|io_uring|memfd|userfaultfd|process_vm)(_.*)?|(recv|send)mmsg
|sendfile|splice|tee|vmsplice|copy_file_range|fallocate|prctl|syscall|gettid|getrandom|secure_getenv|mremap|unshare|setns|sched_.*affinity
|sched_getcpu|clock_nanosleep|pthread_(condattr_setclock|setname_np|.*affinity_np)|malloc_usable_size|gethostbyname_r|getaddrinfo_a'
foreign=${foreign//$'\n'/}

failed=0
for library in "$@"; do
    # libstdc++ calls futex(2) where a stop token's callback goes away, in code of namespace std that is compiled here, in sections of its
    # own. Of a shared library nobody says who calls.
    case $library in
    *.so*) called=$(nm -D -u "$library") ;;
    *)
        called=$(nm -A -u "$library")
        if readelf -rW "$library" 2>/dev/null | awk '/^Relocation section/ { section = $3 } / syscall( |$)/ { print section }' |
            grep -v "^'\.rela\?\.text\._ZN\?K\?St"; then
            echo "not ok: $library calls syscall(2) from there"
            failed=1
        fi
        ;;
    esac
    called=$(grep -v ' U syscall\(@.*\)\?$' <<<"$called")
    called=$(awk '$(NF - 1) == "U" || $(NF - 1) == "w" { sub(/@.*/, "", $NF); print $NF }' <<<"$called" | sort -u)
    # Whether it is looked at rightly.
    for name in accept poll sendmsg; do
        grep -qx "$name" <<<"$called" || { echo "not ok: $library does not call $name"; failed=1; }
    done
    if grep -xE "$foreign" <<<"$called"; then
        echo "not ok: $library calls that"
        failed=1
    fi
done
exit "$failed"

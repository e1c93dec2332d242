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
    case $library in
    *.so*) called=$(nm -D -u "$library") ;;
    *) called=$(nm -u "$library") ;;
    esac
    called=$(awk '$1 == "U" || $1 == "w" { sub(/@.*/, "", $2); print $2 }' <<<"$called" | sort -u)
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

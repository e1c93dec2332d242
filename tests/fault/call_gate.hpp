// System calls of one thread that are looked at before they are made, by a seccomp filter (seccomp(2), seccomp_unotify(2)): liburing makes
// them without the C library, so that nothing can stand in front of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <thread>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fault {

/// From now on this thread's calls of these numbers end as `action` says. Gives what the system gave, -1 for no filter.
inline int filter_calls(std::initializer_list<long> numbers, std::uint32_t action, unsigned flags) {
    std::vector<sock_filter> program;
    program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)});
    for (const long number : numbers) {
        program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(number)});
        program.push_back({BPF_RET | BPF_K, 0, 0, action});
    }
    program.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

/// From now on such calls of this thread fail, for good.
inline bool refuse_calls(std::initializer_list<long> numbers, int error) {
    return filter_calls(numbers, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error), 0) == 0;
}

/// What `judge` gives for a call is its error, and 0 lets it be made.
using call_judge = std::function<int(const seccomp_data&)>;

/// Runs `body` on a thread whose calls of these numbers are judged, one by one and on another thread.
inline void with_calls_judged(std::initializer_list<long> numbers, const call_judge& judge,
                              const std::function<void()>& body) {
    std::atomic<int> listener{-2};
    std::thread judged([&] {
        listener = filter_calls(numbers, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        listener.notify_one();
        if (listener >= 0)
            body();
    });
    listener.wait(-2);
    for (pollfd entry{listener, POLLIN, 0};
         listener >= 0 && ::poll(&entry, 1, -1) > 0 && (entry.revents & POLLIN) != 0;) {
        seccomp_notif call{};
        if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
            continue; // it was interrupted before
        seccomp_notif_resp answer{};
        answer.id = call.id;
        answer.error = -judge(call.data);
        answer.flags = answer.error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
        ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    judged.join();
    if (listener < 0)
        throw std::runtime_error("no seccomp filter");
    ::close(listener);
}

} // namespace fault

// System calls of one thread that are looked at before they are made, by a seccomp filter (seccomp(2), seccomp_unotify(2)): liburing makes
// them without the C library, so that nothing can stand in front of it.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <thread>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
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

/// Runs `body` on a thread whose calls of these numbers are judged, one by one and on another thread. False: this system does not let them
/// be judged, which is no failure unless COAX_TESTS_REQUIRE says that it has to.
inline bool with_calls_judged(std::initializer_list<long> numbers, const call_judge& judge,
                              const std::function<void()>& body) {
    std::atomic<int> listener{-2};
    const int over = ::eventfd(0, EFD_CLOEXEC);
    std::thread judged([&] {
        listener = filter_calls(numbers, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        listener.notify_one();
        if (listener >= 0)
            body();
        ::eventfd_write(over, 1);
    });
    listener.wait(-2);
    for (pollfd entries[] = {{listener, POLLIN, 0}, {over, POLLIN, 0}}; listener >= 0;) {
        if (::poll(entries, 2, -1) < 0) // interrupted
            continue;
        if ((entries[1].revents & POLLIN) != 0)
            break;
        seccomp_notif call{};
        if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
            continue; // the call was interrupted before
        seccomp_notif_resp answer{};
        answer.id = call.id;
        answer.error = -judge(call.data);
        answer.flags = answer.error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
        if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0 && errno != ENOENT) {
            std::perror("answering a call that is judged");
            std::abort(); // its thread would wait for ever
        }
    }
    judged.join();
    ::close(over);
    if (listener >= 0)
        ::close(listener);
    else if (std::getenv("COAX_TESTS_REQUIRE") != nullptr)
        throw std::runtime_error("no seccomp filter that lets calls be judged");
    return listener >= 0;
}

} // namespace fault

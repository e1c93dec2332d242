// The system call by which a scheduler waits may fail, for a while or for good.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"

#include "call_gate.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <initializer_list>
#include <string>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

/// Those that this system's headers know.
constexpr std::initializer_list<long> waits = {
    SYS_ppoll,          SYS_epoll_pwait,
#if defined(SYS_ppoll_time64)
    SYS_ppoll_time64,
#endif
#if defined(SYS_epoll_wait)
    SYS_epoll_wait,
#endif
#if defined(SYS_epoll_pwait2)
    SYS_epoll_pwait2,
#endif
#if defined(SYS_io_uring_enter)
    SYS_io_uring_enter,
#endif
};

coax::task<std::string> echoed() {
    coax::socket_pair pair = coax::socketpair();
    std::string heard;
    const auto echo = [&]() -> coax::task<> {
        for (int i = 0; i < 10; ++i) {
            const coax::chunk data = co_await pair.second.recv(16);
            co_await pair.second.sendall(data);
        }
    };
    const auto ask = [&]() -> coax::task<> {
        for (int i = 0; i < 10; ++i) {
            co_await pair.first.sendall(std::to_string(i));
            const coax::chunk data = co_await pair.first.recv(16);
            heard += data.text();
        }
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(echo());
        group.spawn(ask());
        co_return;
    });
    co_return heard;
}

} // namespace

TEST_CASE("a scheduler whose wait is refused for good ends the program and says so") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = support::start_child([&] {
        ::dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        alarm(20); // one that spins instead
        coax::run([]() -> coax::task<> {
            if (fault::refuse_calls(waits, EBADF))
                co_await coax::sleep_for(1ms);
        }());
        return 0;
    });
    ::close(ends[1]);
    CHECK(support::exit_code(child) == -SIGABRT);
    char said[200] = {};
    CHECK(::read(ends[0], said, sizeof said - 1) > 0);
    CHECK(std::string(said).find("the scheduler cannot go on") != std::string::npos);
    ::close(ends[0]);
}

TEST_CASE("a wait that is refused for want of memory is repeated with pauses, and nothing is lost") {
    // epoll_wait(2) has no such error: it is interrupted instead.
    const bool lacks_memory = coax::scheduler().backend().kind != coax::backend_kind::epoll;
    std::atomic<bool> refuses{false};
    int refused = 0;
    std::string heard;
    const auto judge = [&, end = std::chrono::steady_clock::time_point()](const seccomp_data&) mutable {
        if (!refuses)
            return 0;
        if (refused++ == 0)
            end = std::chrono::steady_clock::now() + 200ms;
        refuses = std::chrono::steady_clock::now() < end;
        return lacks_memory ? ENOMEM : EINTR;
    };
    const auto converse = [&]() -> coax::task<> {
        refuses = true;
        heard = co_await echoed();
    };
    if (!fault::with_calls_judged(waits, judge, [&] { coax::run(converse()); }))
        return;
    CHECK(heard == "0123456789");
    CHECK(refused > 3);
    if (lacks_memory)
        CHECK(refused < 300); // one that spins makes thousands
}

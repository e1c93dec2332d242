// Submissions are refused while there is no memory, neither for the kernel nor for the completions that are taken out to make room.
#include "support/catch.hpp"
#include "support/net.hpp"

#include "call_gate.hpp"
#include "faults.hpp"

#include <atomic>
#include <cerrno>
#include <limits>
#include <string>

#include <sys/syscall.h>

TEST_CASE("completions that come while submissions are refused and there is no memory are not lost") {
    constexpr int times = 12;
    std::atomic<bool> refuses{false};
    int refused = 0;
    const auto judge = [&](const seccomp_data& call) {
        const bool submits = call.args[1] != 0;
        if (!submits || !refuses)
            return 0; // one that only collects brings completions
        if (refused == 0)
            fault::allocations.begin({1, std::numeric_limits<std::size_t>::max() - 1, 0});
        if (++refused < times)
            return EBUSY;
        fault::allocations.end();
        refuses = false;
        return 0;
    };
    std::string heard;
    bool tried = false;
    const auto converse = [&]() -> coax::task<> {
        coax::socket_pair first = coax::socketpair();
        coax::socket_pair second = coax::socketpair();
        const int raw = second.first.fileno();
        const auto receive = [&](coax::socket& from) -> coax::task<> {
            const coax::chunk data = co_await from.recv(16);
            heard += data.text();
        };
        const auto submit = [&]() -> coax::task<> {
            co_await support::round_trip(); // the second pair's receive is in the kernel
            // It completes there, and nobody collects it before the next submission, which is refused.
            CHECK(support::send_raw(raw, "two", 3) == 3);
            refuses = true;
            co_await first.first.sendall("one");
            tried = refused == times;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(receive(second.second));
            group.spawn(receive(first.second));
            group.spawn(submit());
            co_return;
        });
    };
    if (!fault::with_calls_judged({SYS_io_uring_enter}, judge, [&] { coax::run(converse()); }))
        return;
    CHECK(tried);
    CHECK((heard == "onetwo" || heard == "twoone"));
}

// Signals that the program sends to itself in the one way that every system has.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;
using support::ending;

namespace {

coax::task<> await_one(int& got) { got = co_await coax::wait_signal(SIGINT, SIGTERM); }

} // namespace

TEST_CASE("a raised signal ends every wait for it, and no other") {
    const int signal = GENERATE(SIGINT, SIGTERM);
    support::run([&]() -> coax::task<> {
        int got[2] = {};
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([] { return coax::wait_signal(support::other_signal); }, how));
            co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                inner.spawn(await_one(got[0]));
                inner.spawn(await_one(got[1]));
                co_await coax::yield();
                std::raise(signal);
            });
            CHECK(how == ending::none);
            group.cancel();
        });
        CHECK(got[0] == signal);
        CHECK(got[1] == signal);
        CHECK(how == ending::cancelled);
    });
}

TEST_CASE("a signal wakes a loop that sleeps, from another thread") {
    support::run([]() -> coax::task<> {
        std::thread other([] {
            while (support::is_default(support::one_signal)) // before somebody waits it would end the program
                std::this_thread::yield();
            std::raise(support::one_signal);
        });
        const int got = co_await coax::wait_signal(support::one_signal);
        other.join();
        CHECK(got == support::one_signal);
    });
    CHECK(support::is_default(support::one_signal));
}

TEST_CASE("what is raised between two waits is kept, for the scheduler and for a set") {
    {
        coax::signal_set signals(support::other_signal);
        std::raise(support::other_signal);
        support::run([&]() -> coax::task<> {
            const int from_before = co_await signals.wait();
            CHECK(from_before == support::other_signal);
            std::raise(support::other_signal);
            const auto none = co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(support::one_signal)));
            CHECK_FALSE(none);
            for (int round = 0; round < 3; ++round) {
                std::raise(support::one_signal);
                const int got = co_await coax::wait_signal(support::one_signal);
                CHECK(got == support::one_signal);
            }
        });
        support::run([&]() -> coax::task<> {
            const int between = co_await signals.wait();
            CHECK(between == support::other_signal);
        });
    }
    CHECK(support::is_default(support::one_signal));
    CHECK(support::is_default(support::other_signal));
}

TEST_CASE("what cannot be caught is refused") {
    support::run([]() -> coax::task<> {
        for (const int none : {0, -1, 1000}) {
            const auto outcome = co_await coax::as_result(coax::wait_signal(none));
            CHECK(support::code_of(outcome) == std::errc::invalid_argument);
        }
    });
}

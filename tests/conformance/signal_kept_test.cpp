// What comes between two waits for a signal is kept, and nothing of it is lost: neither at the end nor in a child.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <signal.h>

using namespace std::chrono_literals;
using support::ending;

namespace {

std::atomic<int> strays{0};

void count_stray(int) { ++strays; }

/// The program's own handler of SIGUSR1 and SIGUSR2, which counts.
class own_handlers {
public:
    own_handlers() {
        strays = 0;
        for (const int signal : {SIGUSR1, SIGUSR2})
            std::signal(signal, &count_stray);
    }
    own_handlers(const own_handlers&) = delete;
    own_handlers& operator=(const own_handlers&) = delete;
    ~own_handlers() {
        for (const int signal : {SIGUSR1, SIGUSR2})
            std::signal(signal, SIG_DFL);
    }
};

bool has_own_handler(int signal) {
    struct sigaction now{};
    sigaction(signal, nullptr, &now);
    return now.sa_handler == &count_stray;
}

coax::task<> hear(int& count) {
    for (;;) {
        co_await coax::wait_signal(SIGUSR1);
        ++count;
    }
}

} // namespace

TEST_CASE("a loop of wait_signal misses nothing between two waits") {
    const own_handlers handlers;
    support::run([]() -> coax::task<> {
        raise(SIGUSR1);
        CHECK(strays == 1); // not ours before the first wait
        const auto early = co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGUSR1, SIGUSR2)));
        CHECK_FALSE(early);
        for (int round = 0; round < 100; ++round) {
            raise(SIGUSR1);
            raise(SIGUSR1); // one that is noted already is one
            co_await coax::yield();
            const int got = co_await coax::wait_signal(SIGUSR1);
            CHECK(got == SIGUSR1);
        }
        raise(SIGUSR2);
        raise(SIGUSR1);
        const int lower = co_await coax::wait_signal(SIGUSR2, SIGUSR1);
        CHECK(lower == std::min(SIGUSR1, SIGUSR2));
        const int higher = co_await coax::wait_signal(SIGUSR2, SIGUSR1);
        CHECK(higher == std::max(SIGUSR1, SIGUSR2));
    });
    CHECK(strays == 1);
    CHECK(has_own_handler(SIGUSR1));
}

TEST_CASE("signals that never cease all meet the loop, as long as it runs") {
    const own_handlers handlers;
    int one = 0;
    int two = 0;
    std::atomic<bool> done{false};
    std::optional<coax::signal_set> until_joined(std::in_place, SIGUSR1);
    std::thread sender([&] {
        while (!done)
            kill(getpid(), SIGUSR1);
    });
    support::run([&]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(hear(one));
            group.spawn(hear(two));
            co_await support::until([&] { return one >= 300 && two >= 300; });
            group.cancel();
        });
    });
    done = true;
    sender.join();
    CHECK(strays == 0);
    until_joined.reset();
    CHECK(strays <= 1); // the last one that nobody took
    CHECK(has_own_handler(SIGUSR1));
}

TEST_CASE("each wait that waits hears of a signal; one that is kept goes to a single wait") {
    const own_handlers handlers;
    support::run([]() -> coax::task<> {
        ending first = ending::none;
        ending second = ending::none;
        const auto wait = [] { return coax::wait_signal(SIGUSR1); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(wait, first));
            group.spawn(support::note(wait, second));
            co_await support::until_waiting(2);
            raise(SIGUSR1);
            co_await support::until([&] { return first == ending::value && second == ending::value; });
            raise(SIGUSR1);
            first = second = ending::none;
            group.spawn(support::note(wait, first));
            group.spawn(support::note(wait, second));
            co_await support::until([&] { return first == ending::value; });
            CHECK(second == ending::none);
            group.cancel();
        });
        CHECK(second == ending::cancelled);
    });
    CHECK(strays == 0);
}

TEST_CASE("a signal that nobody took does at the end what it would have done without us") {
    const own_handlers handlers;
    support::run([]() -> coax::task<> {
        const auto none = co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGUSR1, SIGUSR2)));
        CHECK_FALSE(none);
        raise(SIGUSR1);
        raise(SIGUSR2);
        const int got = co_await coax::wait_signal(SIGUSR2);
        CHECK(got == SIGUSR2);
        CHECK(strays == 0);
    });
    CHECK(strays == 1);
    strays = 0;
    { // the same of a set, also when another one has taken it
        coax::signal_set quiet(SIGUSR1);
        {
            coax::signal_set taking(SIGUSR1);
            raise(SIGUSR1);
            support::run([&]() -> coax::task<> {
                const int got = co_await taking.wait();
                CHECK(got == SIGUSR1);
            });
        }
        {
            const coax::signal_set third(SIGUSR2);
            raise(SIGUSR2);
        }
        CHECK(strays == 1);
    }
    // `quiet` has not taken what came to it, and was the last one to go.
    CHECK(strays == 2);
}

TEST_CASE("a handler that the program sets meanwhile stays, and the next wait has the signal again") {
    const own_handlers handlers;
    support::run([]() -> coax::task<> {
        static_cast<void>(co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGUSR1, SIGUSR2))));
        std::signal(SIGUSR1, &count_stray);
        raise(SIGUSR1);
        CHECK(strays == 1);
        int got = 0;
        const auto wait = [&]() -> coax::task<> { got = co_await coax::wait_signal(SIGUSR1); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(wait());
            co_await support::until_waiting(1);
            raise(SIGUSR1);
        });
        CHECK(got == SIGUSR1);
        std::signal(SIGUSR2, SIG_IGN);
    });
    CHECK(has_own_handler(SIGUSR1));
    CHECK_FALSE(has_own_handler(SIGUSR2));
}

TEST_CASE("a set hears from its construction to its destruction, with and without a run") {
    const own_handlers handlers;
    {
        coax::signal_set signals(SIGUSR1, SIGUSR2);
        raise(SIGUSR1);
        for (int run = 0; run < 2; ++run) {
            support::run([&]() -> coax::task<> {
                const int first = co_await signals.wait();
                CHECK(first == SIGUSR1);
                const auto none = co_await coax::as_result(coax::with_timeout(0s, signals.wait()));
                CHECK_FALSE(none);
                raise(SIGUSR2);
                const int second = co_await signals.wait();
                CHECK(second == SIGUSR2);
            });
            raise(SIGUSR1);
        }
        CHECK(strays == 0);
        support::run([&]() -> coax::task<> { static_cast<void>(co_await signals.wait()); });
    }
    CHECK(strays == 0);
    CHECK(has_own_handler(SIGUSR1));
    CHECK(has_own_handler(SIGUSR2));
}

TEST_CASE("a set of what cannot be caught is not made, and changes nothing") {
    const own_handlers handlers;
    for (const int wrong : {SIGKILL, SIGSTOP, 0, -1, 65}) {
        try {
            const coax::signal_set made(SIGUSR1, wrong);
            FAIL("it was made");
        } catch (const coax::io_error& error) {
            CHECK(error.code() == std::errc::invalid_argument);
        }
        CHECK(has_own_handler(SIGUSR1));
    }
}

TEST_CASE("three hundred sets hear of one signal") {
    const own_handlers handlers;
    std::vector<std::unique_ptr<coax::signal_set>> sets;
    for (int made = 0; made < 300; ++made)
        sets.push_back(std::make_unique<coax::signal_set>(SIGUSR1));
    raise(SIGUSR1);
    support::run([&]() -> coax::task<> {
        int heard = 0;
        for (const auto& set : sets)
            if (co_await set->wait() == SIGUSR1)
                ++heard;
        CHECK(heard == 300);
    });
    sets.clear();
    CHECK(strays == 0);
}

TEST_CASE("a set is waited on in one scheduler at a time") {
    const own_handlers handlers;
    coax::signal_set signals(SIGUSR1);
    support::run([&]() -> coax::task<> {
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return signals.wait(); }, how));
            co_await support::until_waiting(1);
            std::thread other([&] {
                const auto wait = [&]() -> coax::task<int> { co_return co_await signals.wait(); };
                CHECK_THROWS_AS(coax::run(wait()), std::logic_error);
            });
            other.join();
            group.cancel();
        });
        CHECK(how == ending::cancelled);
    });
}

TEST_CASE("a coroutine that is destroyed before it took its signal leaves it to the next wait") {
    const own_handlers handlers;
    support::run([]() -> coax::task<> {
        const auto waiting = []() -> support::destructible { static_cast<void>(co_await coax::wait_signal(SIGUSR1)); };
        {
            const support::timers_first hook;
            support::destructible first = waiting();
            raise(SIGUSR1);
            // This task goes on first; the other one has its signal then and has not run.
            co_await coax::sleep_until(coax::clock::now() + 1ns);
            CHECK_FALSE(first.done());
            first.destroy();
            const int got = co_await coax::wait_signal(SIGUSR1);
            CHECK(got == SIGUSR1);
        }
        support::destructible second = waiting();
        raise(SIGUSR1);
        second.destroy();
        const int got = co_await coax::wait_signal(SIGUSR1);
        CHECK(got == SIGUSR1);
    });
    CHECK(strays == 0);
}

TEST_CASE("a signal that is kept lets the loop rest") {
    const own_handlers handlers;
    support::run([]() -> coax::task<> {
        static_cast<void>(co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGUSR1, SIGUSR2))));
        raise(SIGUSR1);
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([] { return coax::wait_signal(SIGUSR2); }, how));
            co_await coax::sleep_for(1ms);
            const auto before = coax::scheduler::current().stats().turns;
            co_await coax::sleep_for(20ms);
            CHECK(coax::scheduler::current().stats().turns - before < 10);
            group.cancel();
        });
        CHECK(how == ending::cancelled);
        const int got = co_await coax::wait_signal(SIGUSR1);
        CHECK(got == SIGUSR1);
    });
}

TEST_CASE("a child has the dispositions from before, and may wait for signals itself") {
    coax::signal_set outer(SIGUSR2);
    support::run([&]() -> coax::task<> {
        static_cast<void>(co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGUSR1))));
        CHECK(support::in_child([] {
                  raise(SIGUSR1);
                  return 1;
              }) == -SIGUSR1);
        raise(SIGUSR1); // the parent's, which the child has no share in
        const int code = support::in_child([&] {
            const auto work = [&]() -> coax::task<int> {
                const auto none = co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGUSR1)));
                raise(SIGUSR1);
                const int first = co_await coax::wait_signal(SIGUSR1);
                const auto neither = co_await coax::as_result(coax::with_timeout(0s, outer.wait()));
                raise(SIGUSR2);
                const int second = co_await outer.wait();
                co_return !none && first == SIGUSR1 && !neither && second == SIGUSR2 ? 7 : 6;
            };
            return coax::run(work());
        });
        CHECK(code == 7);
        const int got = co_await coax::wait_signal(SIGUSR1);
        CHECK(got == SIGUSR1);
    });
}

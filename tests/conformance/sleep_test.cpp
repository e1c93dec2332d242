// Sleeping: how long, in which order, and at no cost while nothing happens.
#include "support/catch.hpp"
#include "support/many.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

TEST_CASE("a sleep lasts at least as long as it was asked to") {
    support::run([]() -> coax::task<> {
        for (const auto time : {1us, 700us, 1000us, 1500us, 12'000us}) {
            const auto steady = std::chrono::steady_clock::now();
            const coax::clock::time_point start = coax::clock::now();
            co_await coax::sleep_for(time);
            CHECK(coax::clock::now() - start >= time);
            CHECK(std::chrono::steady_clock::now() - steady >= time);
            CHECK(std::chrono::steady_clock::now() - steady < support::patience);
        }
    });
}

TEST_CASE("what a task has computed before does not shorten its sleep") {
    support::run([]() -> coax::task<> {
        for (const auto time : {1ms, 20ms}) {
            support::spin(30ms);
            const auto steady = std::chrono::steady_clock::now();
            co_await coax::sleep_for(time);
            CHECK(std::chrono::steady_clock::now() - steady >= time);
        }
        // Nor does it while something else is always ready.
        bool done = false;
        const auto other = [&]() -> coax::task<> {
            while (!done)
                co_await coax::yield();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(other());
            support::spin(30ms);
            const auto steady = std::chrono::steady_clock::now();
            co_await coax::sleep_for(20ms);
            CHECK(std::chrono::steady_clock::now() - steady >= 20ms);
            done = true;
        });
    });
}

TEST_CASE("sleep_until wakes at the given time") {
    support::run([]() -> coax::task<> {
        const coax::clock::time_point when = coax::clock::now() + 5ms;
        co_await coax::sleep_until(when);
        CHECK(coax::clock::now() >= when);
    });
}

TEST_CASE("sleeping for nothing, or until a time that has passed, lets others run") {
    support::run([]() -> coax::task<> {
        int turns = 0;
        bool done = false;
        const auto other = [&]() -> coax::task<> {
            while (!done) {
                ++turns;
                co_await coax::yield();
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(other());
            co_await coax::sleep_for(0s);
            CHECK(turns >= 2);
            int before = turns;
            co_await coax::sleep_for(-1h);
            CHECK(turns > before);
            before = turns;
            co_await coax::sleep_for(std::chrono::nanoseconds::min());
            CHECK(turns > before);
            before = turns;
            co_await coax::sleep_until(coax::clock::now() - 1h);
            CHECK(turns > before);
            before = turns;
            co_await coax::sleep_until(coax::clock::time_point::min());
            CHECK(turns > before);
            done = true;
        });
        for (int round = 0; round < support::many(100'000); ++round)
            co_await coax::sleep_for(0s);
    });
}

TEST_CASE("any duration will do, and one beyond the clock's range is very long") {
    support::run([]() -> coax::task<> {
        co_await coax::sleep_for(std::chrono::duration<double>(0.001));
        co_await coax::sleep_for(std::chrono::duration<float, std::milli>(0.5F));
        co_await coax::sleep_for(std::chrono::duration<int, std::micro>(10));

        std::vector<ending> how(8, ending::none);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            using forever = std::chrono::duration<double>;
            group.spawn(support::note([] { return coax::sleep_for(std::chrono::hours::max()); }, how[0]));
            group.spawn(support::note([] { return coax::sleep_for(std::chrono::nanoseconds::max()); }, how[1]));
            group.spawn(support::note([] { return coax::sleep_for(std::chrono::years(1'000'000)); }, how[2]));
            group.spawn(support::note([] { return coax::sleep_for(forever(1e300)); }, how[3]));
            group.spawn(support::note([] { return coax::sleep_for(forever(std::numeric_limits<double>::infinity())); },
                                      how[4]));
            group.spawn(support::note([] { return coax::sleep_until(coax::clock::time_point::max()); }, how[5]));
            group.spawn(support::note([] { return coax::sleep_for(std::chrono::weeks(52 * 200)); }, how[6]));
            group.spawn(support::note([] { return coax::sleep_for(std::chrono::days(30)); }, how[7]));
            co_await coax::sleep_for(5ms);
            CHECK(std::count(how.begin(), how.end(), ending::none) == 8);
            group.cancel();
        });
        CHECK(std::count(how.begin(), how.end(), ending::cancelled) == 8);
    });
}

TEST_CASE("sleepers wake in the order of their times, whatever the order in which they went to sleep") {
    support::run([]() -> coax::task<> {
        constexpr int count = 1000;
        const coax::clock::time_point start = coax::clock::now();
        std::vector<int> due(count);
        for (int index = 0; index < count; ++index)
            due[static_cast<std::size_t>(index)] = index;
        std::shuffle(due.begin(), due.end(), std::mt19937(7));
        std::vector<int> woken;
        const auto sleeper = [&](int index) -> coax::task<> {
            co_await coax::sleep_until(start + index * 20us);
            CHECK(coax::clock::now() >= start + index * 20us);
            woken.push_back(index);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (const int index : due)
                group.spawn(sleeper(index));
            co_return;
        });
        CHECK(woken.size() == count);
        CHECK(std::is_sorted(woken.begin(), woken.end()));
    });
}

TEST_CASE("sleepers with the same time wake in the order in which they went to sleep") {
    support::run([]() -> coax::task<> {
        constexpr int count = 1000;
        const coax::clock::time_point when = coax::clock::now() + 20ms;
        std::vector<int> woken;
        const auto sleeper = [&](int index) -> coax::task<> {
            co_await coax::sleep_until(when);
            woken.push_back(index);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int index = 0; index < count; ++index)
                group.spawn(sleeper(index));
            co_return;
        });
        CHECK(woken.size() == count);
        CHECK(std::is_sorted(woken.begin(), woken.end()));
    });
}

TEST_CASE("a million sleepers at once") {
    constexpr std::size_t count = support::many(1'000'000U);
    std::size_t woken = 0;
    support::run([&]() -> coax::task<> {
        const coax::clock::time_point start = coax::clock::now();
        std::mt19937 random(11);
        const auto sleeper = [&](std::chrono::microseconds time) -> coax::task<> {
            co_await coax::sleep_until(start + time);
            ++woken;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::size_t index = 0; index < count; ++index)
                group.spawn(sleeper(std::chrono::microseconds(random() % 1'000'000)));
            co_return;
        });
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
    CHECK(woken == count);
}

TEST_CASE("a cancelled sleep ends at once and leaves no timer") {
    support::run([]() -> coax::task<> {
        constexpr int count = 1000;
        std::vector<ending> how(count, ending::none);
        const auto steady = std::chrono::steady_clock::now();
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (ending& each : how)
                group.spawn(support::note([] { return coax::sleep_for(1h); }, each));
            CHECK(coax::scheduler::current().stats().timers == count);
            co_await coax::yield();
            group.cancel();
        });
        CHECK(std::count(how.begin(), how.end(), ending::cancelled) == count);
        CHECK(coax::scheduler::current().stats().timers == 0);
        CHECK(std::chrono::steady_clock::now() - steady < support::patience);
    });
}

TEST_CASE("a sleeper that wakes may cancel others that are due at the same time") {
    support::run([]() -> coax::task<> {
        for (int round = 0; round < 50; ++round) {
            constexpr std::size_t count = 20;
            std::vector<ending> how(count, ending::none);
            const coax::clock::time_point when = coax::clock::now() + 500us;
            const auto canceller = [&](coax::task_group& group) -> coax::task<> {
                co_await coax::sleep_until(when);
                group.cancel();
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < count; ++index) {
                    if (index == count / 2)
                        group.spawn(canceller(group));
                    group.spawn(support::note([&] { return coax::sleep_until(when); }, how[index]));
                }
                co_return;
            });
            // Each ended once, one way or the other; those before the canceller had certainly slept enough.
            for (std::size_t index = 0; index < count; ++index) {
                CHECK(how[index] != ending::none);
                if (index < count / 2)
                    CHECK(how[index] == ending::value);
            }
        }
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("a loop that sleeps does not spin") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        co_await coax::sleep_for(1ms);
        const coax::scheduler_stats before = scheduler.stats();
        co_await coax::sleep_for(200ms);
        const coax::scheduler_stats after = scheduler.stats();
        CHECK(after.turns - before.turns <= 4);
        CHECK(after.waits - before.waits <= 4);
    });
}

// To the C library of Windows processor time is time.
TEST_CASE("a loop that sleeps takes no processor time", "[posix]") {
    support::run([]() -> coax::task<> {
        const std::clock_t busy = std::clock();
        co_await coax::sleep_for(200ms);
        CHECK(std::clock() - busy < CLOCKS_PER_SEC / 10);
    });
}

TEST_CASE("a distant timer and a waiting socket do not make the loop spin either") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        coax::socket_pair pair = coax::socketpair();
        pair.first.settimeout(std::chrono::hours::max());
        ending far = ending::none;
        ending never = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([] { return coax::sleep_for(std::chrono::hours::max()); }, far));
            group.spawn(support::note([&] { return pair.first.recv(1); }, never));
            co_await coax::sleep_for(1ms);
            const std::uint64_t before = scheduler.stats().waits;
            co_await coax::sleep_for(50ms);
            CHECK(scheduler.stats().waits - before <= 4);
            group.cancel();
        });
        CHECK(far == ending::cancelled);
        CHECK(never == ending::cancelled);
    });
}

TEST_CASE("timers fire while sockets are busy, and sockets work while timers wait") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        int fired = 0;
        long exchanged = 0;
        const auto ticks = [&]() -> coax::task<> {
            while (fired < 20) {
                co_await coax::sleep_for(1ms);
                ++fired;
            }
        };
        const auto echo = [&]() -> coax::task<> {
            while (const coax::chunk data = co_await pair.second.recv(100))
                co_await pair.second.sendall(data);
        };
        const auto pump = [&]() -> coax::task<> {
            while (fired < 20) {
                co_await pair.first.sendall("x");
                const coax::chunk back = co_await pair.first.recv(1);
                exchanged += back.text() == "x" ? 1 : 0;
            }
            pair.first.close();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(ticks());
            group.spawn(echo());
            group.spawn(pump());
            co_return;
        });
        CHECK(fired == 20);
        CHECK(exchanged >= 5); // a turn can take longer than a tick
    });
}

// Running: what run gives back, where it may be called, that it can be called again; the clock and the counters.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

namespace {

coax::task<int> number(int value) {
    co_await coax::yield();
    co_return value;
}

coax::task<> nothing() { co_return; }

} // namespace

TEST_CASE("run gives what the task gives") {
    CHECK(coax::run(number(5)) == 5);
    CHECK_NOTHROW(coax::run(nothing()));

    int here = 1;
    const auto refer = [&]() -> coax::task<int&> { co_return here; };
    int& same = coax::run(refer());
    CHECK(&same == &here);

    const auto owned = []() -> coax::task<std::unique_ptr<std::string>> {
        co_await coax::yield();
        co_return std::make_unique<std::string>("moved out");
    };
    CHECK(*coax::run(owned()) == "moved out");
}

TEST_CASE("a scheduler runs one task after the other, also after a failure") {
    coax::scheduler scheduler;
    const auto fail = []() -> coax::task<int> {
        co_await coax::yield();
        throw std::runtime_error("failed");
    };
    for (int round = 0; round < 100; ++round) {
        CHECK(scheduler.run(number(round)) == round);
        CHECK_THROWS_WITH(scheduler.run(fail()), "failed");
    }
    CHECK_THROWS_AS(scheduler.run(coax::task<int>()), std::logic_error);
    CHECK(scheduler.run(number(7)) == 7);
}

TEST_CASE("the current scheduler is the one that runs, and there is none outside") {
    CHECK_THROWS_AS(coax::scheduler::current(), std::logic_error);
    coax::scheduler scheduler;
    CHECK_THROWS_AS(coax::scheduler::current(), std::logic_error);
    const auto ask = []() -> coax::task<coax::scheduler*> {
        co_await coax::yield();
        co_return &coax::scheduler::current();
    };
    CHECK(scheduler.run(ask()) == &scheduler);
    CHECK_THROWS_AS(coax::scheduler::current(), std::logic_error);
    const auto fail = []() -> coax::task<> {
        throw std::runtime_error("failed");
        co_return;
    };
    CHECK_THROWS_AS(scheduler.run(fail()), std::runtime_error);
    CHECK_THROWS_AS(coax::scheduler::current(), std::logic_error);
}

TEST_CASE("run inside run is refused, and the outer run goes on") {
    coax::scheduler outer;
    int refused = 0;
    const auto attempt = [&]() -> coax::task<int> {
        try {
            coax::run(number(1));
        } catch (const std::logic_error&) {
            ++refused;
        }
        try {
            coax::scheduler::current().run(number(2));
        } catch (const std::logic_error&) {
            ++refused;
        }
        coax::scheduler other;
        try {
            other.run(number(3));
        } catch (const std::logic_error&) {
            ++refused;
        }
        CHECK(&coax::scheduler::current() == &outer);
        co_return co_await number(4);
    };
    CHECK(outer.run(attempt()) == 4);
    CHECK(refused == 3);
}

TEST_CASE("a scheduler belongs to the thread that first ran it") {
    coax::scheduler scheduler;
    CHECK(scheduler.run(number(1)) == 1);
    bool refused = false;
    std::thread other([&] {
        try {
            scheduler.run(number(2));
        } catch (const std::logic_error&) {
            refused = true;
        }
    });
    other.join();
    CHECK(refused);
    CHECK(scheduler.run(number(3)) == 3);
}

TEST_CASE("a scheduler made on one thread may be run on another") {
    coax::scheduler scheduler;
    int got = 0;
    std::thread other([&] { got = scheduler.run(number(6)); });
    other.join();
    CHECK(got == 6);
}

TEST_CASE("schedulers on two threads run at the same time and talk through sockets") {
    coax::socket_pair pair = coax::socketpair();
    const auto echo = [&]() -> coax::task<> {
        while (const coax::chunk data = co_await pair.second.recv(4096))
            co_await pair.second.sendall(data);
    };
    std::thread server([&] { coax::run(echo()); });
    std::string heard;
    try {
        support::run([&]() -> coax::task<> {
            for (int round = 0; round < 1000; ++round) {
                co_await pair.first.sendall("ping");
                heard = co_await support::read(pair.first, 4);
                if (heard != "ping")
                    break;
            }
        });
    } catch (...) {
        heard = "failed";
    }
    pair.first.close();
    server.join();
    CHECK(heard == "ping");
}

TEST_CASE("an open socket moves on to the next scheduler with what it holds") {
    coax::socket_pair pair = coax::socketpair();
    for (int round = 0; round < 3; ++round) {
        support::run([&]() -> coax::task<> {
            // The rest stays behind for the next scheduler.
            co_await pair.first.sendall("abcdef");
            const std::string half = co_await support::read(pair.second, 3);
            CHECK(half == "abc");
        });
        support::run([&]() -> coax::task<> {
            const std::string rest = co_await support::read(pair.second, 3);
            CHECK(rest == "def");
        });
    }
}

TEST_CASE("a scheduler that never runs is made and destroyed") {
    for (int round = 0; round < 20; ++round)
        const coax::scheduler scheduler;
    const int before = support::open_descriptors();
    for (int round = 0; round < 20; ++round)
        const coax::scheduler scheduler;
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("the clock stands still within a step, and never goes back") {
    support::run([]() -> coax::task<> {
        const coax::clock::time_point start = coax::clock::now();
        support::spin(2ms);
        CHECK(coax::clock::now() == start);

        coax::clock::time_point last = start;
        for (int round = 0; round < 1000; ++round) {
            co_await coax::yield();
            const coax::clock::time_point now = coax::clock::now();
            CHECK(now >= last);
            last = now;
        }
        co_await coax::sleep_for(3ms);
        CHECK(coax::clock::now() >= last + 3ms);
    });
}

TEST_CASE("outside of a scheduler the clock runs with the system's steady one") {
    const auto steady = std::chrono::steady_clock::now();
    const coax::clock::time_point before = coax::clock::now();
    support::spin(5ms);
    const auto passed = coax::clock::now() - before;
    CHECK(passed >= 5ms);
    CHECK(passed <= std::chrono::steady_clock::now() - steady);

    // Times taken outside mean the same inside.
    support::run([&]() -> coax::task<> {
        CHECK(coax::clock::now() >= before);
        CHECK(coax::clock::now() - before < support::patience);
        co_return;
    });
}

TEST_CASE("the counters count") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        coax::socket_pair pair = coax::socketpair();
        const coax::scheduler_stats before = scheduler.stats();
        CHECK(before.waiting == 0);
        CHECK(before.timers == 0);
        CHECK(before.buffers_leased == 0);

        for (int round = 0; round < 10; ++round) {
            co_await pair.first.sendall("x");
            std::byte taken[1];
            co_await pair.second.recv(taken);
        }
        const coax::scheduler_stats after = scheduler.stats();
        CHECK(after.operations == before.operations + 20);

        for (int round = 0; round < 10; ++round)
            co_await coax::yield();
        CHECK(scheduler.stats().resumptions >= after.resumptions + 10);
        CHECK(scheduler.stats().operations == after.operations);
        const std::uint64_t turns = scheduler.stats().turns;
        const std::uint64_t waits = scheduler.stats().waits;
        co_await coax::sleep_for(1ms);
        CHECK(scheduler.stats().turns > turns);
        CHECK(scheduler.stats().waits > waits);
    });
}

TEST_CASE("the counters of what there is now go up and down") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        coax::socket_pair pair = coax::socketpair();
        support::ending how[4] = {};
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return pair.first.recv(1); }, how[0]));
            group.spawn(support::note([&] { return pair.first.recv(1); }, how[1]));
            CHECK(scheduler.stats().waiting == 2);
            CHECK(scheduler.stats().timers == 0);
            group.spawn(support::note([] { return coax::sleep_for(1h); }, how[2]));
            CHECK(scheduler.stats().waiting == 3);
            CHECK(scheduler.stats().timers == 1);
            pair.second.settimeout(1h);
            group.spawn(support::note([&] { return pair.second.recv(1); }, how[3]));
            CHECK(scheduler.stats().timers == 2);
            co_await coax::yield();
            group.cancel();
        });
        CHECK(scheduler.stats().waiting == 0);
        CHECK(scheduler.stats().timers == 0);

        co_await pair.first.sendall("leased");
        {
            const coax::chunk data = co_await pair.second.recv(100);
            CHECK(data.text() == "leased");
            CHECK(scheduler.stats().buffers_leased == 1);
        }
        CHECK(scheduler.stats().buffers_leased == 0);
    });
}

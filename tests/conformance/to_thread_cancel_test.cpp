// Cancelling blocking work that is waited for: what is queued never runs, what has started is waited for.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/threads.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;
using support::ending;

namespace {

coax::scheduler_options one_thread() {
    coax::scheduler_options options;
    options.worker_threads = 1;
    return options;
}

template <class Make>
destructible awaiting(Make make, bool& resumed) {
    static_cast<void>(co_await make());
    resumed = true;
}

std::size_t waiting() { return coax::scheduler::current().stats().waiting; }
std::size_t jobs() { return coax::scheduler::current().stats().jobs; }

} // namespace

TEST_CASE("cancelled work that is still queued never runs") {
    support::run(
        []() -> coax::task<> {
            support::gate gate;
            ending first = ending::none;
            std::vector<ending> how(3, ending::none);
            std::atomic<int> ran = 0;
            const auto work = [&] { ++ran; };
            co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
                outer.spawn(support::note([&] { return coax::to_thread([&] { gate.pass(); }); }, first));
                co_await support::until([&] { return gate.arrived() == 1; });
                co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                    inner.spawn(support::note([&] { return coax::to_thread(work); }, how[0]));
                    inner.spawn(support::note([&] { return coax::to_thread(coax::abandon_on_cancel, work); }, how[1]));
                    outer.spawn(support::note([&] { return coax::to_thread(work); }, how[2]));
                    CHECK(jobs() == 4);
                    inner.cancel();
                    co_return;
                });
                CHECK(how == std::vector{ending::cancelled, ending::cancelled, ending::none});
                CHECK(jobs() == 2);
                gate.open();
            });
            CHECK(first == ending::value);
            CHECK(how[2] == ending::value);
            CHECK(ran.load() == 1);
            CHECK(jobs() == 0);
        },
        one_thread());
}

TEST_CASE("cancelled work that has started is waited for, and its value reported") {
    support::run([]() -> coax::task<> {
        support::gate gate;
        int got = 0;
        bool over = false;
        const auto call = [&]() -> coax::task<> {
            got = co_await coax::to_thread([&] {
                gate.pass();
                return 7;
            });
            over = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(call());
            co_await support::until([&] { return gate.arrived() == 1; });
            group.cancel();
            group.cancel();
            CHECK(waiting() == 1);
            CHECK_FALSE(over);
            gate.open();
        });
        CHECK(over);
        CHECK(got == 7);
    });
}

TEST_CASE("a time limit removes queued work, and waits for what has started") {
    support::run(
        []() -> coax::task<> {
            support::gate gate;
            int got = 0;
            std::atomic<bool> ran = false;
            const auto work = [&] {
                gate.pass();
                return 8;
            };
            const auto started = [&]() -> coax::task<> {
                got = co_await coax::with_timeout(1ms, coax::to_thread(work));
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(started());
                // No limit expires before the loop turns.
                CHECK(support::eventually([&] { return gate.arrived() == 1; }));
                const auto queued = [&] { return coax::to_thread([&] { ran = true; }); };
                const auto outcome = co_await coax::as_result(coax::with_timeout(5ms, queued()));
                REQUIRE_FALSE(outcome);
                CHECK(outcome.error().why() == coax::failure::cause::timeout);
                CHECK(outcome.error().operation() == coax::operation_name::to_thread);
                CHECK(got == 0);
                gate.open();
            });
            CHECK(got == 8);
            CHECK_FALSE(ran.load());
        },
        one_thread());
}

TEST_CASE("in a cancelled scope nothing is queued") {
    support::run([]() -> coax::task<> {
        std::atomic<int> ran = 0;
        std::atomic<int> alive = 0;
        const auto work = [&](const support::tally&) { ++ran; };
        const support::tally mine(alive);
        ending plain = ending::none;
        ending owned = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.cancel();
            const auto first = [&] { return coax::to_thread(work, mine); };
            co_await support::note(first, plain);
            const auto second = [&] { return coax::to_thread(coax::abandon_on_cancel, work, mine); };
            co_await support::note(second, owned);
            CHECK(jobs() == 0);
        });
        CHECK(plain == ending::cancelled);
        CHECK(owned == ending::cancelled);
        CHECK(alive.load() == 1);
        // Whatever has been queued has been done by the end of this.
        co_await coax::to_thread([] {});
        CHECK(ran.load() == 0);
    });
}

TEST_CASE("a coroutine that waits for work is destroyed: queued work goes, started work is waited for") {
    support::run(
        []() -> coax::task<> {
            std::optional<support::gate> gate(std::in_place);
            std::atomic<bool> ran = false;
            std::atomic<bool> over = false;
            bool resumed = false;
            const auto work = [&](const std::string& text) {
                gate->pass();
                over = text == std::string(100, 'x');
            };
            // What the work uses lives in the frame.
            const auto call = [&] { return coax::to_thread(work, std::string(100, 'x')); };
            destructible victim = awaiting(call, resumed);
            co_await support::until([&] { return gate->arrived() == 1; });
            {
                const destructible queued = awaiting([&] { return coax::to_thread([&] { ran = true; }); }, resumed);
                CHECK(jobs() == 2);
            }
            CHECK(jobs() == 1);
            CHECK(waiting() == 1);

            std::thread opener([&] {
                support::spin(2ms);
                gate->open();
            });
            victim.destroy();
            CHECK(over.load());
            CHECK(waiting() == 0);
            CHECK(jobs() == 0);
            opener.join();
            gate.reset();

            // Done, and not resumed yet: the completion is on its way, or has arrived.
            for (int round = 0; round < 100; ++round) {
                std::atomic<bool> done = false;
                destructible finished = awaiting([&] { return coax::to_thread([&] { done = true; }); }, resumed);
                CHECK(support::eventually([&] { return jobs() == 0; }));
                CHECK(done.load());
                finished.destroy();
                CHECK(waiting() == 0);
            }
            co_await coax::to_thread([] {});
            CHECK_FALSE(ran.load());
            CHECK_FALSE(resumed);
        },
        one_thread());
}

TEST_CASE("the end of a run waits for work that has started, and drops what is queued") {
    support::gate gate;
    std::atomic<bool> over = false;
    std::atomic<bool> ran = false;
    coax::scheduler scheduler(one_thread());
    const support::watchdog guard(scheduler);
    const auto started = [&]() -> support::fire_and_forget {
        co_await coax::to_thread([&] {
            gate.pass();
            over = true;
        });
    };
    // The gate opens when the end of the run has cut this one short.
    const auto queued = [&]() -> support::fire_and_forget {
        try {
            co_await coax::to_thread([&] { ran = true; });
        } catch (const coax::cancelled&) {
            CHECK_FALSE(over.load());
            gate.open();
        }
    };
    const auto body = [&]() -> coax::task<> {
        started();
        queued();
        co_await support::until([&] { return gate.arrived() == 1; });
    };
    scheduler.run(body());
    CHECK(over.load());
    CHECK_FALSE(ran.load());
    CHECK(scheduler.stats().jobs == 0);
    CHECK(scheduler.stats().waiting == 0);
}

TEST_CASE("ten thousand cancellations that race with the work: each ends one way, once, and nothing is lost") {
    const bool owned = GENERATE(false, true);
    INFO((owned ? "left behind" : "waited for"));
    std::atomic<int> alive = 0;
    std::atomic<int> ran = 0;
    int values = 0;
    int cancellations = 0;
    constexpr int rounds = 10'000;
    support::run([&]() -> coax::task<> {
        const auto work = [&](const support::tally&) { return ++ran; };
        const auto call = [&]() -> coax::task<> {
            try {
                if (owned)
                    co_await coax::to_thread(coax::abandon_on_cancel, work, support::tally(alive));
                else
                    co_await coax::to_thread(work, support::tally(alive));
                ++values;
            } catch (const coax::cancelled&) {
                ++cancellations;
            }
        };
        for (int round = 0; round < rounds; ++round) {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(call());
                if (round % 4 == 1)
                    std::this_thread::yield();
                if (round % 4 == 2)
                    co_await coax::yield();
                if (round % 4 == 3)
                    support::spin(std::chrono::microseconds(round % 64));
                group.cancel();
            });
        }
    });
    CHECK(values > 0);
    CHECK(cancellations > 0);
    CHECK(support::eventually([&] { return alive.load() == 0; }));
    // What has run was reported, unless it was left behind.
    if (owned)
        CHECK(ran.load() >= values);
    else
        CHECK(ran.load() == values);
}

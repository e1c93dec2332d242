// Blocking work that is left behind: the wait ends at once, the work goes on with what it owns, past its scheduler if need
// be.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/threads.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;
using support::ending;

namespace {

/// What threads that outlive a test case use: it goes with the last of them.
struct shared {
    support::gate gate;
    std::atomic<int> alive = 0;
    std::atomic<int> over = 0;
};

/// Blocks; at its end it has still what was passed to it.
struct blocking_work {
    explicit blocking_work(std::shared_ptr<shared> with) : state(std::move(with)), copy(state->alive) {}
    std::string operator()(const std::string& text) const {
        state->gate.pass();
        if (text == std::string(100, 'x'))
            ++state->over;
        return text;
    }
    std::shared_ptr<shared> state; // first: it outlives the copy
    support::tally copy;
};

template <class Make>
destructible awaiting(Make make) {
    static_cast<void>(co_await make());
}

std::size_t jobs() { return coax::scheduler::current().stats().jobs; }

} // namespace

TEST_CASE("an abandoned call ends at once, and its copies live until the work is over") {
    const auto state = std::make_shared<shared>();
    support::run([&]() -> coax::task<> {
        ending how = ending::none;
        {
            const blocking_work work(state);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                std::string text(100, 'x');
                const auto call = [&] { return coax::to_thread(coax::abandon_on_cancel, work, text); };
                group.spawn(support::note(call, how));
                text.assign(text.size(), '#');
                co_await support::until([&] { return state->gate.arrived() == 1; });
                group.cancel();
            });
        }
        CHECK(how == ending::cancelled);
        CHECK(coax::scheduler::current().stats().waiting == 0);
        CHECK(jobs() == 1);
        CHECK(state->alive.load() == 1);
        state->gate.open();
        co_await support::until([] { return jobs() == 0; });
        CHECK(state->over.load() == 1);
        CHECK(state->alive.load() == 0);
    });
}

TEST_CASE("an abandoned call that is not cancelled gives what it gives") {
    const auto state = std::make_shared<shared>();
    state->gate.open();
    support::run([&]() -> coax::task<> {
        const blocking_work work(state);
        const std::string text = co_await coax::to_thread(coax::abandon_on_cancel, work, std::string(100, 'x'));
        CHECK(text == std::string(100, 'x'));
        // The copies go with the wait.
        CHECK(state->alive.load() == 1);
        const auto within =
            co_await coax::as_result(coax::with_timeout(1h, coax::to_thread(coax::abandon_on_cancel, work, "short")));
        CHECK(within);
        CHECK(state->alive.load() == 1);
    });
}

TEST_CASE("a time limit leaves an abandoned call behind") {
    const auto state = std::make_shared<shared>();
    support::run([&]() -> coax::task<> {
        const blocking_work work(state);
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto call = [&]() -> coax::task<> {
                co_await coax::with_timeout(2ms, coax::to_thread(coax::abandon_on_cancel, work, "text"));
            };
            group.spawn(support::note(call, how));
            // No limit expires before the loop turns.
            CHECK(support::eventually([&] { return state->gate.arrived() == 1; }));
            co_return;
        });
        CHECK(how == ending::timeout);
        CHECK(jobs() == 1);
        state->gate.open();
        co_await support::until([&] { return jobs() == 0; });
    });
    CHECK(state->alive.load() == 0);
}

TEST_CASE("work that was left behind occupies its thread until it is over") {
    coax::scheduler_options options;
    options.worker_threads = 1;
    const auto state = std::make_shared<shared>();
    const auto body = [&]() -> coax::task<> {
        ending how = ending::none;
        ending next = ending::none;
        const blocking_work work(state);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return coax::to_thread(coax::abandon_on_cancel, work, "text"); }, how));
            co_await support::until([&] { return state->gate.arrived() == 1; });
            group.cancel();
        });
        CHECK(how == ending::cancelled);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([] { return coax::to_thread([] {}); }, next));
            co_await support::round_trip();
            CHECK(next == ending::none);
            CHECK(jobs() == 2);
            state->gate.open();
        });
        CHECK(next == ending::value);
    };
    support::run(body, options);
}

TEST_CASE("an exception of work that was left behind goes nowhere") {
    const auto state = std::make_shared<shared>();
    support::run([&]() -> coax::task<> {
        ending how = ending::none;
        const auto fail = [](const std::shared_ptr<shared>& with, const support::tally&) {
            with->gate.pass();
            throw std::runtime_error("nobody hears of it");
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto call = [&] {
                return coax::to_thread(coax::abandon_on_cancel, fail, state, support::tally(state->alive));
            };
            group.spawn(support::note(call, how));
            co_await support::until([&] { return state->gate.arrived() == 1; });
            group.cancel();
            state->gate.open();
        });
        CHECK(how == ending::cancelled);
        co_await support::until([] { return jobs() == 0; });
    });
    CHECK(state->alive.load() == 0);
}

TEST_CASE("a coroutine that waits for an abandoned call is destroyed, and the work goes on without it") {
    const auto state = std::make_shared<shared>();
    support::run([&]() -> coax::task<> {
        const blocking_work work(state);
        destructible victim =
            awaiting([&] { return coax::to_thread(coax::abandon_on_cancel, work, std::string(100, 'x')); });
        co_await support::until([&] { return state->gate.arrived() == 1; });
        CHECK(state->alive.load() == 2);
        victim.destroy();
        CHECK(coax::scheduler::current().stats().waiting == 0);
        CHECK(state->alive.load() == 2);
        state->gate.open();
        co_await support::until([&] { return state->alive.load() == 1; });
        CHECK(state->over.load() == 1);

        for (int round = 0; round < 100; ++round) {
            destructible finished = awaiting([&] { return coax::to_thread(coax::abandon_on_cancel, work, "text"); });
            CHECK(support::eventually([] { return jobs() == 0; }));
            finished.destroy();
            CHECK(state->alive.load() == 1);
        }
        co_await coax::yield();
    });
}

TEST_CASE("work that was left behind outlives its scheduler, and ends cleanly") {
    const auto state = std::make_shared<shared>();
    constexpr int count = 3;
    {
        coax::scheduler scheduler;
        const auto body = [&]() -> coax::task<> {
            std::vector<ending> how(count, ending::none);
            const blocking_work work(state);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                const auto call = [&] { return coax::to_thread(coax::abandon_on_cancel, work, std::string(100, 'x')); };
                for (ending& each : how)
                    group.spawn(support::note(call, each));
                // With an idle thread besides.
                co_await coax::to_thread([] {});
                co_await support::until([&] { return state->gate.arrived() == count; });
                group.cancel();
            });
            CHECK(how == std::vector(count, ending::cancelled));
        };
        scheduler.run(body());
        CHECK(scheduler.stats().jobs == count);
    }
    CHECK(state->alive.load() == count);
    CHECK(state->over.load() == 0);
    state->gate.open();
    CHECK(support::eventually([&] { return state->alive.load() == 0; }));
    CHECK(state->over.load() == count);
    // The last thread lets go of what it shares with the test.
    CHECK(support::eventually([&] { return state.use_count() == 1; }));
}

TEST_CASE("work that ends while its scheduler is being destroyed is left behind or reported, and freed once") {
    std::atomic<int> alive = 0;
    std::atomic<int> values = 0;
    std::atomic<int> ran = 0;
    for (int round = 0; round < 300; ++round) {
        std::atomic<bool> started = false;
        std::atomic<bool> go = false;
        std::thread releaser;
        {
            coax::scheduler scheduler;
            const auto work = [&](const support::tally&) {
                started = true;
                support::eventually([&] { return go.load(); });
                ++ran;
            };
            const auto foreign = [&]() -> support::fire_and_forget {
                co_await coax::to_thread(coax::abandon_on_cancel, work, support::tally(alive));
                ++values;
            };
            const auto body = [&]() -> coax::task<> {
                foreign();
                co_await support::until([&] { return started.load(); });
            };
            releaser = std::thread([&, round] {
                support::eventually([&] { return started.load(); });
                support::spin(std::chrono::microseconds(round));
                go = true;
            });
            scheduler.run(body());
        }
        releaser.join();
        CHECK(support::eventually([&] { return alive.load() == 0; }));
    }
    CHECK(ran.load() == 300);
    CHECK(values.load() <= 300);
}

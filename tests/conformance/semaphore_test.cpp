// Semaphores: so many at a time, first come, first served, and no permit is lost or made.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;
using support::ending;
using support::waiting;

TEST_CASE("as many tasks hold a permit as there are permits") {
    const int permits = GENERATE(1, 3, 20);
    support::run([&]() -> coax::task<> {
        coax::semaphore gate(permits);
        int inside = 0;
        int most = 0;
        int done = 0;
        const auto work = [&]() -> coax::task<> {
            for (int round = 0; round < 20; ++round) {
                const coax::semaphore::permit one = co_await gate.scoped_acquire();
                most = std::max(most, ++inside);
                co_await coax::yield();
                --inside;
            }
            ++done;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (int name = 0; name < 10; ++name)
                group.spawn(work());
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(done == 10);
        CHECK(most == std::min(permits, 10));
        CHECK(gate.available() == permits);
    });
}

TEST_CASE("a released permit belongs to the one that has waited longest, before it runs") {
    support::run([]() -> coax::task<> {
        coax::semaphore gate(0);
        std::string log;
        const auto work = [&](char name) -> coax::task<> {
            co_await gate.acquire();
            log += name;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const char name : {'a', 'b', 'c', 'd'})
                group.spawn(work(name));
            gate.release();
            CHECK(gate.available() == 0);
            CHECK_FALSE(gate.try_acquire());
            CHECK(waiting() == 3);
            gate.release(2);
            CHECK_FALSE(gate.try_acquire());
            CHECK(waiting() == 1);
            // What the waiting do not need is there for others.
            gate.release(3);
            CHECK(waiting() == 0);
            CHECK(gate.available() == 2);
            CHECK(log.empty());
            co_await coax::yield();
            CHECK(log == "abcd");
        };
        co_await coax::with_task_group(body);
        CHECK(gate.try_acquire());
        co_await gate.acquire();
        CHECK_FALSE(gate.try_acquire());
        gate.release(0);
        CHECK(gate.available() == 0);
    });
}

TEST_CASE("a permit can be moved, released early, and kept by somebody else") {
    support::run([]() -> coax::task<> {
        coax::semaphore gate(2);
        coax::semaphore::permit one = co_await gate.scoped_acquire();
        coax::semaphore::permit two = co_await gate.scoped_acquire();
        CHECK(gate.available() == 0);
        coax::semaphore::permit moved = std::move(one);
        CHECK(moved);
        CHECK(gate.available() == 0);
        two = std::move(moved);
        CHECK(gate.available() == 1);
        two.release();
        two.release();
        CHECK_FALSE(two);
        CHECK(gate.available() == 2);
        const coax::semaphore::permit none;
        CHECK_FALSE(none);
    });
}

TEST_CASE("a semaphore refuses numbers that make no sense") {
    CHECK_THROWS_AS(coax::semaphore(-1), std::invalid_argument);
    constexpr std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
    coax::semaphore gate(1);
    CHECK_THROWS_AS(gate.release(-1), std::invalid_argument);
    CHECK_THROWS_AS(gate.release(most), std::invalid_argument);
    CHECK(gate.available() == 1);
    gate.release(most - 1);
    CHECK(gate.available() == most);
}

TEST_CASE("a wait for a permit is refused, limited and cut short like any other") {
    support::run([]() -> coax::task<> {
        coax::semaphore one(1);
        co_await support::check_refused([&] { return one.acquire(); });
        co_await support::check_refused([&] { return one.scoped_acquire(); });
        CHECK(one.available() == 1);
        coax::semaphore none(0);
        co_await support::check_refused([&] { return none.acquire(); });
        co_await support::check_limited([&] { return none.acquire(); });
        co_await support::check_limited([&] { return none.scoped_acquire(); });
        co_await support::check_cut_short([&] { return none.acquire(); });
        co_await support::check_cut_short([&] { return none.scoped_acquire(); });
        CHECK(none.available() == 0);
        // A limit that does not pass gives the permit through.
        coax::semaphore::permit held = co_await coax::with_timeout(10s, one.scoped_acquire());
        CHECK(one.available() == 0);
        held.release();
        const auto outcome = co_await coax::as_result(one.scoped_acquire());
        CHECK(one.available() == 0);
        CHECK(static_cast<bool>(*outcome));
    });
}

TEST_CASE("one who waits for a permit is cancelled or destroyed, the others get theirs in their order") {
    const bool destroyed = GENERATE(false, true);
    const std::size_t victim = GENERATE(0U, 1U, 2U);
    support::run([&]() -> coax::task<> {
        coax::semaphore gate(0);
        std::string log;
        const auto work = [&](char name) -> coax::task<> {
            co_await gate.acquire();
            log += name;
        };
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        std::vector<destructible> doomed;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const std::size_t index : {0U, 1U, 2U}) {
                if (index != victim)
                    group.spawn(work(static_cast<char>('a' + index)));
                else if (destroyed)
                    doomed.push_back(support::awaiting([&] { return gate.acquire(); }));
                else
                    group.spawn(support::note_in_scope(scope, [&] { return gate.acquire(); }, how));
            }
            if (destroyed)
                doomed.clear();
            else
                scope->cancel();
            CHECK(waiting() == 2);
            gate.release(2);
            co_return;
        };
        co_await coax::with_task_group(body);
        const char* const expected[] = {"bc", "ac", "ab"};
        CHECK(log == expected[victim]);
        CHECK(how == (destroyed ? ending::none : ending::cancelled));
        CHECK(gate.available() == 0);
    });
}

TEST_CASE("a permit that was handed over is not lost to a cancellation in the same turn") {
    const bool scoped = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::semaphore gate(0);
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            if (scoped)
                group.spawn(support::note_in_scope(scope, [&] { return gate.scoped_acquire(); }, how));
            else
                group.spawn(support::note_in_scope(scope, [&] { return gate.acquire(); }, how));
            gate.release();
            scope->cancel();
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(how == ending::value);
        CHECK(gate.available() == (scoped ? 1 : 0));
    });
}

TEST_CASE("a permit goes on to the next one when the coroutine that was handed it is destroyed") {
    support::run([]() -> coax::task<> {
        coax::semaphore gate(0);
        ending next = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            destructible first = support::awaiting([&] { return gate.acquire(); });
            destructible second = support::awaiting([&] { return gate.scoped_acquire(); });
            group.spawn(support::note([&] { return gate.acquire(); }, next));
            gate.release();
            first.destroy();
            second.destroy();
            CHECK(gate.available() == 0);
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(next == ending::value);

        // With nobody left it is available.
        destructible last = support::awaiting([&] { return gate.scoped_acquire(); });
        gate.release();
        CHECK(gate.available() == 0);
        last.destroy();
        CHECK(gate.available() == 1);

        // So it is when the permit was there at once.
        co_await support::spend_budget();
        destructible late = support::awaiting([&] { return gate.acquire(); });
        CHECK_FALSE(late.done());
        CHECK(gate.available() == 0);
        late.destroy();
        CHECK(gate.available() == 1);
    });
}

TEST_CASE("a million permits that are there neither nest nor keep others from running") {
    support::run([]() -> coax::task<> {
        coax::semaphore gate(1);
        co_await support::check_runs_on([&] { return gate.scoped_acquire(); });
        CHECK(gate.available() == 1);
    });
}

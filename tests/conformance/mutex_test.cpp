// Mutexes: one at a time, first come, first served, and the lock is never lost.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;
using support::ending;
using support::waiting;

namespace {

bool is_free(coax::mutex& m) { return m.try_lock().owns_lock(); }

} // namespace

TEST_CASE("tasks that hold a mutex while they wait exclude each other, and all get their turns") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        int inside = 0;
        int together = 0;
        std::vector<int> order;
        const auto work = [&](int name) -> coax::task<> {
            for (int round = 0; round < 100; ++round) {
                const coax::mutex::guard held = co_await m.lock();
                together += inside++;
                order.push_back(name);
                co_await coax::yield();
                --inside;
            }
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (int name = 0; name < 5; ++name)
                group.spawn(work(name));
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(together == 0);
        // First come, first served: they take turns.
        int mistakes = 0;
        for (std::size_t index = 0; index < order.size(); ++index)
            mistakes += order[index] == static_cast<int>(index % 5) ? 0 : 1;
        CHECK(order.size() == 500);
        CHECK(mistakes == 0);
        CHECK(is_free(m));
    });
}

TEST_CASE("an unlocked mutex belongs to the one that has waited longest, before it runs") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        std::string log;
        const auto work = [&](char name) -> coax::task<> {
            const coax::mutex::guard held = co_await m.lock();
            log += name;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            coax::mutex::guard held = co_await m.lock();
            group.spawn(work('a'));
            group.spawn(work('b'));
            CHECK(waiting() == 2);
            held.unlock();
            CHECK(waiting() == 1);
            CHECK_FALSE(is_free(m));
            group.spawn(work('c'));
            CHECK(log.empty());
            held = co_await m.lock();
            CHECK(log == "abc");
        };
        co_await coax::with_task_group(body);
        CHECK(is_free(m));
    });
}

TEST_CASE("a guard can be moved, emptied, and unlocked by somebody else") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        coax::mutex other;
        coax::mutex::guard held = m.try_lock();
        CHECK(held.owns_lock());
        const coax::mutex::guard second = m.try_lock();
        CHECK_FALSE(second);
        coax::mutex::guard moved = std::move(held);
        CHECK(moved);
        CHECK_FALSE(is_free(m));
        moved.unlock();
        moved.unlock();
        CHECK_FALSE(moved.owns_lock());
        CHECK(is_free(m));

        // What an assignment replaces is unlocked.
        moved = co_await m.lock();
        moved = co_await other.lock();
        CHECK(is_free(m));
        CHECK_FALSE(is_free(other));
        const auto unlock = [](coax::mutex::guard given) -> coax::task<> {
            co_await coax::yield();
            given.unlock();
        };
        co_await unlock(std::move(moved));
        CHECK(is_free(other));
    });
}

TEST_CASE("a wait for a mutex is refused, limited and cut short like any other") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        co_await support::check_refused([&] { return m.lock(); });
        CHECK(is_free(m));
        {
            const coax::mutex::guard held = co_await m.lock();
            co_await support::check_refused([&] { return m.lock(); });
            co_await support::check_limited([&] { return m.lock(); });
            co_await support::check_cut_short([&] { return m.lock(); });
        }
        CHECK(is_free(m));
        // A limit that does not pass gives the guard through.
        coax::mutex::guard held = co_await coax::with_timeout(10s, m.lock());
        CHECK_FALSE(is_free(m));
        held.unlock();
        auto outcome = co_await coax::as_result(m.lock());
        CHECK(outcome->owns_lock());
        CHECK_FALSE(is_free(m));
    });
}

TEST_CASE("one who waits for a mutex is cancelled or destroyed, the others get it in their order") {
    const bool destroyed = GENERATE(false, true);
    const std::size_t victim = GENERATE(0U, 1U, 2U);
    support::run([&]() -> coax::task<> {
        coax::mutex m;
        std::string log;
        const auto work = [&](char name) -> coax::task<> {
            const coax::mutex::guard held = co_await m.lock();
            log += name;
        };
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        std::vector<destructible> doomed;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            const coax::mutex::guard held = co_await m.lock();
            for (const std::size_t index : {0U, 1U, 2U}) {
                if (index != victim)
                    group.spawn(work(static_cast<char>('a' + index)));
                else if (destroyed)
                    doomed.push_back(support::awaiting([&] { return m.lock(); }));
                else
                    group.spawn(support::note_in_scope(scope, [&] { return m.lock(); }, how));
            }
            if (destroyed)
                doomed.clear();
            else
                scope->cancel();
            CHECK(waiting() == 2);
        };
        co_await coax::with_task_group(body);
        const char* const expected[] = {"bc", "ac", "ab"};
        CHECK(log == expected[victim]);
        CHECK(how == (destroyed ? ending::none : ending::cancelled));
        CHECK(is_free(m));
    });
}

TEST_CASE("a lock that was handed over is not lost to a cancellation in the same turn") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        ending next = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            coax::mutex::guard held = co_await m.lock();
            group.spawn(support::note_in_scope(scope, [&] { return m.lock(); }, how));
            group.spawn(support::note([&] { return m.lock(); }, next));
            held.unlock();
            scope->cancel();
        };
        co_await coax::with_task_group(body);
        CHECK(how == ending::value);
        CHECK(next == ending::value);
        CHECK(is_free(m));
    });
}

TEST_CASE("a lock goes on to the next one when the coroutine that was handed it is destroyed") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        ending next = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            coax::mutex::guard held = co_await m.lock();
            destructible first = support::awaiting([&] { return m.lock(); });
            destructible second = support::awaiting([&] { return m.lock(); });
            group.spawn(support::note([&] { return m.lock(); }, next));
            held.unlock();
            first.destroy();
            second.destroy();
        };
        co_await coax::with_task_group(body);
        CHECK(next == ending::value);
        CHECK(is_free(m));

        // With nobody left it is free.
        coax::mutex::guard held = co_await m.lock();
        destructible last = support::awaiting([&] { return m.lock(); });
        held.unlock();
        CHECK_FALSE(is_free(m));
        last.destroy();
        CHECK(is_free(m));
    });
}

TEST_CASE("a lock that was free is taken at once, also by one who hears of it later") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        co_await support::spend_budget();
        destructible victim = support::awaiting([&] { return m.lock(); });
        CHECK_FALSE(victim.done());
        CHECK_FALSE(is_free(m));
        victim.destroy();
        CHECK(is_free(m));

        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note_in_scope(scope, [&] { return m.lock(); }, how));
            CHECK(how == ending::none);
            CHECK_FALSE(is_free(m));
            scope->cancel();
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(how == ending::value);
        CHECK(is_free(m));
    });
}

TEST_CASE("those who wait for a mutex at the end of a run are cancelled") {
    coax::mutex m;
    const auto wait = [&]() -> support::fire_and_forget { static_cast<void>(co_await m.lock()); };
    std::optional<coax::mutex::guard> held;
    support::run([&]() -> coax::task<> {
        held.emplace(co_await m.lock());
        wait();
        wait();
    });
    held.reset();
    CHECK(is_free(m));
}

TEST_CASE("a million locks that are free neither nest nor keep others from running") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        co_await support::check_runs_on([&] { return m.lock(); });
        CHECK(is_free(m));
    });
}

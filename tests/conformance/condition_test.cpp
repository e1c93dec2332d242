// Conditions: the mutex is held on every way out, and no notification is lost.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;
using support::ending;
using support::waiting;

namespace {

/// A mutex with its condition, and what tasks do with them.
struct monitor {
    coax::mutex m;
    coax::condition changed{m};
    std::string log;

    bool is_free() { return m.try_lock().owns_lock(); }

    /// Waits once; notes its name when it is notified, and in upper case when it is cancelled, each time with the mutex held.
    coax::task<> wait(char name) {
        coax::mutex::guard held = co_await m.lock();
        try {
            co_await changed.wait(held);
            log += name;
        } catch (const coax::cancelled&) {
            log += static_cast<char>(name - 'a' + 'A');
        }
        CHECK(held.owns_lock());
        CHECK_FALSE(is_free());
    }
    coax::task<> wait_in_scope(coax::cancel_scope*& scope, char name) {
        const auto body = [&](coax::cancel_scope& opened) -> coax::task<> {
            scope = &opened;
            co_await wait(name);
        };
        co_await coax::with_cancel_scope(body);
    }
    destructible wait_until_destroyed() {
        coax::mutex::guard held = co_await m.lock();
        co_await changed.wait(held);
        log += '!';
    }
};

} // namespace

TEST_CASE("notify_one wakes the one that has waited longest, notify_all all that wait, in their order") {
    support::run([]() -> coax::task<> {
        monitor shared;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const char name : {'a', 'b', 'c', 'd'})
                group.spawn(shared.wait(name));
            CHECK(waiting() == 4);
            CHECK(shared.is_free());
            shared.changed.notify_one();
            co_await coax::yield();
            CHECK(shared.log == "a");
            shared.changed.notify_all();
            co_await support::until_waiting(0);
            CHECK(shared.log == "abcd");
            // Those who come later are not concerned.
            shared.changed.notify_one();
            shared.changed.notify_all();
            group.spawn(shared.wait('e'));
            co_await support::round_trip();
            CHECK(waiting() == 1);
            shared.changed.notify_one();
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "abcde");
        CHECK(shared.is_free());
    });
}

TEST_CASE("one who is notified while the mutex is taken waits for it, behind those who came before") {
    support::run([]() -> coax::task<> {
        monitor shared;
        const auto lock = [&](char name) -> coax::task<> {
            const coax::mutex::guard held = co_await shared.m.lock();
            shared.log += name;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(shared.wait('a'));
            coax::mutex::guard held = co_await shared.m.lock();
            group.spawn(lock('x'));
            shared.changed.notify_one();
            group.spawn(lock('y'));
            co_await support::round_trip();
            CHECK(shared.log.empty());
            CHECK(waiting() == 3);
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "xay");
    });
}

TEST_CASE("a wait with a predicate goes on when that holds, however often it is notified") {
    support::run([]() -> coax::task<> {
        coax::mutex m;
        coax::condition changed(m);
        std::deque<int> items;
        int sum = 0;
        int looked = 0;
        const auto consume = [&]() -> coax::task<> {
            for (int round = 0; round < 100; ++round) {
                coax::mutex::guard held = co_await m.lock();
                co_await changed.wait(held, [&] {
                    ++looked;
                    CHECK_FALSE(m.try_lock());
                    return !items.empty();
                });
                sum += items.front();
                items.pop_front();
            }
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(consume());
            group.spawn(consume());
            for (int item = 1; item <= 200; ++item) {
                changed.notify_all(); // nothing has changed
                co_await coax::yield();
                const coax::mutex::guard held = co_await m.lock();
                items.push_back(item);
                changed.notify_one();
            }
        };
        co_await coax::with_task_group(body);
        CHECK(sum == 200 * 201 / 2);
        CHECK(looked > 250);
        // What the predicate throws comes out, with the mutex held.
        coax::mutex::guard held = co_await m.lock();
        bool thrown = false;
        try {
            co_await changed.wait(held, []() -> bool { throw std::runtime_error("predicate"); });
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        CHECK(thrown);
        CHECK(held.owns_lock());
    });
}

TEST_CASE("waiting needs a guard that holds the mutex of the condition") {
    support::run([]() -> coax::task<> {
        monitor shared;
        coax::mutex other;
        coax::mutex::guard empty;
        coax::mutex::guard foreign = co_await other.lock();
        int refused = 0;
        for (coax::mutex::guard* const guard : {&empty, &foreign}) {
            try {
                co_await shared.changed.wait(*guard);
            } catch (const std::logic_error&) {
                ++refused;
            }
            try {
                co_await shared.changed.wait(*guard, [] { return true; });
            } catch (const std::logic_error&) {
                ++refused;
            }
        }
        CHECK(refused == 4);
        CHECK(foreign.owns_lock());
        CHECK(waiting() == 0);
    });
}

TEST_CASE("a wait on a condition is refused, limited and cut short, and holds the mutex afterwards") {
    support::run([]() -> coax::task<> {
        monitor shared;
        coax::mutex::guard held = co_await shared.m.lock();
        const auto checked = [&] {
            CHECK(held.owns_lock());
            CHECK_FALSE(shared.is_free());
        };
        co_await support::check_refused([&] { return shared.changed.wait(held); });
        checked();
        co_await support::check_refused([&] { return shared.changed.wait(held, [] { return true; }); });
        checked();
        co_await support::check_limited([&] { return shared.changed.wait(held); });
        checked();
        co_await support::check_limited([&] { return shared.changed.wait(held, [] { return false; }); });
        checked();
        co_await support::check_cut_short([&] {
            if (!held)
                held = shared.m.try_lock();
            return shared.changed.wait(held);
        });
        // The last one was destroyed: it did not take the lock again.
        CHECK_FALSE(held.owns_lock());
        CHECK(shared.is_free());
    });
}

TEST_CASE("a cancelled wait takes the mutex first, however long that takes, and cannot be cut short in it") {
    support::run([]() -> coax::task<> {
        monitor shared;
        coax::cancel_scope* scope = nullptr;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(shared.wait_in_scope(scope, 'a'));
            coax::mutex::guard held = co_await shared.m.lock();
            scope->cancel();
            group.cancel();
            co_await coax::shield(support::round_trip());
            CHECK(shared.log.empty());
            CHECK(waiting() == 1);
            // Its place in the queue of the condition is given up: this one goes to nobody.
            shared.changed.notify_one();
            held.unlock();
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "A");
        CHECK(shared.is_free());
    });
}

TEST_CASE("a notification beats a cancellation that comes later, with the mutex free or taken") {
    const bool taken = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        monitor shared;
        coax::cancel_scope* scope = nullptr;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(shared.wait_in_scope(scope, 'a'));
            group.spawn(shared.wait('b'));
            coax::mutex::guard held;
            if (taken)
                held = co_await shared.m.lock();
            shared.changed.notify_one();
            scope->cancel();
            held.unlock();
            co_await support::until([&] { return !shared.log.empty(); });
            CHECK(shared.log == "a");
            CHECK(waiting() == 1);
            shared.changed.notify_one();
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "ab");
    });
}

TEST_CASE("a cancellation that comes first leaves the notification to the next one") {
    support::run([]() -> coax::task<> {
        monitor shared;
        coax::cancel_scope* scope = nullptr;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(shared.wait_in_scope(scope, 'a'));
            group.spawn(shared.wait('b'));
            scope->cancel();
            shared.changed.notify_one();
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "Ab");
    });
}

TEST_CASE("a coroutine that is destroyed on its way out of a wait leaves lock and notification to others") {
    const bool taken = GENERATE(false, true); // it is in the queue of the mutex, or holds the mutex already
    support::run([&]() -> coax::task<> {
        monitor shared;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            destructible victim = shared.wait_until_destroyed();
            group.spawn(shared.wait('b'));
            coax::mutex::guard held;
            if (taken)
                held = co_await shared.m.lock();
            shared.changed.notify_one();
            group.spawn(shared.wait('c'));
            victim.destroy();
            held.unlock();
            co_await support::round_trip();
            CHECK(shared.log == "b");
            shared.changed.notify_all();
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "bc");
        CHECK(shared.is_free());
    });
}

TEST_CASE("one of all that were notified leaves the lock to others when it is destroyed, and no notification") {
    support::run([]() -> coax::task<> {
        monitor shared;
        const auto late = [&](coax::mutex::guard held) -> coax::task<> {
            co_await shared.changed.wait(held);
            shared.log += 'c';
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            destructible victim = shared.wait_until_destroyed();
            group.spawn(shared.wait('b'));
            coax::mutex::guard held = co_await shared.m.lock();
            shared.changed.notify_all();
            group.spawn(late(std::move(held)));
            victim.destroy();
            co_await support::round_trip();
            CHECK(shared.log == "b");
            CHECK(waiting() == 1);
            shared.changed.notify_one();
        };
        co_await coax::with_task_group(body);
        CHECK(shared.log == "bc");
        CHECK(shared.is_free());
    });
}

TEST_CASE("those who wait on a condition at the end of a run are cancelled") {
    monitor shared;
    const auto wait = [&]() -> support::fire_and_forget { co_await shared.wait('a'); };
    support::run([&]() -> coax::task<> {
        wait();
        wait();
        co_return;
    });
    CHECK(shared.log == "AA");
    CHECK(shared.is_free());
}

TEST_CASE("a million waits whose predicate holds neither nest nor keep others from running") {
    support::run([]() -> coax::task<> {
        monitor shared;
        coax::mutex::guard held = co_await shared.m.lock();
        co_await support::check_runs_on([&] { return shared.changed.wait(held, [] { return true; }); });
        CHECK(held.owns_lock());
    });
}

// What the tests of events, locks and channels share: waits that are refused, limited, cancelled or destroyed.
#pragma once

#include "support/catch.hpp"
#include "support/runtime.hpp"

#include <coax/coax.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace support {

/// Pending waits of this scheduler.
inline std::size_t waiting() { return coax::scheduler::current().stats().waiting; }

/// Awaits what `make()` gives in a scope of its own, for the test to cancel.
template <class Make>
coax::task<> note_in_scope(coax::cancel_scope*& scope, Make make, ending& how) {
    const auto body = [&](coax::cancel_scope& opened) -> coax::task<> {
        scope = &opened;
        co_await note(make, how);
    };
    co_await coax::with_cancel_scope(body);
}

/// The same in a coroutine that may be destroyed.
template <class Make>
destructible awaiting(Make make) {
    static_cast<void>(co_await make());
}

/// In a cancelled scope the wait is refused, again and again, and without letting it run on.
template <class Make>
coax::task<> check_refused(Make make) {
    ending how[2] = {};
    const auto body = [&](coax::cancel_scope& scope) -> coax::task<> {
        scope.cancel();
        for (ending& each : how)
            co_await note(make, each);
    };
    const bool cut = co_await coax::with_cancel_scope(body);
    CHECK_FALSE(cut);
    CHECK(how[0] == ending::cancelled);
    CHECK(how[1] == ending::cancelled);
    CHECK(waiting() == 0);
}

/// A wait that cannot end by itself ends by every limit, as an exception and as a value, and leaves nothing behind.
template <class Make>
coax::task<> check_limited(Make make) {
    using namespace std::chrono_literals;
    const ending exception =
        co_await ending_of([&]() -> coax::task<> { static_cast<void>(co_await coax::with_timeout(1ms, make())); });
    CHECK(exception == ending::timeout);
    const ending tried_once =
        co_await ending_of([&]() -> coax::task<> { static_cast<void>(co_await coax::with_timeout(0s, make())); });
    CHECK(tried_once == ending::timeout);
    const auto value = co_await coax::as_result(coax::with_timeout(1ms, make()));
    CHECK_FALSE(value.has_value());
    CHECK(value.error().why() == coax::failure::cause::timeout);
    CHECK(waiting() == 0);
    CHECK(coax::scheduler::current().stats().timers == 0);
}

/// A wait that cannot end by itself ends when it is cancelled or its coroutine destroyed.
template <class Make>
coax::task<> check_cut_short(Make make) {
    ending how = ending::none;
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(note(make, how));
        CHECK(waiting() == 1);
        group.cancel();
        co_return;
    };
    co_await coax::with_task_group(body);
    CHECK(how == ending::cancelled);
    CHECK(waiting() == 0);

    destructible victim = awaiting(make);
    CHECK(waiting() == 1);
    victim.destroy();
    CHECK(waiting() == 0);
    co_await coax::yield();
}

/// Afterwards no wait of this turn of the loop goes on at once: what it gets at once it hears of later, through the ready queue.
inline coax::task<> spend_budget() {
    const coax::scheduler& scheduler = coax::scheduler::current();
    std::uint64_t turn = 0;
    do {
        co_await coax::yield();
        turn = scheduler.stats().turns;
        coax::event always(true);
        bool later = false;
        const auto mark = [&]() -> coax::task<> {
            co_await coax::yield();
            later = true;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(mark());
            while (!later)
                co_await always.wait();
        };
        co_await coax::with_task_group(body);
        // On a slow machine the turn may have been over before, and the next one has a budget of its own.
    } while (scheduler.stats().turns != turn);
}

/// Lets a task do something a million times that never has to wait, beside one that yields: both get on.
template <class Step>
coax::task<> check_runs_on(Step step) {
    bool done = false;
    long others = 0;
    const auto other = [&]() -> coax::task<> {
        while (!done) {
            co_await coax::yield();
            ++others;
        }
    };
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(other());
        for (int round = 0; round < 1'000'000; ++round)
            static_cast<void>(co_await step());
        done = true;
    };
    co_await coax::with_task_group(body);
    CHECK(others > 10'000);
}

} // namespace support

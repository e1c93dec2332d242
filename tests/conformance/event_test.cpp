// Events: all who wait are woken, in their order, once and for good.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"

#include <cstddef>
#include <string>
#include <vector>

using support::destructible;
using support::ending;
using support::waiting;

TEST_CASE("an event wakes all who wait, in their order, and lets later ones pass") {
    support::run([]() -> coax::task<> {
        coax::event happened;
        std::string log;
        const auto wait = [&](char name) -> coax::task<> {
            co_await happened.wait();
            log += name;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const char name : {'a', 'b', 'c'})
                group.spawn(wait(name));
            co_await support::round_trip();
            CHECK(log.empty());
            CHECK(waiting() == 3);
            CHECK_FALSE(happened.is_set());
            happened.set();
            happened.set();
            CHECK(happened.is_set());
            CHECK(waiting() == 0);
            co_await coax::yield();
            CHECK(log == "abc");
            group.spawn(wait('d'));
            CHECK(log == "abcd");
        };
        co_await coax::with_task_group(body);
        coax::event early(true);
        co_await early.wait();
    });
}

TEST_CASE("a cleared event lets later ones wait, but not those that it has woken") {
    support::run([]() -> coax::task<> {
        coax::event happened;
        ending first = ending::none;
        ending second = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return happened.wait(); }, first));
            happened.set();
            happened.clear();
            CHECK_FALSE(happened.is_set());
            group.spawn(support::note([&] { return happened.wait(); }, second));
            co_await support::round_trip();
            CHECK(first == ending::value);
            CHECK(second == ending::none);
            happened.set();
        };
        co_await coax::with_task_group(body);
        CHECK(second == ending::value);
    });
}

TEST_CASE("a wait for an event is refused, limited and cut short like any other") {
    support::run([]() -> coax::task<> {
        coax::event never;
        coax::event always(true);
        co_await support::check_refused([&] { return never.wait(); });
        co_await support::check_refused([&] { return always.wait(); });
        co_await support::check_limited([&] { return never.wait(); });
        co_await support::check_cut_short([&] { return never.wait(); });
        const auto outcome = co_await coax::as_result(always.wait());
        CHECK(outcome.has_value());
    });
}

TEST_CASE("one who waits for an event is cancelled or destroyed, the others are woken in their order") {
    const bool destroyed = GENERATE(false, true);
    const std::size_t victim = GENERATE(0U, 1U, 2U);
    support::run([&]() -> coax::task<> {
        coax::event happened;
        std::string log;
        const auto wait = [&](char name) -> coax::task<> {
            co_await happened.wait();
            log += name;
        };
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        std::vector<destructible> doomed;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const std::size_t index : {0U, 1U, 2U}) {
                if (index != victim)
                    group.spawn(wait(static_cast<char>('a' + index)));
                else if (destroyed)
                    doomed.push_back(support::awaiting([&] { return happened.wait(); }));
                else
                    group.spawn(support::note_in_scope(scope, [&] { return happened.wait(); }, how));
            }
            if (destroyed)
                doomed.clear();
            else
                scope->cancel();
            CHECK(waiting() == 2);
            happened.set();
            co_return;
        };
        co_await coax::with_task_group(body);
        const char* const expected[] = {"bc", "ac", "ab"};
        CHECK(log == expected[victim]);
        CHECK(how == (destroyed ? ending::none : ending::cancelled));
    });
}

TEST_CASE("a wait that the event has ended is out of reach of a cancellation, and may be destroyed") {
    support::run([]() -> coax::task<> {
        coax::event happened;
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note_in_scope(scope, [&] { return happened.wait(); }, how));
            destructible victim = support::awaiting([&] { return happened.wait(); });
            happened.set();
            scope->cancel();
            victim.destroy();
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(how == ending::value);
    });
}

TEST_CASE("a million waits for an event that is set neither nest nor keep others from running") {
    support::run([]() -> coax::task<> {
        coax::event always(true);
        co_await support::check_runs_on([&] { return always.wait(); });
    });
}

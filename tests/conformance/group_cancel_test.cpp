// Cancelling groups: from inside, from outside, in trees, and what is thrown then.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using support::ending;

namespace {

coax::task<> wait_for_ever() { co_await coax::sleep_for(1h); }

} // namespace

TEST_CASE("a group that cancels itself is left normally, body and children cut short") {
    support::run([]() -> coax::task<> {
        ending child = ending::none;
        bool past = false;
        ending around = co_await support::ending_of([&] {
            return coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note(wait_for_ever, child));
                group.cancel();
                CHECK(group.cancelled());
                co_await coax::yield();
                past = true;
            });
        });
        CHECK(around == ending::value);
        CHECK(child == ending::cancelled);
        CHECK_FALSE(past);
        // What follows is no longer in the cancelled scope.
        co_await coax::yield();
    });
}

TEST_CASE("a child may cancel the group, itself included") {
    support::run([]() -> coax::task<> {
        ending sibling = ending::none;
        ending self = ending::none;
        const auto canceller = [&](coax::task_group& group) -> coax::task<> {
            co_await coax::yield();
            group.cancel();
            self = co_await support::ending_of(wait_for_ever);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(wait_for_ever, sibling));
            group.spawn(canceller(group));
            co_await wait_for_ever();
        });
        CHECK(sibling == ending::cancelled);
        CHECK(self == ending::cancelled);
    });
}

TEST_CASE("a task spawned into a cancelled group runs up to its first checkpoint") {
    support::run([]() -> coax::task<> {
        bool started = false;
        bool past = false;
        const auto late = [&]() -> coax::task<> {
            started = true;
            co_await coax::yield();
            past = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.cancel();
            group.spawn(late());
            co_return;
        });
        CHECK(started);
        CHECK_FALSE(past);
    });
}

TEST_CASE("cancelling a group reaches the groups inside it and not the one around it") {
    support::run([]() -> coax::task<> {
        ending deep = ending::none;
        ending beside = ending::none;
        bool inner_left = false;
        const auto nested = [&]() -> coax::task<> {
            ending how = co_await support::ending_of([&] {
                return coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                    inner.spawn(support::note(wait_for_ever, deep));
                    co_await wait_for_ever();
                });
            });
            // The inner group was not the one that was cancelled, so it passes the cancellation on.
            CHECK(how == ending::cancelled);
            inner_left = true;
        };
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            outer.spawn(support::note(wait_for_ever, beside));
            co_await coax::with_task_group([&](coax::task_group& middle) -> coax::task<> {
                middle.spawn(nested());
                co_await coax::yield();
                middle.cancel();
            });
            CHECK(inner_left);
            CHECK(deep == ending::cancelled);
            CHECK(beside == ending::none);
            CHECK_FALSE(outer.cancelled());
            co_await coax::yield();
            outer.cancel();
        });
        CHECK(beside == ending::cancelled);
    });
}

TEST_CASE("a group cancelled from outside throws only if that cut something short") {
    support::run([]() -> coax::task<> {
        ending busy = ending::none;
        ending done = ending::none;
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            outer.cancel();
            busy = co_await support::ending_of([&] {
                return coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(wait_for_ever());
                    co_return;
                });
            });
            // Nothing here passes a checkpoint.
            done = co_await support::ending_of(
                [&] { return coax::with_task_group([&](coax::task_group&) -> coax::task<> { co_return; }); });
        });
        CHECK(busy == ending::cancelled);
        CHECK(done == ending::value);
    });
}

TEST_CASE("a group cancelled by itself and from outside passes the outer cancellation on") {
    support::run([]() -> coax::task<> {
        bool past = false;
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                inner.spawn(wait_for_ever());
                inner.cancel();
                outer.cancel();
                co_return;
            });
            past = true;
        });
        CHECK_FALSE(past);
    });
}

TEST_CASE("an error in a cancelled group is not lost") {
    support::run([]() -> coax::task<> {
        const auto stubborn = []() -> coax::task<> {
            const ending how = co_await support::ending_of(wait_for_ever);
            if (how == ending::cancelled)
                throw std::runtime_error("clean-up failed");
        };
        std::string caught;
        try {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(stubborn());
                group.cancel();
                co_return;
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        CHECK(caught == "clean-up failed");

        caught.clear();
        try {
            co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
                outer.cancel();
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(stubborn());
                    co_return;
                });
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        CHECK(caught == "clean-up failed");
    });
}

TEST_CASE("cancellation stays: every later checkpoint throws, until the scope is left") {
    support::run([]() -> coax::task<> {
        int refused = 0;
        bool other = false;
        long turns = 0;
        const auto bystander = [&]() -> coax::task<> {
            while (!other) {
                ++turns;
                co_await coax::yield();
            }
        };
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            outer.spawn(bystander());
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.cancel();
                for (int round = 0; round < 1000; ++round) {
                    try {
                        co_await coax::sleep_for(1h);
                    } catch (const std::exception&) {
                        // Retry loops catch these; a cancellation is none.
                    } catch (const coax::cancelled&) {
                        ++refused;
                    }
                }
            });
            other = true;
        });
        CHECK(refused == 1000);
        // A refusal goes through the ready queue, so even a loop that ignores it lets others run.
        CHECK(turns >= 1000);
    });
}

TEST_CASE("a thousand groups inside each other unwind in one go") {
    support::run([]() -> coax::task<> {
        constexpr int levels = 1000;
        int ended = 0;
        const auto nest = [&](const auto& self, int level) -> coax::task<> {
            const ending how = co_await support::ending_of([&] {
                return coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(wait_for_ever());
                    if (level > 0)
                        group.spawn(self(self, level - 1));
                    co_await wait_for_ever();
                });
            });
            ended += how == ending::cancelled ? 1 : 0;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(nest(nest, levels));
            co_await support::until_waiting(2 * (levels + 1));
            group.cancel();
        });
        CHECK(ended == levels + 1);
    });
}

TEST_CASE("tasks awaited in a group's body or child share its cancellation") {
    support::run([]() -> coax::task<> {
        ending how = ending::none;
        const auto three = [&]() -> coax::task<> { co_await support::note(wait_for_ever, how); };
        const auto two = [&]() -> coax::task<> { co_await three(); };
        const auto one = [&]() -> coax::task<> { co_await two(); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(one());
            co_await support::until_waiting(1);
            group.cancel();
        });
        CHECK(how == ending::cancelled);
    });
}

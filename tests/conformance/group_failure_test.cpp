// Failures in task groups: the first one ends the group and comes out, no other is lost.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

coax::task<> fail(std::string why) {
    throw std::runtime_error(why);
    co_return;
}

coax::task<> fail_later(std::string why) {
    co_await coax::yield();
    throw std::runtime_error(why);
}

/// Waits until it is cancelled; notes that it has ended.
coax::task<> wait_for_ever(bool& ended) {
    struct at_end {
        explicit at_end(bool& flag) noexcept : ended(flag) {}
        at_end(const at_end&) = delete;
        at_end& operator=(const at_end&) = delete;
        ~at_end() { ended = true; }
        bool& ended;
    };
    const at_end note(ended);
    co_await coax::sleep_for(1h);
}

std::string what_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& known) {
        return known.what();
    } catch (const coax::cancelled&) {
        return "cancelled";
    }
}

} // namespace

TEST_CASE("the first failure cancels the others and comes out as it was thrown") {
    struct odd {
        int value;
    };
    const auto fail_oddly = []() -> coax::task<> {
        co_await coax::yield();
        throw odd{5};
    };
    bool sibling = false;
    bool body = false;
    int caught = 0;
    support::run([&]() -> coax::task<> {
        try {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(wait_for_ever(sibling));
                group.spawn(fail_oddly());
                co_await wait_for_ever(body);
            });
        } catch (const odd& thrown) {
            caught = thrown.value;
            CHECK(sibling);
            CHECK(body);
        }
    });
    CHECK(caught == 5);
}

TEST_CASE("a failure of the body cancels the children") {
    bool child = false;
    support::run([&]() -> coax::task<> {
        std::string caught;
        try {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(wait_for_ever(child));
                co_await coax::yield();
                throw std::runtime_error("body");
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
            CHECK(child);
        }
        CHECK(caught == "body");
    });
}

TEST_CASE("a body that throws before it is a coroutine fails the group like any other") {
    support::run([]() -> coax::task<> {
        bool child = false;
        std::string caught;
        try {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(wait_for_ever(child));
                throw std::runtime_error("no coroutine");
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        CHECK(caught == "no coroutine");
        CHECK(child);
    });
}

TEST_CASE("failures after the first go to the group's handler, cancellations do not") {
    support::run([]() -> coax::task<> {
        std::vector<std::string> suppressed;
        const auto handler = [&](std::exception_ptr error) { suppressed.push_back(what_of(error)); };
        coax::task_group_options options;
        options.on_suppressed = handler;
        bool bystander = false;
        // Fails only because it is cancelled.
        const auto stubborn = []() -> coax::task<> {
            bool stopped = false;
            try {
                co_await coax::sleep_for(1h);
            } catch (const coax::cancelled&) {
                stopped = true;
            }
            if (stopped)
                throw std::runtime_error("third");
        };
        std::string caught;
        try {
            co_await coax::with_task_group(
                [&](coax::task_group& group) -> coax::task<> {
                    group.spawn(stubborn());
                    group.spawn(wait_for_ever(bystander));
                    group.spawn(fail("first"));
                    group.spawn(fail("second"));
                    co_return;
                },
                options);
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        CHECK(caught == "first");
        CHECK(suppressed == std::vector<std::string>{"second", "third"});
        CHECK(bystander);
    });
}

TEST_CASE("without a handler of its own a group reports to the scheduler's") {
    std::vector<std::string> suppressed;
    const auto handler = [&](std::exception_ptr error) { suppressed.push_back(what_of(error)); };
    coax::scheduler_options options;
    options.on_suppressed = handler;
    const auto body = []() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(fail("one"));
            group.spawn(fail("two"));
            co_return;
        });
    };
    CHECK_THROWS_WITH(coax::run(body(), options), "one");
    CHECK(suppressed == std::vector<std::string>{"two"});
}

TEST_CASE("a group that collects throws several failures together, in the order in which they came") {
    support::run([]() -> coax::task<> {
        int handled = 0;
        const auto handler = [&](std::exception_ptr) { ++handled; };
        coax::task_group_options options;
        options.collect_failures = true;
        options.on_suppressed = handler;
        bool bystander = false;
        std::vector<std::string> collected;
        try {
            co_await coax::with_task_group(
                [&](coax::task_group& group) -> coax::task<> {
                    group.spawn(wait_for_ever(bystander));
                    group.spawn(fail("a"));
                    group.spawn(fail("b"));
                    throw std::runtime_error("c");
                    co_return;
                },
                options);
        } catch (const coax::group_error& error) {
            CHECK(std::string_view(error.what()).size() > 0);
            for (const std::exception_ptr& each : error.failures())
                collected.push_back(what_of(each));
        }
        CHECK(collected == std::vector<std::string>{"a", "b", "c"});
        CHECK(handled == 0);
        CHECK(bystander);
    });
}

TEST_CASE("a single failure of a group that collects is thrown alone") {
    support::run([]() -> coax::task<> {
        coax::task_group_options options;
        options.collect_failures = true;
        bool bystander = false;
        std::string caught;
        try {
            co_await coax::with_task_group(
                [&](coax::task_group& group) -> coax::task<> {
                    group.spawn(wait_for_ever(bystander));
                    group.spawn(fail_later("only"));
                    co_return;
                },
                options);
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        CHECK(caught == "only");
        CHECK(bystander);
    });
}

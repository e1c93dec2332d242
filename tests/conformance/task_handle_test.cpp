// Tasks of a group that keep their callable, and that are joined or cancelled one by one.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct failed : std::runtime_error {
    explicit failed(const std::string& what) : std::runtime_error(what) {}
};

coax::task<int> square(int of) {
    co_await coax::yield();
    co_return of* of;
}

/// Counts itself.
class counted {
public:
    explicit counted(int& count) : count_(&count) { ++*count_; }
    counted(const counted& other) : count_(other.count_) { ++*count_; }
    counted& operator=(const counted&) = delete;
    ~counted() { --*count_; }

private:
    int* count_;
};

} // namespace

TEST_CASE("spawn keeps a lambda with its captures until the task has ended") {
    support::run([]() -> coax::task<> {
        int alive = 0;
        std::string said;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            {
                std::string text(100, 'x');
                group.spawn([&said, &alive, text, kept = counted(alive)]() -> coax::task<> {
                    co_await coax::yield();
                    CHECK(alive == 1);
                    said = text;
                });
            }
            CHECK(alive == 1);
            co_return;
        });
        CHECK(said == std::string(100, 'x'));
        CHECK(alive == 0);
    });
}

TEST_CASE("spawn keeps its arguments, and passes references on by std::ref") {
    support::run([]() -> coax::task<> {
        int alive = 0;
        std::string sum;
        const auto add = [](std::string& to, const std::string& what, std::unique_ptr<int> number,
                            const counted&) -> coax::task<> {
            co_await coax::yield();
            to += what + std::to_string(*number);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(add, std::ref(sum), "one ", std::make_unique<int>(1), counted(alive));
            group.spawn(add, std::ref(sum), std::string(" two "), std::make_unique<int>(2), counted(alive));
            CHECK(alive == 2);
            co_return;
        });
        CHECK(sum == "one 1 two 2");
        CHECK(alive == 0);
    });
}

TEST_CASE("a socket that is moved into a spawned call is its own, and gone with it") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn([conn = std::move(made.server)]() mutable -> coax::task<> { co_await conn.sendall("bye"); });
            const std::string said = co_await support::read_to_end(made.client);
            CHECK(said == "bye");
        });
    });
}

TEST_CASE("a started task is joined for its value, whether it has ended before or not") {
    support::run([]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto first = group.start(square, 7);
            auto second = group.start([]() -> coax::task<std::string> { co_return "at once"; });
            auto third = group.start(square(3));
            CHECK_FALSE(first.done());
            CHECK(second.done());
            const int value = co_await first.join();
            CHECK(value == 49);
            CHECK(first.done());
            const std::string text = co_await second.join();
            CHECK(text == "at once");
            const int other = co_await third.join();
            CHECK(other == 9);
        });
    });
}

TEST_CASE("join gives references and nothing, and values that can only be moved") {
    support::run([]() -> coax::task<> {
        int target = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto reference = group.start([&]() -> coax::task<int&> { co_return target; });
            int& same = co_await reference.join();
            CHECK(&same == &target);
            auto nothing = group.start([]() -> coax::task<> { co_await coax::yield(); });
            co_await nothing.join();
            auto moved = group.start([]() -> coax::task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); });
            const std::unique_ptr<int> five = co_await moved.join();
            CHECK(*five == 5);
        });
    });
}

TEST_CASE("what a started task owned is gone when it has been joined") {
    support::run([]() -> coax::task<> {
        int alive = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto handle = group.start(
                [](const counted&) -> coax::task<int> {
                    co_await coax::yield();
                    co_return 1;
                },
                counted(alive));
            CHECK(alive == 1);
            const int one = co_await handle.join();
            CHECK(one == 1);
            CHECK(alive == 0);
        });
    });
}

TEST_CASE("the exception of a started task goes to whoever joins it, and the group goes on") {
    support::run([]() -> coax::task<> {
        std::string heard;
        bool went_on = false;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto early = group.start([]() -> coax::task<int> {
                throw failed("early");
                co_return 0;
            });
            auto late = group.start([]() -> coax::task<> {
                co_await coax::sleep_for(1ms);
                throw failed("late");
            });
            try {
                co_await early.join();
            } catch (const failed& error) {
                heard += error.what();
            }
            const auto outcome = co_await coax::as_result(late.join());
            CHECK(outcome.error().why() == coax::failure::cause::exception);
            heard += ' ' + outcome.error().message();
            CHECK_FALSE(group.cancelled());
            co_await coax::yield();
            went_on = true;
        });
        CHECK(heard == "early late");
        CHECK(went_on);
    });
}

TEST_CASE("a failure that nobody joins is the group's, whenever the handle goes") {
    support::run([]() -> coax::task<> {
        const auto fail = [](const char* why) -> coax::task<> {
            co_await coax::yield();
            throw failed(why);
        };
        const auto outcome_of = [](auto body) -> coax::task<std::string> {
            const auto left = co_await coax::as_result(coax::with_task_group(body));
            co_return left ? "nothing" : left.error().message();
        };
        // Gone before the task fails: the siblings are cancelled then.
        const auto before = [&](coax::task_group& group) -> coax::task<> {
            static_cast<void>(group.start(fail, "before"));
            co_await coax::sleep_for(1h);
        };
        const std::string first = co_await outcome_of(before);
        CHECK(first == "before");
        // Gone after it has failed.
        const auto after = [&](coax::task_group& group) -> coax::task<> {
            {
                const auto handle = group.start(fail, "after");
                co_await coax::sleep_for(1ms);
                CHECK(handle.done());
                CHECK_FALSE(group.cancelled());
            }
            co_await coax::sleep_for(1h);
        };
        const std::string second = co_await outcome_of(after);
        CHECK(second == "after");
        // Still there when the group is left.
        coax::task_handle<> kept;
        const auto never = [&](coax::task_group& group) -> coax::task<> {
            kept = group.start(fail, "never");
            co_return;
        };
        const std::string third = co_await outcome_of(never);
        CHECK(third == "never");
        const auto again = co_await coax::as_result(kept.join());
        CHECK(again.error().message() == "never");
    });
}

TEST_CASE("a cancelled task ends alone, and joining it is an error that as_result gives") {
    support::run([]() -> coax::task<> {
        bool unwound = false;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto handle = group.start([&]() -> coax::task<int> {
                try {
                    co_await coax::sleep_for(1h);
                } catch (const coax::cancelled&) {
                    unwound = true;
                    throw;
                }
                co_return 1;
            });
            auto sibling = group.start(square, 2);
            handle.cancel();
            const auto outcome = co_await coax::as_result(handle.join());
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error() == std::errc::operation_canceled);
            CHECK(outcome.error().why() == coax::failure::cause::error);
            CHECK(unwound);
            CHECK_FALSE(group.cancelled());
            const int four = co_await sibling.join();
            CHECK(four == 4);
            handle.cancel(); // it has ended
        });
    });
}

TEST_CASE("a task that makes a value of its cancellation is joined for it") {
    support::run([]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto handle = group.start([]() -> coax::task<int> {
                try {
                    co_await coax::sleep_for(1h);
                } catch (const coax::cancelled&) {
                }
                co_return 3;
            });
            handle.cancel();
            const int three = co_await handle.join();
            CHECK(three == 3);
        });
    });
}

TEST_CASE("a join that is cut short leaves the task alone, and it can be joined again") {
    support::run([]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            coax::event go;
            auto handle = group.start([&]() -> coax::task<int> {
                co_await go.wait();
                co_return 6;
            });
            const auto late = co_await coax::as_result(coax::with_timeout(1ms, handle.join()));
            CHECK(late.error().why() == coax::failure::cause::timeout);
            CHECK_FALSE(handle.done());
            go.set();
            const int six = co_await handle.join();
            CHECK(six == 6);
        });
    });
}

TEST_CASE("joining twice, or nothing, is a logic_error") {
    support::run([]() -> coax::task<> {
        coax::task_handle<int> none;
        CHECK_FALSE(static_cast<bool>(none));
        CHECK_FALSE(none.done());
        none.cancel();
        const auto nothing = co_await coax::as_result(coax::when_any(none.join()));
        CHECK_THROWS_AS(std::get<0>(nothing->slots).value(), std::logic_error);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto handle = group.start(square, 1);
            // Both wait; one of them gets it.
            auto outcome = co_await coax::when_any(handle.join(), handle.join());
            auto& [first, second] = outcome.slots;
            CHECK(first.has_value() != second.has_value());
            coax::task_handle<int> moved = std::move(handle);
            const auto again = co_await coax::as_result(coax::when_any(moved.join()));
            CHECK_THROWS_AS(std::get<0>(again->slots).value(), std::logic_error);
        });
    });
}

TEST_CASE("a group that is cancelled cancels what was started, and a handle from outside says so") {
    support::run([]() -> coax::task<> {
        std::vector<coax::task_handle<>> handles;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            handles.push_back(group.start([]() -> coax::task<> { co_await coax::sleep_for(1h); }));
            group.cancel();
            co_return;
        });
        CHECK(handles[0].done());
        const auto outcome = co_await coax::as_result(handles[0].join());
        CHECK(outcome.error() == std::errc::operation_canceled);
    });
}

TEST_CASE("a handle that takes another task leaves the one that it had to the group") {
    support::run([]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            auto handle = group.start(square, 2);
            handle = group.start(square, 3);
            CHECK(group.size() == 2);
            const int nine = co_await handle.join();
            CHECK(nine == 9);
        });
    });
}

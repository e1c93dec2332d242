// Task groups: children start at once, run at the same time, and are joined.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

TEST_CASE("a group without children is left when its body ends") {
    support::run([]() -> coax::task<> {
        bool ran = false;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            ran = true;
            CHECK(group.size() == 0);
            CHECK_FALSE(group.cancelled());
            co_return;
        });
        CHECK(ran);
    });
}

TEST_CASE("a child starts at once and runs until it first waits") {
    support::run([]() -> coax::task<> {
        std::string order;
        const auto child = [&](char before, char after) -> coax::task<> {
            order += before;
            co_await coax::yield();
            order += after;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            order += '1';
            group.spawn(child('2', '5'));
            order += '3';
            group.spawn(child('4', '6'));
            CHECK(group.size() == 2);
            co_return;
        });
        CHECK(order == "123456");
    });
}

TEST_CASE("a group is left only when every child has ended, grandchildren included") {
    support::run([]() -> coax::task<> {
        int ended = 0;
        const auto leaf = [&](std::chrono::milliseconds time) -> coax::task<> {
            co_await coax::sleep_for(time);
            ++ended;
        };
        const auto parent = [&](coax::task_group& group) -> coax::task<> {
            co_await coax::yield();
            // The body has ended by now; the group is still there for its children.
            group.spawn(leaf(8ms));
            ++ended;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(leaf(5ms));
            group.spawn(leaf(0ms));
            group.spawn(parent(group));
            co_return;
        });
        CHECK(ended == 4);
    });
}

TEST_CASE("ten thousand children, ended in another order than they began") {
    support::run([]() -> coax::task<> {
        constexpr int count = 10'000;
        int ended = 0;
        int alive = 0;
        const auto child = [&](int index) -> coax::task<> {
            const support::counted frame(alive);
            for (int turn = 0; turn < index % 7; ++turn)
                co_await coax::yield();
            ++ended;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int index = 0; index < count; ++index)
                group.spawn(child(index));
            co_return;
        });
        CHECK(ended == count);
        CHECK(alive == 0);
    });
}

TEST_CASE("a child's frame is gone when the child has ended, not when the group does") {
    support::run([]() -> coax::task<> {
        int alive = 0;
        const auto child = [&](support::counted) -> coax::task<> { co_await coax::yield(); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int index = 0; index < 100; ++index) {
                group.spawn(child(support::counted(alive)));
                co_await support::until([&] { return group.size() == 0; });
                CHECK(alive == 0);
            }
        });
    });
}

TEST_CASE("an empty task cannot be spawned, and the group goes on") {
    support::run([]() -> coax::task<> {
        bool refused = false;
        bool other = false;
        const auto child = [&]() -> coax::task<> {
            other = true;
            co_return;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            try {
                group.spawn(coax::task<>());
            } catch (const std::logic_error&) {
                refused = true;
            }
            CHECK(group.size() == 0);
            group.spawn(child());
            co_return;
        });
        CHECK(refused);
        CHECK(other);
    });
}

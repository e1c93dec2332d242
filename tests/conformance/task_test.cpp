// Tasks: what they hand to their awaiter, and when they run.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

static_assert(!std::is_copy_constructible_v<coax::task<>>);
static_assert(std::is_nothrow_move_constructible_v<coax::task<std::string>>);
static_assert(std::is_same_v<coax::task<int&>::value_type, int&>);

namespace {

struct no_default {
    explicit no_default(int of) noexcept : value(of) {}
    no_default(no_default&&) noexcept = default;
    no_default& operator=(no_default&&) = delete;
    int value;
};

struct unbuildable {
    explicit unbuildable(int) { throw std::length_error("unbuildable"); }
};

template <class T>
coax::task<T> give(T value) {
    co_return std::move(value);
}

template <class T>
coax::task<T> give_later(T value) {
    co_await coax::yield();
    co_return std::move(value);
}

coax::task<int&> refer(int& to) { co_return to; }

coax::task<> fail_now(std::string why) {
    throw std::runtime_error(why);
    co_return;
}

coax::task<> fail_later(std::string why) {
    co_await coax::yield();
    throw std::runtime_error(why);
}

/// Notes when its owner's scope is left.
struct footprint {
    footprint(std::vector<std::string>& to, std::string as) : trail(to), name(std::move(as)) {}
    footprint(const footprint&) = delete;
    footprint& operator=(const footprint&) = delete;
    ~footprint() { trail.push_back("~" + name); }
    std::vector<std::string>& trail;
    std::string name;
};

} // namespace

TEST_CASE("a task gives its value, whether it ended at once or later") {
    support::run([]() -> coax::task<> {
        const int number = co_await give(5);
        CHECK(number == 5);
        const std::string text = co_await give_later(std::string(100, 'x'));
        CHECK(text == std::string(100, 'x'));
        std::unique_ptr<int> owned = co_await give(std::make_unique<int>(6));
        owned = co_await give_later(std::move(owned));
        REQUIRE(owned);
        CHECK(*owned == 6);
        const no_default made = co_await give_later(no_default(7));
        CHECK(made.value == 7);
    });
}

TEST_CASE("a task gives the very object it refers to") {
    support::run([]() -> coax::task<> {
        int number = 1;
        int& same = co_await refer(number);
        CHECK(&same == &number);
    });
}

TEST_CASE("a task converts what it returns") {
    const auto text = []() -> coax::task<std::string> { co_return "literal"; };
    const auto maybe = []() -> coax::task<std::optional<long>> { co_return 3; };
    const auto nothing = []() -> coax::task<std::optional<long>> { co_return std::nullopt; };
    support::run([&]() -> coax::task<> {
        const std::string literal = co_await text();
        CHECK(literal == "literal");
        const std::optional<long> three = co_await maybe();
        CHECK(three == 3);
        const std::optional<long> none = co_await nothing();
        CHECK_FALSE(none.has_value());
    });
}

TEST_CASE("an exception goes to the awaiter, whether it was thrown at once or later") {
    support::run([]() -> coax::task<> {
        std::vector<std::string> caught;
        try {
            co_await fail_now("early");
        } catch (const std::runtime_error& error) {
            caught.push_back(error.what());
        }
        try {
            co_await fail_later("late");
        } catch (const std::runtime_error& error) {
            caught.push_back(error.what());
        }
        CHECK(caught == std::vector<std::string>{"early", "late"});
    });
    CHECK_THROWS_WITH(coax::run(fail_now("out")), "out");
    CHECK_THROWS_WITH(coax::run(fail_later("out later")), "out later");
}

TEST_CASE("anything thrown passes through many awaits as it is") {
    struct odd {
        int value;
    };
    const auto raise = []() -> coax::task<int> {
        co_await coax::yield();
        throw odd{9};
    };
    const auto through = [&](const auto& self, int levels) -> coax::task<int> {
        if (levels == 0)
            co_return co_await raise();
        co_return co_await self(self, levels - 1);
    };
    int caught = 0;
    try {
        coax::run(through(through, 100));
    } catch (const odd& thrown) {
        caught = thrown.value;
    }
    CHECK(caught == 9);
}

TEST_CASE("a result whose making throws fails the task") {
    const auto make = []() -> coax::task<unbuildable> { co_return 1; };
    CHECK_THROWS_AS(coax::run(make()), std::length_error);
}

TEST_CASE("a task runs when it is awaited, not before") {
    support::run([]() -> coax::task<> {
        bool ran = false;
        const auto work = [&]() -> coax::task<> {
            ran = true;
            co_return;
        };
        coax::task<> made = work();
        co_await coax::yield();
        CHECK_FALSE(ran);
        co_await std::move(made);
        CHECK(ran);
    });
}

TEST_CASE("a task that is never awaited never runs, and destroys its arguments") {
    int alive = 0;
    bool ran = false;
    const auto work = [&](support::counted) -> coax::task<> {
        ran = true;
        co_return;
    };
    {
        coax::task<> never = work(support::counted(alive));
        CHECK(alive == 1);
        coax::task<> moved = std::move(never);
        CHECK(alive == 1);
        CHECK_FALSE(static_cast<bool>(never));
        CHECK(static_cast<bool>(moved));
    }
    CHECK(alive == 0);
    CHECK_FALSE(ran);

    coax::task<> replaced = work(support::counted(alive));
    replaced = work(support::counted(alive));
    replaced = coax::task<>();
    CHECK(alive <= 1);
    {
        const coax::task<> last = std::move(replaced);
    }
    CHECK(alive == 0);
}

TEST_CASE("a task's locals are gone before its awaiter goes on, its arguments with it") {
    support::run([]() -> coax::task<> {
        std::vector<std::string> trail;
        const auto work = [&]() -> coax::task<> {
            footprint outer(trail, "outer");
            co_await coax::yield();
            footprint inner(trail, "inner");
            trail.push_back("end");
        };
        co_await work();
        trail.push_back("awaiter");
        CHECK(trail == std::vector<std::string>{"end", "~inner", "~outer", "awaiter"});

        int alive = 0;
        const auto taking = [](support::counted) -> coax::task<> { co_await coax::yield(); };
        co_await taking(support::counted(alive));
        CHECK(alive == 0);
    });
}

TEST_CASE("an empty task, and one that has been awaited, cannot be awaited") {
    support::run([]() -> coax::task<> {
        coax::task<int> once = give(1);
        const int value = co_await std::move(once);
        CHECK(value == 1);
        bool again = false;
        try {
            co_await std::move(once);
        } catch (const std::logic_error&) {
            again = true;
        }
        CHECK(again);

        bool empty = false;
        try {
            co_await coax::task<int>();
        } catch (const std::logic_error&) {
            empty = true;
        }
        CHECK(empty);
    });
    CHECK_THROWS_AS(coax::run(coax::task<>()), std::logic_error);
}

TEST_CASE("a task's result can be taken as a value, and its I/O errors with it") {
    support::run([]() -> coax::task<> {
        const auto good = co_await coax::as_result(give_later(4));
        REQUIRE(good);
        CHECK(*good == 4);

        const auto broken = []() -> coax::task<int> {
            coax::socket closed;
            std::byte taken[1];
            co_await closed.recv(taken);
            co_return 0;
        };
        const auto bad = co_await coax::as_result(broken());
        REQUIRE_FALSE(bad);
        CHECK(bad.error() == std::errc::bad_file_descriptor);

        // What is no I/O error is there as it was thrown.
        const auto mistaken = co_await coax::as_result(fail_later("mistake"));
        CHECK(mistaken.error().why() == coax::failure::cause::exception);
        CHECK_THROWS_AS(mistaken.value(), std::runtime_error);
    });
}

TEST_CASE("a task that takes another one destroys its own, and leaves the other empty") {
    support::run([]() -> coax::task<> {
        int alive = 0;
        struct guard {
            explicit guard(int& of) : count(&of) { ++*count; }
            guard(guard&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
            ~guard() {
                if (count != nullptr)
                    --*count;
            }
            int* count;
        };
        const auto hold = [](guard, int value) -> coax::task<int> { co_return value; };
        coax::task<int> first = hold(guard(alive), 1);
        coax::task<int> second = hold(guard(alive), 2);
        CHECK(alive == 2);
        first = std::move(second);
        CHECK(alive == 1);
        CHECK_FALSE(static_cast<bool>(second));
        coax::task<int>& same = first;
        first = std::move(same);
        const int two = co_await std::move(first);
        CHECK(two == 2);
        first = coax::task<int>();
        CHECK(alive == 0);
    });
}

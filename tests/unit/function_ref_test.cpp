// function_ref: a callback that options hold: borrowed, or small and kept.
#include "support/catch.hpp"

#include <coax/function_ref.hpp>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

using coax::function_ref;

namespace {

int twice(int value) { return 2 * value; }

struct accumulator {
    int total = 0;
    int operator()(int value) { return total += value; }
};

struct constant {
    int operator()(int) const { return 7; }
};

int call(function_ref<int(int)> function, int argument) { return function(argument); }

} // namespace

// Options structs hold it by value inside co_await expressions, so it must stay this simple.
static_assert(std::is_trivially_destructible_v<function_ref<void()>>);
static_assert(std::is_trivially_copyable_v<function_ref<void()>>);
static_assert(std::is_nothrow_default_constructible_v<function_ref<void()>>);
static_assert(sizeof(function_ref<void()>) == 5 * sizeof(void*));
static_assert(!std::is_constructible_v<function_ref<int(int)>, std::string&>);
static_assert(!std::is_constructible_v<function_ref<std::string()>, void (&)()>);

// A temporary that is small, trivial and callable as a constant is kept. Another one would be gone when it is called.
using assigned_to = function_ref<int(int)>;
static_assert(std::is_assignable_v<assigned_to&, constant>);
static_assert(std::is_assignable_v<assigned_to&, const constant>);
static_assert(!std::is_assignable_v<assigned_to&, accumulator>);
static_assert(!std::is_assignable_v<assigned_to&, function_ref<long(int)>>);
static_assert(!std::is_assignable_v<assigned_to&, std::function<int(int)>>);
static_assert(!std::is_convertible_v<std::function<int(int)>, assigned_to>);
static_assert(std::is_assignable_v<assigned_to&, accumulator&>);
static_assert(std::is_assignable_v<assigned_to&, const constant&>);
static_assert(std::is_assignable_v<assigned_to&, int (&)(int)>);
static_assert(std::is_assignable_v<assigned_to&, int (*)(int)>);
static_assert(std::is_assignable_v<assigned_to&, assigned_to>);

TEST_CASE("an empty function_ref says so") {
    constexpr function_ref<void()> empty{};
    CHECK_FALSE(static_cast<bool>(empty));
    CHECK(static_cast<bool>(function_ref<int(int)>(twice)));
}

TEST_CASE("a function_ref does not refer to the pointer that a function was given by") {
    int (*pointer)(int) = &twice;
    const function_ref<int(int)> first(pointer);
    pointer = nullptr;
    CHECK(first(21) == 42);
    const function_ref<int(int)> none(pointer);
    CHECK_FALSE(static_cast<bool>(none));
    function_ref<int(int)> assigned;
    assigned = +[](int value) { return value + 1; };
    CHECK(assigned(1) == 2);
}

TEST_CASE("a function_ref calls functions, lambdas and function objects") {
    CHECK(call(twice, 21) == 42);
    CHECK(call(&twice, 4) == 8);

    const int offset = 5;
    CHECK(call([&](int value) { return value + offset; }, 1) == 6);

    const constant seven;
    CHECK(call(seven, 0) == 7);

    const std::function<int(int)> wrapped = twice;
    CHECK(call(wrapped, 3) == 6);
}

TEST_CASE("a function_ref borrows its target instead of copying it") {
    accumulator sum;
    const function_ref<int(int)> add(sum);
    CHECK(add(2) == 2);
    CHECK(add(3) == 5);
    CHECK(sum.total == 5);

    sum.total = 100;
    CHECK(add(1) == 101);
}

TEST_CASE("a temporary lambda is kept, and its captures are what they refer to") {
    int calls = 0;
    std::string last;
    function_ref<void(const std::string&)> kept;
    {
        kept = [&](const std::string& text) {
            ++calls;
            last = text;
        };
    }
    const function_ref<void(const std::string&)> copy = kept;
    kept = {};
    copy("one");
    copy("two");
    CHECK(calls == 2);
    CHECK(last == "two");
    int a = 1;
    int b = 2;
    int c = 3;
    int d = 4;
    const function_ref<int(int)> four([&a, &b, &c, &d](int of) { return a + b + c + d + of; });
    CHECK(four(5) == 15);
}

TEST_CASE("a copy of a function_ref calls the first one's target, even after the first one is gone") {
    accumulator sum;
    auto first = std::make_unique<function_ref<int(int)>>(sum);
    const function_ref<int(int)> copy(*first);
    first.reset();
    CHECK(copy(4) == 4);
    CHECK(sum.total == 4);

    function_ref<int(int)> assigned;
    assigned = copy;
    CHECK(assigned(1) == 5);
    assigned = twice;
    CHECK(assigned(1) == 2);
    assigned = {};
    CHECK_FALSE(static_cast<bool>(assigned));
}

TEST_CASE("a function_ref passes arguments on as they are") {
    const auto take = [](std::unique_ptr<int> owned) { return *owned; };
    const function_ref<int(std::unique_ptr<int>)> by_value(take);
    CHECK(by_value(std::make_unique<int>(9)) == 9);

    const auto append = [](std::string& text) { text += "!"; };
    const function_ref<void(std::string&)> by_reference(append);
    std::string text = "hi";
    by_reference(text);
    CHECK(text == "hi!");

    const auto give = [](std::string&& from) -> std::string { return std::move(from); };
    const function_ref<std::string(std::string&&)> by_rvalue(give);
    CHECK(by_rvalue(std::move(text)) == "hi!");

    int value = 3;
    const auto same = [](int& of) -> int& { return of; };
    const function_ref<int&(int&)> reference(same);
    CHECK(&reference(value) == &value);
}

TEST_CASE("a function_ref converts the result, or drops it for void") {
    const function_ref<long(int)> wider(twice);
    CHECK(wider(5) == 10L);

    int calls = 0;
    const auto count = [&] { return ++calls; };
    const function_ref<void()> dropped(count);
    dropped();
    dropped();
    CHECK(calls == 2);
}

TEST_CASE("an exception passes through a function_ref") {
    const auto fail = []() -> int { throw std::string("no"); };
    const function_ref<int()> failing(fail);
    CHECK_THROWS_AS(failing(), std::string);
}

// result<T>: a value or the failure in its place.
#include "support/catch.hpp"

#include <coax/address.hpp>
#include <coax/cancelled.hpp>
#include <coax/error.hpp>
#include <coax/result.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

using coax::failure;
using coax::operation_name;
using coax::result;

namespace {

/// Counts how many of its kind there are.
class counted {
public:
    explicit counted(int& alive) noexcept : alive_(&alive) { ++*alive_; }
    counted(counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
    counted& operator=(counted&&) noexcept = default;
    ~counted() { --*alive_; }

private:
    int* alive_;
};

failure reset() { return failure(std::make_error_code(std::errc::connection_reset), operation_name::recv); }

/// The failure made of what `thrower` throws.
template <class Thrower>
failure taken_apart(Thrower thrower) {
    try {
        thrower();
    } catch (...) {
        return failure::from_current_exception();
    }
    throw std::logic_error("it threw nothing");
}

} // namespace

static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);

TEST_CASE("a result with a value gives it") {
    result<std::string> text(std::string("abc"));
    REQUIRE(text.has_value());
    CHECK(static_cast<bool>(text));
    CHECK(text.value() == "abc");
    CHECK(*text == "abc");
    CHECK(text->size() == 3);
    text->push_back('d');
    CHECK(std::as_const(text).value() == "abcd");
    CHECK(*std::as_const(text) == "abcd");
    CHECK(std::as_const(text)->size() == 4);
    CHECK(std::move(text).value_or("other") == "abcd");
}

TEST_CASE("a result holds what can only be moved") {
    result<std::unique_ptr<int>> made(std::make_unique<int>(5));
    result<std::unique_ptr<int>> moved(std::move(made));
    REQUIRE(moved.has_value());
    CHECK(**moved == 5);
    const std::unique_ptr<int> out = std::move(moved).value();
    CHECK(*out == 5);
}

TEST_CASE("a result without a value has the failure, and value() throws it") {
    const result<int> none(reset());
    REQUIRE_FALSE(none.has_value());
    CHECK_FALSE(static_cast<bool>(none));
    CHECK(none.error() == std::errc::connection_reset);
    CHECK(none.error().operation() == operation_name::recv);
    try {
        static_cast<void>(none.value());
        FAIL("value() returned");
    } catch (const coax::io_error& error) {
        CHECK(error.code() == std::errc::connection_reset);
        CHECK(error.operation() == operation_name::recv);
    }
    CHECK(result<int>(reset()).value_or(3) == 3);
}

TEST_CASE("a result of void succeeds or fails") {
    result<void> fine;
    CHECK(fine.has_value());
    CHECK_NOTHROW(fine.value());

    result<void> bad(reset());
    CHECK_FALSE(bad.has_value());
    CHECK_THROWS_AS(bad.value(), coax::io_error);

    fine = std::move(bad);
    CHECK_FALSE(fine.has_value());
    CHECK(fine.error() == std::errc::connection_reset);
    fine = result<void>();
    CHECK(fine.has_value());
}

TEST_CASE("assigning results destroys exactly what was there") {
    int alive = 0;
    {
        result<counted> value{counted(alive)};
        result<counted> other{counted(alive)};
        result<counted> none(reset());
        CHECK(alive == 2);

        value = std::move(other);
        CHECK(value.has_value());

        value = std::move(none);
        CHECK_FALSE(value.has_value());
        CHECK(value.error() == std::errc::connection_reset);
        CHECK(alive == 1);

        value = result<counted>(counted(alive));
        CHECK(value.has_value());
        CHECK(alive == 2);

        result<counted>& same = value;
        value = std::move(same);
        CHECK(value.has_value());
        CHECK(alive == 2);
    }
    CHECK(alive == 0);
}

TEST_CASE("each cause is thrown as its own type") {
    CHECK_THROWS_AS(reset().raise(), coax::io_error);
    CHECK_THROWS_AS(reset().raise(), std::system_error);

    const failure timeout(failure::cause::timeout, operation_name::accept);
    CHECK(timeout == std::errc::timed_out);
    CHECK_THROWS_AS(timeout.raise(), coax::timeout_error);
    CHECK_THROWS_AS(timeout.raise(), coax::io_error);

    const failure stopped(failure::cause::cancelled, operation_name::sendall, 77);
    CHECK(stopped == std::errc::operation_canceled);
    try {
        stopped.raise();
    } catch (const coax::cancelled& stop) {
        CHECK(stop.transferred() == 77);
    }

    // An error of the system with the same code is no timeout of ours.
    const failure dead_peer(std::make_error_code(std::errc::timed_out), operation_name::recv);
    try {
        dead_peer.raise();
    } catch (const coax::timeout_error&) {
        FAIL("an error of the system was taken for an expired limit");
    } catch (const coax::io_error& error) {
        CHECK(error.code() == std::errc::timed_out);
    }
}

TEST_CASE("a failure says what was done, with whom, and what went wrong") {
    failure why = reset();
    CHECK(why.peer().is_unnamed());
    why.with_peer(coax::address("127.0.0.1", 50007));
    CHECK(why.peer() == coax::address("127.0.0.1", 50007));
    const std::string text = why.message();
    CHECK(text.find("recv") != std::string::npos);
    CHECK(text.find("127.0.0.1:50007") != std::string::npos);
    CHECK(text.find(why.code().message()) != std::string::npos);

    const coax::io_error error(why);
    CHECK(std::string(error.what()) == text);
    CHECK(error.peer() == why.peer());
    const coax::io_error copy(error);
    CHECK(copy.peer() == why.peer());
    CHECK(std::string(copy.what()) == text);
}

TEST_CASE("an exception becomes a failure and can be thrown again as it was") {
    failure sent(std::make_error_code(std::errc::broken_pipe), operation_name::sendall, 1234);
    sent.with_peer(coax::address("::1", 9));
    const failure again = taken_apart([&] { sent.raise(); });
    CHECK(again.why() == failure::cause::error);
    CHECK(again == std::errc::broken_pipe);
    CHECK(again.operation() == operation_name::sendall);
    CHECK(again.transferred() == 1234);
    CHECK(again.peer() == coax::address("::1", 9));

    const failure timeout = taken_apart([] { failure(failure::cause::timeout, operation_name::sendall, 8).raise(); });
    CHECK(timeout.why() == failure::cause::timeout);
    CHECK(timeout.transferred() == 8);
    CHECK_THROWS_AS(timeout.raise(), coax::timeout_error);

    const failure stopped = taken_apart([] { throw coax::cancelled(5); });
    CHECK(stopped.why() == failure::cause::cancelled);
    CHECK(stopped.transferred() == 5);
    CHECK_THROWS_AS(stopped.raise(), coax::cancelled);

    const failure odd = taken_apart([] { throw 42; });
    CHECK(odd.why() == failure::cause::exception);
    CHECK_THROWS_AS(odd.raise(), int);

    const failure usual = taken_apart([] { throw std::out_of_range("which"); });
    CHECK(usual.why() == failure::cause::exception);
    CHECK_THROWS_WITH(usual.raise(), "which");
}

TEST_CASE("every operation has its name") {
    CHECK(std::string(coax::to_string(operation_name::accept)) == "accept");
    CHECK(std::string(coax::to_string(operation_name::recvfrom)) == "recvfrom");
    CHECK(std::string(coax::to_string(operation_name::sendall)) == "sendall");
    CHECK(std::string(coax::to_string(operation_name::setsockopt)) == "setsockopt");
    CHECK(std::string(coax::to_string(operation_name::yield)) == "yield");
    CHECK(std::string(coax::to_string(operation_name::wait_signal)) == "wait_signal");
    CHECK(std::string(coax::to_string(operation_name::drain)) == "drain");
    CHECK(std::string(coax::to_string(operation_name::join)) == "join");
}

TEST_CASE("a result goes on with its value, or with its failure") {
    const auto parse = [](const std::string& text) -> result<int> {
        if (text.empty())
            return reset();
        return static_cast<int>(text.size());
    };
    result<std::string> good(std::string("four"));
    result<std::string> bad(reset());
    const result<int> four = good.and_then(parse);
    CHECK(*four == 4);
    CHECK(*good == "four");
    CHECK(bad.and_then(parse).error() == std::errc::connection_reset);
    CHECK(result<std::string>(std::string()).and_then(parse).error() == std::errc::connection_reset);

    const result<std::size_t> size = good.transform([](std::string& text) { return text.size(); });
    CHECK(*size == 4);
    int calls = 0;
    const result<void> nothing = good.transform([&](const std::string&) { ++calls; });
    CHECK(nothing.has_value());
    CHECK_FALSE(bad.transform([&](const std::string&) { ++calls; }).has_value());
    CHECK(calls == 1);
    CHECK(result<void>().transform([] { return 3; }).value() == 3);
    CHECK(result<void>().and_then([] { return result<int>(5); }).value() == 5);
    CHECK(result<void>(reset()).transform([] { return 3; }).error() == std::errc::connection_reset);

    const auto instead = [](const failure& why) -> result<std::string> { return why.message(); };
    CHECK(std::move(good).or_else(instead).value() == "four");
    CHECK(std::move(bad).or_else(instead).value() == reset().message());

    int target = 1;
    result<int&> reference(target);
    CHECK(&reference.transform([](int& of) -> int& { return of; }).value() == &target);
    int other = 2;
    CHECK(&reference.value_or(other) == &target);
    CHECK(&result<int&>(reset()).value_or(other) == &other);
}

TEST_CASE("a temporary result is moved on") {
    auto made = result<std::unique_ptr<int>>(std::make_unique<int>(7)).transform([](std::unique_ptr<int> owned) {
        return *owned;
    });
    CHECK(*made == 7);
    auto kept =
        result<std::unique_ptr<int>>(std::make_unique<int>(8))
            .and_then([](std::unique_ptr<int>&& owned) -> result<std::unique_ptr<int>> { return std::move(owned); });
    CHECK(**kept == 8);
    const result<int> constant(9);
    CHECK(constant.value_or(1) == 9);
    CHECK(constant.transform([](const int& of) { return of + 1; }).value() == 10);
}

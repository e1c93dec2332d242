// `as_result` of every socket operation: the value when there is one, the failure when there is none, and no exception.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <concepts>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;

namespace {

/// The awaited type of `as_result(operation)`.
template <class Operation>
using outcome_of = decltype(coax::as_result(std::declval<Operation>()).await_resume());

static_assert(std::same_as<outcome_of<decltype(std::declval<coax::socket&>().accept())>, coax::result<coax::accepted>>);
static_assert(std::same_as<outcome_of<decltype(std::declval<coax::socket&>().recv(1))>, coax::result<coax::chunk>>);
static_assert(
    std::same_as<outcome_of<decltype(std::declval<coax::socket&>().recvfrom(1))>, coax::result<coax::datagram>>);
static_assert(std::same_as<outcome_of<decltype(std::declval<coax::socket&>().send(""))>, coax::result<std::size_t>>);
static_assert(std::same_as<outcome_of<decltype(std::declval<coax::socket&>().sendall(""))>, coax::result<void>>);
static_assert(std::same_as<outcome_of<decltype(std::declval<coax::socket&>().sendall("", ""))>, coax::result<void>>);

} // namespace

TEST_CASE("each operation that succeeds gives its value") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket client(coax::family::inet);
        const auto connected = co_await coax::as_result(client.connect(listener.getsockname()));
        CHECK(connected.has_value());
        auto taken = co_await coax::as_result(listener.accept());
        REQUIRE(taken);
        CHECK(taken->peer == client.getsockname());
        coax::socket server = std::move(taken->conn);

        const auto sent = co_await coax::as_result(client.send("one"));
        REQUIRE(sent);
        CHECK(*sent == 3);
        const auto chunk = co_await coax::as_result(server.recv(16));
        REQUIRE(chunk);
        CHECK(chunk->text() == "one");
        CHECK(static_cast<bool>(*chunk));

        const auto all = co_await coax::as_result(client.sendall("two"));
        CHECK(all);
        std::byte buffer[16];
        const auto own = co_await coax::as_result(server.recv(buffer));
        REQUIRE(own);
        CHECK(*own == 3);

        const auto pieces = co_await coax::as_result(client.sendall("th", "ree"));
        CHECK(pieces);
        const auto message = co_await coax::as_result(server.recvfrom(16));
        REQUIRE(message);
        CHECK(message->data.text() == "three");

        coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
        const auto directed = co_await coax::as_result(datagrams.sendto("self", datagrams.getsockname()));
        REQUIRE(directed);
        CHECK(*directed == 4);
        const auto filled = co_await coax::as_result(datagrams.recvfrom(buffer));
        REQUIRE(filled);
        CHECK(filled->size == 4);
        CHECK(filled->peer == datagrams.getsockname());
    });
}

TEST_CASE("the end of a stream is a value and no failure") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.close();
        const auto end = co_await coax::as_result(made.server.recv(8));
        REQUIRE(end);
        CHECK_FALSE(static_cast<bool>(*end));
    });
}

TEST_CASE("a failure as a value throws only when its value is asked for", "[reset]") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        support::reset(made.client);
        auto outcome = co_await coax::as_result(made.server.recv(8));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().why() == coax::failure::cause::error);
        CHECK(outcome.error() == std::errc::connection_reset);
        CHECK_THROWS_AS(outcome.value(), coax::io_error);
    });
}

TEST_CASE("a timeout is a value too, and turns into timeout_error when its value is asked for") {
    support::run([]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        socket.settimeout(1ms);
        auto outcome = co_await coax::as_result(socket.recvfrom(8));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().why() == coax::failure::cause::timeout);
        CHECK_THROWS_AS(outcome.value(), coax::timeout_error);
    });
}

TEST_CASE("a cancellation passes through as_result as an exception") {
    support::run([]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        bool reached = false;
        bool cancelled = false;
        const auto reader = [&]() -> coax::task<> {
            try {
                const auto outcome = co_await coax::as_result(socket.recv(8));
                reached = true;
            } catch (const coax::cancelled&) {
                cancelled = true;
                throw;
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            group.cancel();
        });
        CHECK(cancelled);
        CHECK_FALSE(reached);
    });
}

TEST_CASE("as_result of a task gives its value, or its I/O error as a failure") {
    support::run([]() -> coax::task<> {
        const auto value = [](int number) -> coax::task<int> { co_return number; };
        const auto good = co_await coax::as_result(value(42));
        REQUIRE(good);
        CHECK(*good == 42);

        const coax::socket holder = support::bound(coax::family::inet, coax::kind::stream);
        const coax::address name = holder.getsockname();
        const auto attempt = [&]() -> coax::task<> {
            coax::socket client(coax::family::inet);
            co_await client.connect(name);
        };
        const auto bad = co_await coax::as_result(attempt());
        REQUIRE_FALSE(bad);
        CHECK(bad.error() == std::errc::connection_refused);
        CHECK(bad.error().operation() == coax::operation_name::connect);
        CHECK(bad.error().peer() == name);
    });
}

TEST_CASE("an exception of a task that is no I/O failure is in the result, and its value throws it unchanged") {
    support::run([]() -> coax::task<> {
        const auto fail = [](int code) -> coax::task<int> {
            co_await coax::yield();
            throw std::out_of_range(std::to_string(code));
        };
        auto outcome = co_await coax::as_result(fail(7));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().why() == coax::failure::cause::exception);
        CHECK(outcome.error().message() == "7");
        CHECK_THROWS_AS(outcome.value(), std::out_of_range);

        // Inside of other adapters, and around them.
        const auto limited = co_await coax::as_result(coax::with_timeout(1h, fail(8)));
        CHECK(limited.error().message() == "8");
        const auto nested = co_await coax::as_result(coax::as_result(fail(9)));
        REQUIRE(nested);
        CHECK(nested->error().message() == "9");
        const auto both = co_await coax::as_result(coax::when_all(fail(10), coax::sleep_for(1h)));
        CHECK(both.error().message() == "10");
        // Not even one that has no type of the standard's.
        const auto odd = []() -> coax::task<> {
            throw 5;
            co_return;
        };
        const auto thrown = co_await coax::as_result(odd());
        CHECK_THROWS_AS(thrown.value(), int);
    });
}

TEST_CASE("what cannot even begin is in the result as well") {
    support::run([]() -> coax::task<> {
        coax::task<int> none;
        const auto outcome = co_await coax::as_result(std::move(none));
        REQUIRE_FALSE(outcome);
        CHECK_THROWS_AS(outcome.value(), std::logic_error);
        const auto limited = co_await coax::as_result(coax::with_timeout(1h, std::move(none)));
        CHECK_THROWS_AS(limited.value(), std::logic_error);
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("a loop that asks as_result survives a name that does not exist, or any other exception") {
    support::run([]() -> coax::task<> {
        int attempts = 0;
        const auto connect = [&]() -> coax::task<coax::socket> {
            if (++attempts < 3)
                throw std::runtime_error("not yet");
            co_return coax::socket(coax::family::inet);
        };
        for (;;) {
            auto conn = co_await coax::as_result(coax::with_timeout(5s, connect()));
            if (conn)
                break;
        }
        CHECK(attempts == 3);
    });
}

// Receives with flags: peek, wait_all and urgent data.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>

using namespace std::chrono_literals;

namespace {

constexpr coax::message_flags peek = coax::message_flags::peek;
constexpr coax::message_flags wait_all = coax::message_flags::wait_all;
constexpr coax::message_flags urgent = coax::message_flags::out_of_band;

/// What one receive of up to `size` bytes gives, in either of the two forms.
coax::task<std::string> received(coax::socket& from, bool pooled, std::size_t size, coax::message_flags flags = {}) {
    if (pooled) {
        const coax::chunk data = co_await from.recv(size, flags);
        co_return std::string(data.text());
    }
    std::string text(size, '\0');
    const std::size_t got = co_await from.recv(support::writable(text), flags);
    text.resize(got);
    co_return text;
}

} // namespace

TEST_CASE("peek shows what comes and takes nothing") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    INFO(support::name_of(family) << (pooled ? ", pooled" : ", own buffer"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        std::string early;
        // It waits like any other receive.
        const auto waiting = [&]() -> coax::task<> { early = co_await received(made.server, pooled, 3, peek); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(waiting());
            co_await support::round_trip();
            CHECK(early.empty());
            co_await made.client.sendall("peekaboo");
        });
        CHECK(early == "pee");
        const std::string again = co_await received(made.server, pooled, 4, peek);
        CHECK(again == "peek");
        const std::string other = co_await received(made.server, !pooled, 4, peek);
        CHECK(other == "peek");
        const std::string taken = co_await received(made.server, pooled, 4);
        CHECK(taken == "peek");
        const std::string rest = co_await received(made.server, pooled, 100);
        CHECK(rest == "aboo");
    });
}

TEST_CASE("peek at the end of the stream says so, again and again") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.close();
        for (int i = 0; i < 3; ++i) {
            const coax::chunk data = co_await made.server.recv(8, peek);
            CHECK_FALSE(static_cast<bool>(data));
        }
    });
}

TEST_CASE("wait_all waits until everything has come") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    INFO(support::name_of(family) << (pooled ? ", pooled" : ", own buffer"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        std::string heard;
        const auto reader = [&]() -> coax::task<> { heard = co_await received(made.server, pooled, 9, wait_all); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            for (const char* piece : {"one", "two"}) {
                co_await made.client.sendall(piece);
                co_await support::round_trip();
                CHECK(heard.empty());
            }
            co_await made.client.sendall("three and more");
        });
        CHECK(heard == "onetwothr");
        const std::string rest = co_await support::read(made.server, 11);
        CHECK(rest == "ee and more");
    });
}

TEST_CASE("wait_all gives what there was when the stream ends first") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        const auto reader = [&]() -> coax::task<> { heard = co_await received(made.server, pooled, 100, wait_all); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await made.client.sendall("part");
            co_await support::round_trip();
            made.client.close();
        });
        CHECK(heard == "part");
        const std::string end = co_await received(made.server, pooled, 100, wait_all);
        CHECK(end.empty());
    });
}

TEST_CASE("wait_all takes a mebibyte in one call, in either form") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string sent = support::pattern(1 << 20);
        std::string heard;
        const auto writer = [&]() -> coax::task<> { co_await made.client.sendall(sent); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            heard = co_await received(made.server, pooled, sent.size(), wait_all);
        });
        CHECK(heard.size() == sent.size());
        CHECK(support::same_up_to(heard, sent) == sent.size());
        if (pooled)
            CHECK(coax::scheduler::current().stats().heap_buffers > 0);
    });
}

TEST_CASE("wait_all that is given up gives what it had, or leaves it to the next receive") {
    const bool pooled = GENERATE(true, false);
    const bool by_limit = GENERATE(true, false);
    CAPTURE(pooled, by_limit);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        const auto reader = [&]() -> coax::task<> { heard += co_await received(made.server, pooled, 100, wait_all); };
        co_await made.client.sendall("part");
        if (by_limit) {
            made.server.settimeout(5ms);
            const auto outcome = co_await coax::as_result(reader());
            if (!outcome)
                CHECK(outcome.error() == std::errc::timed_out);
            made.server.settimeout(std::nullopt);
        } else {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                co_await support::round_trip();
                group.cancel();
            });
        }
        co_await made.client.sendall("rest");
        heard += co_await support::read(made.server, 8 - heard.size());
        CHECK(heard == "partrest");
    });
}

TEST_CASE("with a limit of zero wait_all takes what is there", "[unix]") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::local);
        made.server.settimeout(0s);
        const auto none = co_await coax::as_result(received(made.server, pooled, 100, wait_all));
        CHECK(support::code_of(none) == std::errc::operation_would_block);
        co_await made.client.sendall("part");
        auto some = co_await coax::as_result(received(made.server, pooled, 100, wait_all));
        std::string heard = some ? *some : std::string();
        made.server.settimeout(std::nullopt);
        co_await made.client.sendall("rest");
        heard += co_await support::read(made.server, 8 - heard.size());
        CHECK(heard == "partrest");
    });
}

TEST_CASE("wait_all for datagrams is one datagram") {
    support::run([]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        co_await socket.sendto("one", socket.getsockname());
        co_await socket.sendto("two", socket.getsockname());
        const std::string first = co_await received(socket, true, 64, wait_all);
        CHECK(first == "one");
        const std::string second = co_await received(socket, false, 64, wait_all);
        CHECK(second == "two");
    });
}

TEST_CASE("urgent data are received apart from the stream, also by a socket that has waited before") {
    const bool waited = GENERATE(false, true);
    const bool pooled = GENERATE(true, false);
    CAPTURE(waited, pooled);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.server.settimeout(waited ? 1ms : 5s);
        if (waited) {
            const auto nothing = co_await coax::as_result(received(made.server, pooled, 1));
            CHECK(support::code_of(nothing) == std::errc::timed_out);
            made.server.settimeout(5s);
        }
        co_await made.client.send("!", urgent);
        // Over loopback it has arrived when the send has returned, or very soon after; until then there is none to be had.
        std::string mark;
        for (int i = 0; i < 100'000 && mark.empty(); ++i) {
            auto outcome = co_await coax::as_result(received(made.server, pooled, 1, urgent));
            if (outcome) {
                mark = *outcome;
            } else {
                REQUIRE(outcome.error() == std::errc::invalid_argument);
                co_await coax::yield();
            }
        }
        CHECK(mark == "!");
        co_await made.client.sendall("plain");
        const std::string rest = co_await received(made.server, pooled, 64);
        CHECK(rest == "plain");
    });
}

TEST_CASE("urgent data stay in the stream where that is asked for") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.server.setsockopt(coax::option::out_of_band_inline, true);
        co_await made.client.sendall("before");
        co_await made.client.send("!", urgent);
        co_await made.client.sendall("after");
        const std::string heard = co_await support::read(made.server, 12);
        CHECK(heard == "before!after");
    });
}

TEST_CASE("a receive on a stream that is not connected is not_connected") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket idle(coax::family::inet);
        const auto outcome = co_await coax::as_result(received(idle, pooled, 8));
        CHECK(support::code_of(outcome) == std::errc::not_connected);
        coax::socket listener = support::listening(coax::family::inet);
        const auto listening = co_await coax::as_result(received(listener, pooled, 8));
        CHECK(support::code_of(listening) == std::errc::not_connected);
    });
}

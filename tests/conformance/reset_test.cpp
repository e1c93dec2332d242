// Connections that break: resets, unread data, writing to a peer that is gone.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <system_error>

using namespace std::chrono_literals;

namespace {

bool is_gone(const std::error_code& error) {
    return error == std::errc::connection_reset || error == std::errc::broken_pipe;
}

/// Whether the kernel reports the end of the stream to the peer, without a turn of our loop in between.
bool at_end(const coax::socket& peer) {
    char byte = 0;
    return support::wait_readable(peer.fileno()) && support::receive_raw(peer.fileno(), &byte, 1, true) == 0;
}

} // namespace

TEST_CASE("a reset ends a waiting receive with connection_reset, which names operation and peer", "[reset]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const coax::address peer = made.server.getpeername();
        std::optional<coax::io_error> error;
        const auto receive = [&]() -> coax::task<> { const coax::chunk data = co_await made.server.recv(16); };
        const auto reader = [&]() -> coax::task<> { error = co_await support::error_of(receive()); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            support::reset(made.client);
        });
        REQUIRE(error);
        CHECK(error->code() == std::errc::connection_reset);
        CHECK(error->operation() == coax::operation_name::recv);
        CHECK(error->peer() == peer);
        const std::string what = error->what();
        CHECK(what.find("recv") != std::string::npos);
        CHECK(what.find(peer.to_string()) != std::string::npos);
    });
}

TEST_CASE("a reset that came before the receive is reported once, then the stream is at its end", "[reset]") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        support::reset(made.client);
        const auto first = co_await coax::as_result(made.server.recv(16));
        CHECK(support::code_of(first) == std::errc::connection_reset);
        const auto second = co_await coax::as_result(made.server.recv(16));
        REQUIRE(second);
        CHECK_FALSE(static_cast<bool>(*second));
    });
}

TEST_CASE("closing with unread data resets the connection; what the peer had received stays readable", "[reset]") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        co_await made.server.sendall("never read");
        co_await made.client.sendall("read in time");
        const coax::chunk peeked = co_await made.client.recv(1, coax::message_flags::peek); // it is there
        CHECK(peeked.text() == "n");
        made.client.close();
        const std::string heard = co_await support::read(made.server, 12);
        CHECK(heard == "read in time");
        const auto after = co_await coax::as_result(made.server.recv(16));
        CHECK(support::code_of(after) == std::errc::connection_reset);
    });
}

TEST_CASE("closing with data that was received but not yet delivered resets as well", "[reset]") {
    // A backend may hold bytes that no receive has asked for yet; to the peer that makes no difference.
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < 40; ++i) {
            co_await made.server.sendall("a little");
            const std::string heard = co_await support::read(made.client, 4);
            const coax::chunk rest = co_await made.client.recv(4);
            CHECK(heard + std::string(rest.text()) == "a little");
        }
        co_await made.server.sendall("more than is read");
        const coax::chunk some = co_await made.client.recv(4);
        CHECK(some.text() == "more");
        co_await support::round_trip();
        made.client.close();
        const auto after = co_await coax::as_result(made.server.recv(16));
        CHECK(support::code_of(after) == std::errc::connection_reset);
    });
}

TEST_CASE("writing to a connection whose peer is gone fails with reset or broken_pipe, and never with a signal") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        made.client.close();
        const coax::chunk end = co_await made.server.recv(1);
        CHECK_FALSE(static_cast<bool>(end));
        // The first write may succeed: it is what makes the peer's system say that nobody is there.
        std::optional<std::error_code> failed;
        int attempts = 0;
        for (; attempts < 100'000 && !failed; ++attempts) {
            const auto outcome = co_await coax::as_result(made.server.send("anybody there?"));
            if (!outcome)
                failed = outcome.error().code();
        }
        REQUIRE(failed);
        CAPTURE(*failed, attempts);
        CHECK(is_gone(*failed));
        const auto again = co_await coax::as_result(made.server.sendall("still nobody?"));
        REQUIRE_FALSE(again);
        CHECK(is_gone(again.error().code()));
    });
}

TEST_CASE("when close returns the peer sees the end, although operations were waiting") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        std::error_code outcome;
        const auto reader = [&]() -> coax::task<> {
            std::byte buffer[16];
            if (pooled) {
                const auto result = co_await coax::as_result(made.server.recv(sizeof buffer));
                outcome = support::code_of(result);
            } else {
                const auto result = co_await coax::as_result(made.server.recv(buffer));
                outcome = support::code_of(result);
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            made.server.close();
            CHECK(at_end(made.client));
        });
        CHECK(outcome == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("where a sender is told of the reset the receiver does not see an end of the stream", "[reset]") {
    const bool reader_first = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        const std::string large(std::size_t{8} << 20, 'x');
        for (int round = 0; round < 20; ++round) {
            support::connection made = co_await support::connected(coax::family::inet);
            std::error_code received;
            std::error_code sent;
            const auto reader = [&]() -> coax::task<> {
                const auto got = co_await coax::as_result(made.client.recv(16));
                received = support::code_of(got);
            };
            const auto writer = [&]() -> coax::task<> {
                const auto all = co_await coax::as_result(made.client.sendall(large));
                sent = support::code_of(all);
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                if (reader_first)
                    group.spawn(reader());
                group.spawn(writer());
                if (!reader_first)
                    group.spawn(reader());
                const coax::chunk some = co_await made.server.recv(1024);
                co_await support::round_trip();
                made.server.close(); // with unread data
            });
            CHECK(received == std::errc::connection_reset);
            CHECK(is_gone(sent));
        }
    });
}

TEST_CASE("a sendall that a reset stops half-way says connection_reset", "[reset]") {
    support::run([]() -> coax::task<> {
        const std::string large(std::size_t{16} << 20, 'x');
        for (int round = 0; round < 20; ++round) {
            support::connection made = co_await support::connected(coax::family::inet);
            std::optional<coax::io_error> error;
            const auto send = [&]() -> coax::task<> { co_await made.client.sendall(large); };
            const auto writer = [&]() -> coax::task<> { error = co_await support::error_of(send()); };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(writer());
                const coax::chunk some = co_await made.server.recv(1024);
                co_await support::round_trip();
                made.server.close(); // with unread data
            });
            REQUIRE(error);
            CHECK(error->code() == std::errc::connection_reset);
            CHECK(error->transferred() > 0);
            CHECK(error->transferred() < large.size());
        }
    });
}

TEST_CASE("a reset behind a part of what was to be received is told to the next receive", "[reset]") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            if (pooled) {
                const coax::chunk part = co_await made.server.recv(16, coax::message_flags::wait_all);
                heard = part.text();
            } else {
                std::string buffer(16, '\0');
                const std::size_t count =
                    co_await made.server.recv(support::writable(buffer), coax::message_flags::wait_all);
                heard = buffer.substr(0, count);
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await made.client.sendall("part");
            co_await support::round_trip();
            co_await support::round_trip();
            support::reset(made.client);
        });
        CHECK(heard == "part");
        const auto next = co_await coax::as_result(made.server.recv(16));
        CHECK(support::code_of(next) == std::errc::connection_reset);
    });
}

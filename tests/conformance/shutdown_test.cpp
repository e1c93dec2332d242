// The end of a stream: half-closed connections, and receives after the end.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coax::shutdown_how;

TEST_CASE("what was sent comes first, then the end; the other direction goes on, and a second shutdown is fine") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        co_await made.client.sendall("last words");
        made.client.shutdown(shutdown_how::write);
        made.client.shutdown(shutdown_how::write);
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard == "last words");

        for (int i = 0; i < 3; ++i) {
            co_await made.server.sendall("answer");
            const std::string answer = co_await support::read(made.client, 6);
            CHECK(answer == "answer");
        }
        made.server.shutdown(shutdown_how::write);
        const coax::chunk end = co_await made.client.recv(1);
        CHECK_FALSE(static_cast<bool>(end));
    });
}

TEST_CASE("the peer's end wakes a waiting receive") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool by_close = GENERATE(false, true);
    INFO(support::name_of(family) << (by_close ? ", by close" : ", by shutdown"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        bool ended = false;
        const auto reader = [&]() -> coax::task<> {
            const coax::chunk data = co_await made.server.recv(16);
            ended = !data && data.empty();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            if (by_close)
                made.client.close();
            else
                made.client.shutdown(shutdown_how::write);
        });
        CHECK(ended);
    });
}

TEST_CASE("after the end of the stream every receive returns at once, again and again") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        co_await made.client.sendall("x");
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard == "x");
        made.server.settimeout(10s);
        int ends = 0;
        for (int i = 0; i < 100; ++i) {
            const coax::chunk pooled = co_await made.server.recv(16);
            ends += !pooled && pooled.empty() ? 1 : 0;
            std::array<std::byte, 16> buffer{};
            const std::size_t own = co_await made.server.recv(buffer);
            ends += own == 0 ? 1 : 0;
            const coax::datagram message = co_await made.server.recvfrom(16);
            ends += !message.data ? 1 : 0;
        }
        CHECK(ends == 300);
    });
}

TEST_CASE("shutting down one's own reading side ends the receives that wait, as the end of the stream does") {
    const coax::family family = GENERATE(from_range(support::families()));
    const shutdown_how how = GENERATE(shutdown_how::read, shutdown_how::both);
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        int ended = 0;
        const auto reader = [&]() -> coax::task<> {
            const coax::chunk data = co_await made.server.recv(16);
            ended += !data ? 1 : 0;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            group.spawn(reader());
            co_await support::round_trip();
            CHECK(ended == 0);
            made.server.shutdown(how);
        });
        CHECK(ended == 2);
        if (how == shutdown_how::read) {
            co_await made.server.sendall("still writing");
            const std::string heard = co_await support::read(made.client, 13);
            CHECK(heard == "still writing");
        }
    });
}

TEST_CASE("sending after one's own shutdown is broken_pipe and never a signal") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    REQUIRE(support::is_default(support::pipe_signal));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        made.client.shutdown(shutdown_how::write);
        const auto some = co_await coax::as_result(made.client.send("x"));
        CHECK(support::code_of(some) == std::errc::broken_pipe);
        const auto all = co_await coax::as_result(made.client.sendall("x"));
        CHECK(support::code_of(all) == std::errc::broken_pipe);
        const auto pieces = co_await coax::as_result(made.client.sendall("x", "y"));
        CHECK(support::code_of(pieces) == std::errc::broken_pipe);
        const auto directed = co_await coax::as_result(made.client.sendto("x", made.client.getpeername()));
        const bool refused = support::code_of(directed) == std::errc::broken_pipe ||
                             support::code_of(directed) == std::errc::already_connected;
        CHECK(refused);
    });
    CHECK(support::is_default(support::pipe_signal));
}

TEST_CASE("shutting down what is not connected is not_connected, what is closed bad_file_descriptor") {
    coax::socket idle(coax::family::inet);
    CHECK(support::code_thrown_by([&] { idle.shutdown(shutdown_how::write); }) == std::errc::not_connected);
    idle.close();
    CHECK(support::code_thrown_by([&] { idle.shutdown(shutdown_how::write); }) == std::errc::bad_file_descriptor);
}

TEST_CASE("what was sent before a shutdown arrives before the end") {
    support::run([]() -> coax::task<> {
        const std::string sent = support::pattern(200'000);
        for (int i = 0; i < 20; ++i) {
            support::connection made = co_await support::connected(coax::family::inet);
            co_await made.client.sendall(sent);
            made.client.shutdown(shutdown_how::both);
            made.client.close();
            const std::string heard = co_await support::read_to_end(made.server);
            CHECK(heard.size() == sent.size());
            CHECK(support::same_up_to(heard, sent) == sent.size());
        }
    });
}

TEST_CASE("a send that was only just begun goes out before the shutdown that follows it") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const auto writer = [&]() -> coax::task<> { co_await made.client.sendall("in time"); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            made.client.shutdown(shutdown_how::write);
            co_return;
        });
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard == "in time");
    });
}

namespace {

/// Datagram sockets of each kind, one that receives and, for a pair, its peer.
struct receiving_socket {
    std::string what;
    coax::socket receiver;
    coax::socket peer;
};

coax::task<std::vector<receiving_socket>> datagram_sockets() {
    std::vector<receiving_socket> made;
    made.push_back({"bound", support::bound(coax::family::inet, coax::kind::datagram), coax::socket()});
    coax::socket connected = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket peer = support::bound(coax::family::inet, coax::kind::datagram);
    co_await connected.connect(peer.getsockname());
    made.push_back({"connected", std::move(connected), std::move(peer)});
    if (support::has(coax::family::local)) {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        made.push_back({"pair", std::move(pair.first), std::move(pair.second)});
    }
    co_return made;
}

} // namespace

TEST_CASE("shutting down the reading side of a datagram socket ends its receives, once for each", "[posix]") {
    support::run([]() -> coax::task<> {
        std::vector<receiving_socket> sockets = co_await datagram_sockets();
        for (receiving_socket& each : sockets) {
            INFO(each.what);
            each.receiver.settimeout(10s);
            int ended = 0;
            const auto reader = [&]() -> coax::task<> {
                const coax::datagram message = co_await each.receiver.recvfrom(16);
                ended += !message.data ? 1 : 0;
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                group.spawn(reader());
                co_await support::round_trip();
                CHECK(ended == 0);
                each.receiver.shutdown(shutdown_how::read);
            });
            CHECK(ended == 2);
            // And the next ones, in every form.
            const coax::datagram message = co_await each.receiver.recvfrom(16);
            CHECK_FALSE(static_cast<bool>(message.data));
            const coax::chunk data = co_await each.receiver.recv(16);
            CHECK_FALSE(static_cast<bool>(data));
            std::array<std::byte, 16> buffer{};
            const coax::received own = co_await each.receiver.recvfrom(buffer);
            CHECK(own.ended);
            CHECK(own.size == 0);
        }
    });
}

TEST_CASE("datagrams that had come before the reading side was shut down are received, an empty one too", "[posix]") {
    support::run([]() -> coax::task<> {
        std::vector<receiving_socket> sockets = co_await datagram_sockets();
        for (receiving_socket& each : sockets) {
            if (!each.peer.is_open())
                continue;
            INFO(each.what);
            if (each.what == "connected")
                co_await each.peer.connect(each.receiver.getsockname());
            co_await each.peer.send("one");
            co_await each.peer.send("");
            each.receiver.settimeout(10s);
            each.receiver.shutdown(shutdown_how::read);
            const coax::datagram first = co_await each.receiver.recvfrom(16);
            CHECK(first.data.text() == "one");
            const coax::datagram empty = co_await each.receiver.recvfrom(16);
            CHECK(static_cast<bool>(empty.data));
            CHECK(empty.data.empty());
            const coax::datagram end = co_await each.receiver.recvfrom(16);
            CHECK_FALSE(static_cast<bool>(end.data));
        }
    });
}

TEST_CASE("shutting down the reading side of a listener ends its accepts with invalid_argument", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        std::error_code error;
        const auto acceptor = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(listener.accept());
            error = support::code_of(outcome);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(acceptor());
            co_await support::round_trip();
            listener.shutdown(shutdown_how::read);
        });
        CHECK(error == std::errc::invalid_argument);
        const auto later = co_await coax::as_result(listener.accept());
        CHECK(support::code_of(later) == std::errc::invalid_argument);
    });
}

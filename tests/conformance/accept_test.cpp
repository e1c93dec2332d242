// Accepting connections: whose they are, in which order they come, and what a listener refuses.
#include "support/catch.hpp"
#include "support/inet_and_local.hpp"
#include "support/net.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("accept gives the connection and the address by which the client knows itself") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        coax::socket client(family);
        co_await client.connect(name);
        auto [conn, peer] = co_await listener.accept();

        CHECK(peer == client.getsockname());
        CHECK(conn.getpeername() == peer);
        CHECK(conn.getsockname() == name);
        CHECK(client.getpeername() == name);
        CHECK(conn.family() == family);
        CHECK(conn.kind() == coax::kind::stream);
        CHECK(conn.is_open());

        co_await client.sendall("ping");
        const std::string heard = co_await support::read(conn, 4);
        CHECK(heard == "ping");
        co_await conn.sendall("pong");
        const std::string answer = co_await support::read(client, 4);
        CHECK(answer == "pong");
    });
}

TEST_CASE("the peer of a UNIX connection is the client's path, or unnamed when it has none", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::local);
        const coax::address name = listener.getsockname();

        coax::socket named = support::bound(coax::family::local, coax::kind::stream);
        co_await named.connect(name);
        const coax::accepted first = co_await listener.accept();
        CHECK(first.peer == named.getsockname());
        CHECK_FALSE(first.peer.path().empty());

        coax::socket nameless(coax::family::local);
        co_await nameless.connect(name);
        const coax::accepted second = co_await listener.accept();
        CHECK(second.peer.is_unnamed());
        CHECK(second.conn.getpeername().is_unnamed());
        CHECK(second.conn.getsockname() == name);
    });
}

TEST_CASE("an accepted socket inherits no limit from its listener") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        listener.settimeout(5s);
        const support::connection made = co_await support::connected_by(listener);
        CHECK(listener.gettimeout() == std::optional<coax::clock::duration>(5s));
        CHECK(made.server.gettimeout() == std::nullopt);
        CHECK(made.server.getblocking());
    });
}

TEST_CASE("one connection wakes one of many waiting accepts, and they are served in the order of their calls") {
    constexpr std::size_t count = 16;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::vector<std::size_t> woken;
        std::vector<coax::address> peers;
        const auto acceptor = [&](std::size_t number) -> coax::task<> {
            const coax::accepted taken = co_await listener.accept();
            woken.push_back(number);
            peers.push_back(taken.peer);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::size_t i = 0; i < count; ++i)
                group.spawn(acceptor(i));
            for (std::size_t i = 0; i < count; ++i) {
                coax::socket client(coax::family::inet);
                co_await client.connect(name);
                // The server's end is closed once it has been accepted: that end of stream is what to wait for.
                const std::string rest = co_await support::read_to_end(client);
                co_await support::round_trip();
                REQUIRE(rest.empty());
                REQUIRE(woken.size() == i + 1);
                CHECK(woken[i] == i);
                CHECK(peers[i] == client.getsockname());
                CHECK(group.size() == count - i - 1);
            }
        });
    });
}

TEST_CASE("connections that wait in the backlog are accepted in the order in which they came") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    constexpr std::size_t count = 40;
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> clients;
        for (std::size_t i = 0; i < count; ++i) {
            clients.emplace_back(family);
            co_await clients.back().connect(name);
            co_await clients.back().sendall(std::to_string(i));
            clients.back().shutdown(coax::shutdown_how::write);
        }
        for (std::size_t i = 0; i < count; ++i) {
            coax::accepted taken = co_await listener.accept();
            const std::string number = co_await support::read_to_end(taken.conn);
            CHECK(number == std::to_string(i));
        }
    });
}

TEST_CASE("a backlog of zero is legal") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet, 0);
        for (int i = 0; i < 3; ++i) {
            support::connection made = co_await support::connected_by(listener);
            co_await made.client.sendall("x");
            const std::string heard = co_await support::read(made.server, 1);
            CHECK(heard == "x");
        }
    });
}

TEST_CASE("connections that were reset before they are accepted harm neither the listener nor the next one") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        constexpr int dead = 3;
        for (int i = 0; i < dead; ++i) {
            coax::socket victim(coax::family::inet);
            co_await victim.connect(name);
            support::reset(victim);
        }
        coax::socket client(coax::family::inet);
        co_await client.connect(name);
        co_await client.sendall("alive");

        // Systems differ in whether they hand out the dead ones.
        std::string heard;
        for (int i = 0; i <= dead && heard.empty(); ++i) {
            coax::accepted taken = co_await listener.accept();
            if (taken.peer == client.getsockname()) {
                heard = co_await support::read(taken.conn, 5);
            } else {
                const auto outcome = co_await coax::as_result(taken.conn.recv(1));
                CHECK(support::code_of(outcome) == std::errc::connection_reset);
            }
        }
        CHECK(heard == "alive");
    });
}

TEST_CASE("closing a listener ends every accept that waits on it with bad_file_descriptor") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        int ended = 0;
        const auto acceptor = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(listener.accept());
            CHECK(support::code_of(outcome) == std::errc::bad_file_descriptor);
            ++ended;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn(acceptor());
            co_await support::round_trip();
            CHECK(ended == 0);
            listener.close();
            CHECK(ended == 0);
        });
        CHECK(ended == 3);
        CHECK_FALSE(listener.is_open());
    });
}

TEST_CASE("accept on what does not listen is invalid_argument, on a datagram socket it is not supported") {
    support::run([]() -> coax::task<> {
        coax::socket idle = support::bound(coax::family::inet, coax::kind::stream);
        const auto not_listening = co_await coax::as_result(idle.accept());
        CHECK(support::code_of(not_listening) == std::errc::invalid_argument);

        support::connection made = co_await support::connected(coax::family::inet);
        const auto connected = co_await coax::as_result(made.client.accept());
        CHECK(support::code_of(connected) == std::errc::invalid_argument);

        coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
        const auto unsupported = co_await coax::as_result(datagrams.accept());
        CHECK(support::code_of(unsupported) == std::errc::operation_not_supported);

        // The failure leaves nothing behind: the same socket can become a listener.
        idle.listen();
        const support::connection later = co_await support::connected_by(idle);
        CHECK(later.server.getpeername() == later.client.getsockname());
    });
}

TEST_CASE("what does not listen says so whoever has its handle, and whatever has waited on it before") {
    const bool handle_is_known = GENERATE(false, true);
    const bool has_waited = GENERATE(false, true);
    const coax::kind kind = GENERATE(coax::kind::stream, coax::kind::datagram);
    CAPTURE(handle_is_known, has_waited, static_cast<int>(kind));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        coax::socket idle =
            kind == coax::kind::stream ? std::move(made.client) : support::bound(coax::family::inet, kind);
        if (handle_is_known)
            CHECK(idle.fileno() != support::no_handle);
        if (has_waited) {
            const auto waited = co_await coax::as_result(coax::with_timeout(1ms, idle.recv(1)));
            CHECK(support::code_of(waited) == std::errc::timed_out);
        }
        idle.settimeout(10s);
        const auto outcome = co_await coax::as_result(idle.accept());
        CHECK(support::code_of(outcome) ==
              (kind == coax::kind::stream ? std::errc::invalid_argument : std::errc::operation_not_supported));
    });
}

TEST_CASE("a receive from a listener is not connected, also when an accept has found nothing") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        listener.settimeout(1ms);
        const auto waited = co_await coax::as_result(listener.accept());
        CHECK(support::code_of(waited) == std::errc::timed_out);
        listener.settimeout(10s);
        const auto outcome = co_await coax::as_result(listener.recv(1));
        CHECK(support::code_of(outcome) == std::errc::not_connected);
        const auto own = co_await coax::as_result(listener.recvfrom(1));
        CHECK(support::code_of(own) == std::errc::not_connected);
    });
}

TEST_CASE("accept on a closed socket is bad_file_descriptor") {
    support::run([]() -> coax::task<> {
        coax::socket none;
        const auto never_open = co_await coax::as_result(none.accept());
        CHECK(support::code_of(never_open) == std::errc::bad_file_descriptor);

        coax::socket listener = support::listening(coax::family::inet);
        listener.close();
        const auto closed = co_await coax::as_result(listener.accept());
        CHECK(support::code_of(closed) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a stream of connections leaves no descriptor behind") {
    const int before = support::open_descriptors();
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        for (int i = 0; i < 200; ++i) {
            support::connection made = co_await support::connected_by(listener);
            made.client.close();
            const auto data = co_await made.server.recv(16);
            REQUIRE_FALSE(data);
        }
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("an accept takes one connection and leaves the others to whoever shares the listener") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> clients;
        std::size_t accepted = 0;
        const auto accept_one = [&]() -> coax::task<> {
            const coax::accepted taken = co_await listener.accept();
            ++accepted;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(accept_one());
            co_await support::round_trip();
            for (int i = 0; i < 5; ++i) {
                clients.emplace_back(family);
                co_await clients.back().connect(name);
            }
        });
        CHECK(accepted == 1);
        // Another process that has it would find them so.
        for (int i = 0; i < 4; ++i) {
            CHECK(support::wait_readable(listener.fileno()));
            const coax::native_handle one = support::accept_raw(listener.fileno());
            CHECK(one != support::no_handle);
            CHECK(support::close_raw(one));
        }
    });
}

TEST_CASE("a connection that was reset while it waited is given with the name of its peer", "[reset]") {
    const bool waits = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::address peer;
        coax::address client_name;
        const auto accept_one = [&]() -> coax::task<> {
            const coax::accepted taken = co_await listener.accept();
            peer = taken.peer;
        };
        const auto come_and_go = [&]() -> coax::task<> {
            coax::socket client(coax::family::inet);
            co_await client.connect(listener.getsockname());
            client_name = client.getsockname();
            support::reset(client);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            if (!waits)
                co_await come_and_go();
            group.spawn(accept_one());
            if (waits) {
                co_await support::round_trip();
                co_await come_and_go();
            }
        });
        CHECK(peer == client_name);
    });
}

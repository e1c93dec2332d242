// Serving many connections, each on its own.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Echoes; "throw" makes it fail, "cancel" makes it throw that.
coax::task<> fragile(coax::socket conn, coax::address) {
    while (const coax::chunk data = co_await conn.recv(100)) {
        if (data.text() == "throw")
            throw std::runtime_error("as it was told to");
        if (data.text() == "cancel")
            throw coax::cancelled();
        co_await conn.sendall(data);
    }
}

// The connection is the handler's: it cannot be somebody else's that it only refers to.
using by_reference = coax::task<> (*)(coax::socket&, const coax::address&);
using by_rvalue = coax::task<> (*)(coax::socket&&, const coax::address&);
static_assert(!std::is_invocable_v<decltype(coax::serve), coax::listener&, by_reference>);
static_assert(std::is_invocable_v<decltype(coax::serve), coax::listener&, by_rvalue>);

coax::task<> talk(coax::address name, int index) {
    coax::socket client = co_await support::connected_to(name);
    for (int round = 0; round < 3; ++round) {
        const std::string text = support::pattern(1000, static_cast<std::uint32_t>(index * 10 + round));
        const std::string heard = co_await support::echoed(client, text);
        CHECK(heard == text);
    }
}

coax::task<> echo_session() {
    coax::listener listener = coax::create_server({"127.0.0.1", 0});
    const coax::address name = listener.getsockname();
    auto handler = support::echo;
    const auto body = [&]() -> coax::task<> {
        const auto one_client = [&]() -> coax::task<> {
            coax::socket client = co_await support::connected_to(name);
            const std::string heard = co_await support::echoed(client, "hello");
            CHECK(heard == "hello");
        };
        co_await coax::when_all(one_client(), one_client());
    };
    co_await support::with_server(listener, handler, {.max_connections = 2, .drain_timeout = 50ms, .idle_timeout = 10s},
                                  body);
    CHECK_FALSE(listener.is_open());
}

} // namespace

TEST_CASE("serve runs the handler for every connection, with the socket and its peer") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::listener listener = coax::create_server(support::any_name(family));
        const coax::address name = listener.getsockname();
        std::vector<coax::address> peers;
        const auto handler = [&](coax::socket conn, coax::address peer) {
            peers.push_back(peer);
            return support::echo(std::move(conn), peer);
        };
        const auto body = [&]() -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (int index = 0; index < 40; ++index)
                    group.spawn(talk(name, index));
                co_return;
            });
            coax::socket last = co_await support::connected_to(name);
            co_await support::echoed(last, "x");
            CHECK(peers.size() == 41);
            CHECK(peers.back() == last.getsockname());
        };
        co_await support::with_server(listener, handler, {}, body);
    });
}

TEST_CASE("a plain function, a temporary closure and a plain socket will do") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::string heard;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(coax::serve(listener, support::echo));
            coax::socket client = co_await support::connected_to(name);
            heard = co_await support::echoed(client, "plain");
            group.cancel();
        });
        CHECK(heard == "plain");
        CHECK_FALSE(listener.is_open());
        const bool cut = co_await coax::with_cancel_scope([](coax::cancel_scope& scope) -> coax::task<> {
            coax::socket other = support::listening(coax::family::inet);
            scope.cancel();
            co_await coax::serve(
                other, [&](coax::socket conn, coax::address peer) { return support::echo(std::move(conn), peer); });
        });
        CHECK(cut);
    });
}

TEST_CASE("a handler may refer to its connection and its peer for as long as it runs") {
    const auto limit = GENERATE(0s, 10s); // of idleness: with and without one
    support::run([&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        std::vector<coax::address> peers;
        const auto handler = [&](coax::socket&& conn, const coax::address& peer) -> coax::task<> {
            while (const coax::chunk data = co_await conn.recv(100))
                co_await conn.sendall(data);
            peers.push_back(peer);
        };
        const auto body = [&]() -> coax::task<> {
            coax::socket first = co_await support::connected_to(name);
            coax::socket second = co_await support::connected_to(name);
            std::string heard = co_await support::echoed(first, "first");
            CHECK(heard == "first");
            heard = co_await support::echoed(second, "second");
            CHECK(heard == "second");
            const std::vector<coax::address> names{second.getsockname(), first.getsockname()};
            second.shutdown(coax::shutdown_how::write);
            heard = co_await support::read_to_end(second);
            first.shutdown(coax::shutdown_how::write);
            heard += co_await support::read_to_end(first);
            CHECK(heard.empty());
            CHECK(peers == names);
        };
        co_await support::with_server(listener, handler, {.idle_timeout = limit}, body);
    });
}

TEST_CASE("a connection that its handler refers to is closed before its failure is reported") {
    support::run([&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        const int before = support::open_descriptors();
        int at_report = 0;
        const auto report = [&](std::exception_ptr, const coax::address&) { at_report = support::open_descriptors(); };
        const auto handler = [](coax::socket&& conn, const coax::address&) -> coax::task<> {
            static_cast<void>(co_await conn.recv(1));
            throw std::runtime_error("as it was told to");
        };
        const auto body = [&]() -> coax::task<> {
            coax::socket client = co_await support::connected_to(name);
            co_await client.sendall("x");
            const std::string end = co_await support::read_to_end(client);
            CHECK(end.empty());
            CHECK(at_report == before + 1);
        };
        co_await support::with_server(listener, handler, {.on_error = report}, body);
    });
}

TEST_CASE("a limit on the listener does not end the server") {
    const auto limit = GENERATE(0ms, 1ms);
    support::run([&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        listener.socket().settimeout(limit);
        auto handler = support::echo;
        const auto body = [&]() -> coax::task<> {
            for (int round = 0; round < 2; ++round) {
                co_await coax::sleep_for(10ms);
                listener.socket().settimeout(limit);
                coax::socket client = co_await support::connected_to(name);
                const std::string heard = co_await support::echoed(client, "hello");
                CHECK(heard == "hello");
            }
        };
        co_await support::with_server(listener, handler, {}, body);
    });
}

TEST_CASE("what a handler throws is reported with its peer, and no other connection notices") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        support::reports reported;
        auto handler = fragile;
        const auto body = [&]() -> coax::task<> {
            coax::socket good = co_await support::connected_to(name);
            co_await support::echoed(good, "one");
            coax::socket bad = co_await support::connected_to(name);
            const coax::address bad_peer = bad.getsockname();
            co_await bad.sendall("throw");
            std::string end = co_await support::read_to_end(bad);
            CHECK(end.empty());
            coax::socket worse = co_await support::connected_to(name);
            co_await worse.sendall("cancel");
            end = co_await support::read_to_end(worse);
            co_await support::until([&] { return reported.texts.size() == 2; });
            CHECK(reported.texts[0] == "as it was told to");
            CHECK(reported.peers[0] == bad_peer);
            CHECK(reported.texts[1] == "cancelled");
            const std::string heard = co_await support::echoed(good, "two");
            CHECK(heard == "two");
        };
        co_await support::with_server(listener, handler, {.on_error = reported}, body);
        CHECK(reported.texts.size() == 2);
    });
}

TEST_CASE("a peer that resets its connection is reported, and no other connection notices", "[reset]") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        support::reports reported;
        auto handler = fragile;
        const auto body = [&]() -> coax::task<> {
            coax::socket good = co_await support::connected_to(name);
            co_await support::echoed(good, "one");
            coax::socket broken = co_await support::connected_to(name);
            co_await support::echoed(broken, "x");
            support::reset(broken);
            co_await support::until([&] { return reported.texts.size() == 1; });
            CHECK(reported.texts[0].find(std::make_error_code(std::errc::connection_reset).message()) !=
                  std::string::npos);
            const std::string heard = co_await support::echoed(good, "two");
            CHECK(heard == "two");
        };
        co_await support::with_server(listener, handler, {.on_error = reported}, body);
        CHECK(reported.texts.size() == 1);
    });
}

TEST_CASE("without on_error the scheduler's handler hears of it") {
    int heard = 0;
    const auto count = [&](std::exception_ptr) { ++heard; };
    const auto session = [&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        auto handler = fragile;
        const auto body = [&]() -> coax::task<> {
            coax::socket bad = co_await support::connected_to(name);
            co_await bad.sendall("throw");
            co_await support::read_to_end(bad);
        };
        co_await support::with_server(listener, handler, {}, body);
    };
    support::run(session, {.on_suppressed = count});
    CHECK(heard == 1);
}

TEST_CASE("a handler that fails before it is a coroutine harms nobody else either") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        support::reports reported;
        const auto handler = [](coax::socket, coax::address) -> coax::task<> { throw std::runtime_error("at once"); };
        const auto body = [&]() -> coax::task<> {
            for (int round = 0; round < 2; ++round) {
                coax::socket client = co_await support::connected_to(name);
                co_await support::read_to_end(client);
            }
        };
        co_await support::with_server(listener, handler, {.on_error = reported}, body);
        CHECK(reported.texts == std::vector<std::string>{"at once", "at once"});
    });
}

TEST_CASE("closing the listener from outside lets serve return, after the connections") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        coax::socket client = co_await support::connected_to(name);
        support::ending how = support::ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(
                [&] { return coax::serve(listener, support::echo, {.drain = coax::drain_mode::leave_open}); }, how));
            co_await support::echoed(client, "x");
            listener.close();
            co_await support::round_trip();
            CHECK(how == support::ending::none);
            const std::string heard = co_await support::echoed(client, "still there");
            CHECK(heard == "still there");
            client.close();
        });
        CHECK(how == support::ending::value);
    });
}

TEST_CASE("what cannot be served is an error at once") {
    support::run([]() -> coax::task<> {
        coax::listener none;
        const auto serve_none = [&]() -> coax::task<> { co_await coax::serve(none, support::echo); };
        auto error = co_await support::error_of(serve_none());
        REQUIRE(error);
        CHECK(error->code() == std::errc::bad_file_descriptor);
        CHECK(error->operation() == coax::operation_name::serve);
        coax::socket deaf = support::bound(coax::family::inet, coax::kind::stream);
        error = co_await support::error_of(coax::serve(deaf, support::echo));
        REQUIRE(error);
        CHECK(error->code() == std::errc::invalid_argument);
        CHECK_FALSE(deaf.is_open());
        CHECK_THROWS_AS(static_cast<void>(coax::serve(deaf, support::echo, {.drain_timeout = -1ms})),
                        std::invalid_argument);
        CHECK_THROWS_AS(static_cast<void>(coax::serve(deaf, support::echo, {.idle_timeout = -1ms})),
                        std::invalid_argument);
    });
}

TEST_CASE("a server with two clients can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return echo_session(); }, when) > 10);
}

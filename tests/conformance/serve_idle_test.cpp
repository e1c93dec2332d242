// Connections on which nothing happens.
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST_CASE("an idle connection is cancelled after the limit, and nobody calls it an error") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        support::reports reported;
        int cancelled = 0;
        const auto handler = [&](coax::socket conn, coax::address peer) -> coax::task<> {
            try {
                co_await support::echo(std::move(conn), peer);
            } catch (const coax::cancelled&) {
                ++cancelled;
                throw;
            }
        };
        const auto body = [&]() -> coax::task<> {
            coax::socket client = co_await support::connected_to(name);
            // Each exchange begins the time anew; the limit is the same for both directions.
            for (int round = 0; round < 4; ++round) {
                co_await coax::sleep_for(20ms);
                const std::string heard = co_await support::echoed(client, "x");
                CHECK(heard == "x");
            }
            const auto last = steady_clock::now();
            const std::string rest = co_await support::read_to_end(client);
            CHECK(rest.empty());
            CHECK(steady_clock::now() - last >= 58ms); // the server's last byte went out before `last`
            CHECK(cancelled == 1);
        };
        co_await support::with_server(listener, handler, {.idle_timeout = 60ms, .on_error = reported}, body);
        CHECK(reported.texts.empty());
    });
}

TEST_CASE("one timer serves a connection, however much it does; it goes with the connection") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        auto handler = support::echo;
        const auto body = [&]() -> coax::task<> {
            const auto timers = [] { return coax::scheduler::current().stats().timers; };
            coax::socket one = co_await support::connected_to(name);
            coax::socket two = co_await support::connected_to(name);
            for (int round = 0; round < 5; ++round) {
                co_await support::echoed(one, "x");
                co_await support::echoed(two, "x");
                CHECK(timers() == 2);
            }
            one.close();
            co_await support::until([&] { return timers() == 1; });
        };
        co_await support::with_server(listener, handler, {.idle_timeout = 1h}, body);
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("a peer that sends a byte now and then is not idle; a limit in the handler ends it") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        support::reports reported;
        std::size_t received = 0;
        const auto request = [&](coax::socket& conn) -> coax::task<> {
            while (received < 1000)
                received += (co_await conn.recv(1000 - received)).size();
        };
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            co_await coax::with_timeout(1s, request(conn));
        };
        const auto body = [&]() -> coax::task<> {
            coax::socket client = co_await support::connected_to(name);
            const auto begun = steady_clock::now();
            while (reported.texts.empty() && steady_clock::now() - begun < support::patience) {
                static_cast<void>(co_await coax::as_result(client.send("x")));
                co_await coax::sleep_for(30ms);
            }
            CHECK(steady_clock::now() - begun >= 1s);
        };
        co_await support::with_server(listener, handler, {.idle_timeout = 400ms, .on_error = reported}, body);
        REQUIRE(reported.texts.size() == 1);
        CHECK(reported.texts[0].find(std::make_error_code(std::errc::timed_out).message()) != std::string::npos);
        CHECK(received > 2);
    });
}

TEST_CASE(
    "a long sendall to a slow reader is not idle while parts of it go out, nor is a receive that fills a buffer") {
    const bool server_sends = GENERATE(true, false);
    INFO((server_sends ? "sendall" : "recv with wait_all"));
    support::run([&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        listener.socket().setsockopt(coax::option::send_buffer_size, 4096); // inherited by connections
        const coax::address name = listener.getsockname();
        constexpr std::size_t piece = 16'384;
        const std::string large = support::pattern(server_sends ? 60 * piece : 50);
        std::string got;
        support::reports reported;
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            if (server_sends) {
                co_await conn.sendall(std::string_view(large).substr(0, 1), std::string_view(large).substr(1));
            } else {
                got.resize(large.size());
                got.resize(co_await conn.recv(support::writable(got), coax::message_flags::wait_all));
            }
        };
        const auto begun = steady_clock::now();
        const auto body = [&]() -> coax::task<> {
            coax::socket client(coax::family::inet);
            client.setsockopt(coax::option::receive_buffer_size, 4096);
            co_await client.connect(name);
            if (server_sends) {
                while (got.size() < large.size()) {
                    const std::string part = co_await support::read(client, piece);
                    if (part.empty())
                        break;
                    got += part;
                    co_await coax::sleep_for(20ms);
                }
            } else {
                for (const char c : large) {
                    const auto sent = co_await coax::as_result(client.sendall(std::string_view(&c, 1)));
                    if (!sent)
                        break;
                    co_await coax::sleep_for(20ms);
                }
                co_await support::read_to_end(client);
            }
        };
        co_await support::with_server(listener, handler, {.idle_timeout = 400ms, .on_error = reported}, body);
        CHECK(steady_clock::now() - begun > 800ms);
        CHECK(got.size() == large.size());
        CHECK(support::same_up_to(got, large) == large.size());
        CHECK(reported.texts.empty());
    });
}

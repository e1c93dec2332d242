// Connections on which nothing happens.
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
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
            CHECK(steady_clock::now() - last >= 395ms); // the server's last byte went out before `last`
            CHECK(cancelled == 1);
        };
        co_await support::with_server(listener, handler, {.idle_timeout = 400ms, .on_error = reported}, body);
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

// What a server computes for longer than the limit, and what stops its process, must not look as if its peers had fallen silent.
TEST_CASE("bytes that came while the loop stood still are looked at before their connections are called idle") {
    constexpr int many = 50;
    constexpr auto limit = 400ms;
    coax::listener listener = coax::create_server({"127.0.0.1", 0}, {.backlog = many});
    const coax::address name = listener.getsockname();
    std::atomic<bool> standing{false};
    std::atomic<bool> sent{false};
    std::atomic<bool> over{false};
    const auto clients = [&]() -> coax::task<> {
        std::vector<coax::socket> conns;
        for (int index = 0; index < many; ++index) {
            conns.push_back(co_await support::connected_to(name));
        }
        while (!standing) { // none is idle until then
            for (coax::socket& conn : conns)
                co_await conn.sendall("x");
            co_await coax::sleep_for(10ms);
        }
        for (coax::socket& conn : conns)
            co_await conn.sendall("y");
        sent = true;
        while (!over)
            co_await coax::sleep_for(1ms);
    };
    struct joined {
        std::thread thread;
        std::atomic<bool>& over;
        ~joined() {
            over = true;
            thread.join();
        }
    } const elsewhere{std::thread([&] { support::run(clients); }), over};
    support::run([&]() -> coax::task<> {
        int first = 0;
        int second = 0;
        int cut = 0;
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            try {
                bool begun = false;
                for (bool more = true; more;) {
                    const coax::chunk data = co_await conn.recv(100);
                    first += begun ? 0 : 1;
                    begun = true;
                    more = data && !data.text().ends_with('y');
                }
                ++second;
            } catch (const coax::cancelled&) {
                ++cut;
                throw;
            }
        };
        const auto body = [&]() -> coax::task<> {
            co_await support::until([&] { return first == many; });
            const auto begun = steady_clock::now();
            standing = true;
            while (!sent || steady_clock::now() - begun < 2 * limit)
                std::this_thread::yield();
            co_await support::until([&] { return second + cut == many; });
            CHECK(second == many);
            CHECK(cut == 0);
        };
        co_await support::with_server(listener, handler, {.drain_timeout = 0s, .idle_timeout = limit}, body);
    });
}

TEST_CASE("a connection whose handler had to wait for another one's computing is not idle") {
    support::run([]() -> coax::task<> {
        constexpr auto limit = 150ms; // a busy machine may let a process stand for long
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        int cut = 0;
        bool stands = false;
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            try {
                while (const coax::chunk data = co_await conn.recv(100)) {
                    if (stands && data.text() == "y") {
                        stands = false;
                        support::spin(2 * limit);
                    }
                    co_await conn.sendall(data);
                }
            } catch (const coax::cancelled&) {
                ++cut;
                throw;
            }
        };
        const auto body = [&]() -> coax::task<> {
            coax::socket one = co_await support::connected_to(name);
            coax::socket two = co_await support::connected_to(name);
            for (int round = 0; round < 3; ++round) {
                co_await support::echoed(one, "x");
                co_await support::echoed(two, "x");
                stands = true;
                // Both have arrived when the loop looks: one handler has its turn, and the other one waits for it.
                co_await coax::when_all(one.sendall("y"), two.sendall("y"));
                const std::string first = co_await support::read(one, 1);
                const std::string second = co_await support::read(two, 1);
                CHECK(first + second == "yy");
            }
            CHECK(cut == 0);
        };
        co_await support::with_server(listener, handler, {.idle_timeout = limit}, body);
    });
}

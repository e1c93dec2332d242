// A server behind a proxy: handlers meet the client whose connection it is, and nobody without a header meets a handler.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
const coax::address source("192.0.2.1", 56324);
const std::string local("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);

struct refused {
    refused(std::error_code why, coax::operation_name what, const coax::address& who)
        : code(why), operation(what), peer(who) {}

    std::error_code code;
    coax::operation_name operation;
    coax::address peer;
};

/// A server that answers with the name of the peer and then echoes.
struct service {
    explicit service(coax::serve_options how = {}) : listener(support::listening(coax::family::inet)), options(how) {
        options.proxy = coax::proxy_mode::required;
        options.on_error = on_error;
    }

    coax::task<> handle(coax::socket conn, coax::address peer) {
        peers.push_back(peer);
        co_await conn.sendall(peer.to_string(), "\n");
        while (const coax::chunk data = co_await conn.recv(1000))
            co_await conn.sendall(data);
    }

    /// Serves while the body runs.
    template <class Body>
    coax::task<> serving_while(Body body) {
        const auto handler = [this](coax::socket conn, coax::address peer) { return handle(std::move(conn), peer); };
        const auto serving = [&]() -> coax::task<> { co_await coax::serve(listener, handler, options); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(serving());
            co_await body();
            options.drain_timeout = 0s;
            group.cancel();
        });
    }
    template <class Body>
    void run(Body body) {
        support::run([&]() -> coax::task<> { co_await serving_while(body); });
    }

    coax::task<coax::socket> client() {
        coax::socket made(coax::family::inet);
        const coax::address name = listener.getsockname();
        co_await made.connect(name);
        co_return made;
    }

    coax::socket listener;
    coax::serve_options options;
    std::vector<coax::address> peers;
    std::vector<refused> errors;

    struct note_error {
        service& self;
        void operator()(std::exception_ptr error, const coax::address& peer) const {
            try {
                std::rethrow_exception(std::move(error));
            } catch (const coax::io_error& why) {
                CHECK(why.peer() == peer);
                self.errors.emplace_back(why.code(), why.operation(), peer);
            }
        }
    } on_error{*this};
};

/// What the server sends until it closes. It may do so with a reset, where bytes are left that it has not read.
coax::task<std::string> heard_of(coax::socket& client) {
    std::string heard;
    try {
        while (const coax::chunk data = co_await client.recv(1000))
            heard += data.text();
    } catch (const coax::io_error& error) {
        CHECK(error.code() == std::errc::connection_reset);
    }
    co_return heard;
}

} // namespace

TEST_CASE("a handler behind a proxy meets the client that the header names") {
    service it;
    it.run([&]() -> coax::task<> {
        coax::socket client = co_await it.client();
        co_await client.sendall(line, "hello");
        client.shutdown(coax::shutdown_how::write);
        const std::string heard = co_await heard_of(client);
        CHECK(heard == "192.0.2.1:56324\nhello");
    });
    CHECK(it.errors.empty());
}

TEST_CASE("a header that names nobody leaves the connection's own peer") {
    const std::string header = GENERATE_COPY(std::string(local), std::string("PROXY UNKNOWN\r\n"));
    service it;
    it.run([&]() -> coax::task<> {
        coax::socket client = co_await it.client();
        const coax::address name = client.getsockname();
        co_await client.sendall(header, "hello");
        client.shutdown(coax::shutdown_how::write);
        const std::string heard = co_await heard_of(client);
        CHECK(heard == name.to_string() + "\nhello");
    });
    CHECK(it.errors.empty());
}

TEST_CASE("a proxy that is slow with its header delays nobody") {
    service it;
    it.run([&]() -> coax::task<> {
        coax::socket silent = co_await it.client();
        coax::socket slow = co_await it.client();
        co_await slow.sendall(std::string_view(line).substr(0, 20));
        coax::socket quick = co_await it.client();
        co_await quick.sendall(line);
        quick.shutdown(coax::shutdown_how::write);
        const std::string first = co_await heard_of(quick);
        CHECK(first == "192.0.2.1:56324\n");
        co_await slow.sendall(std::string_view(line).substr(20), "late");
        slow.shutdown(coax::shutdown_how::write);
        const std::string second = co_await heard_of(slow);
        CHECK(second == "192.0.2.1:56324\nlate");
        CHECK(it.peers.size() == 2);
    });
}

TEST_CASE("connections without a proper header are refused and meet no handler") {
    service it;
    it.run([&]() -> coax::task<> {
        const struct {
            std::string sent;
            coax::stream_errc code;
        } all[] = {
            {"GET / HTTP/1.1\r\n\r\n", coax::stream_errc::proxy_malformed},
            {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n", coax::stream_errc::proxy_malformed},
            {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443", coax::stream_errc::proxy_truncated},
            {"", coax::stream_errc::proxy_truncated},
        };
        for (const auto& each : all) {
            it.errors.clear();
            coax::socket client = co_await it.client();
            const coax::address name = client.getsockname();
            co_await client.sendall(each.sent);
            client.shutdown(coax::shutdown_how::write);
            const std::string heard = co_await heard_of(client);
            CHECK(heard.empty());
            REQUIRE(it.errors.size() == 1);
            CHECK(it.errors[0].code == each.code);
            CHECK(it.errors[0].operation == coax::operation_name::proxy_header);
            CHECK(it.errors[0].peer == name);
        }
    });
    CHECK(it.peers.empty());
}

TEST_CASE("a header that does not come in time is a timeout") {
    service it({.proxy_timeout = 20ms});
    it.run([&]() -> coax::task<> {
        coax::socket silent = co_await it.client();
        const coax::address name = silent.getsockname();
        const std::string heard = co_await heard_of(silent);
        CHECK(heard.empty());
        REQUIRE(it.errors.size() == 1);
        CHECK(it.errors[0].code == std::errc::timed_out);
        CHECK(it.errors[0].operation == coax::operation_name::proxy_header);
        CHECK(it.errors[0].peer == name);

        // The limit ends with the header.
        coax::socket client = co_await it.client();
        co_await client.sendall(line);
        co_await coax::sleep_for(60ms);
        co_await client.sendall("later");
        client.shutdown(coax::shutdown_how::write);
        const std::string answer = co_await heard_of(client);
        CHECK(answer == "192.0.2.1:56324\nlater");
    });
}

TEST_CASE("a header from a peer that is not trusted is not read") {
    std::vector<coax::address> asked;
    coax::address trusted;
    const auto trust = [&](const coax::address& peer) {
        asked.push_back(peer);
        return peer == trusted;
    };
    service it({.proxy_trusted = trust});
    it.run([&]() -> coax::task<> {
        coax::socket stranger = co_await it.client();
        const coax::address name = stranger.getsockname();
        const std::string heard = co_await heard_of(stranger);
        CHECK(heard.empty());
        REQUIRE(it.errors.size() == 1);
        CHECK(it.errors[0].code == coax::stream_errc::proxy_untrusted);
        CHECK(it.errors[0].operation == coax::operation_name::proxy_header);
        CHECK(it.errors[0].peer == name);

        coax::socket proxy(coax::family::inet);
        proxy.bind({"127.0.0.1", 0});
        trusted = proxy.getsockname();
        const coax::address server = it.listener.getsockname();
        co_await proxy.connect(server);
        co_await proxy.sendall(line);
        proxy.shutdown(coax::shutdown_how::write);
        const std::string answer = co_await heard_of(proxy);
        CHECK(answer == "192.0.2.1:56324\n");
        CHECK(asked == std::vector<coax::address>{name, trusted});
    });
    CHECK(it.peers.size() == 1);
}

TEST_CASE("a peer that was gone before anybody asked for its name is no stranger", "[reset]") {
    coax::address proxy;
    const auto trust = [&](const coax::address& peer) { return peer == proxy; };
    service it({.proxy_trusted = trust});
    support::run([&]() -> coax::task<> {
        coax::socket client = co_await it.client();
        proxy = client.getsockname();
        support::reset(client);
        co_await it.serving_while(
            [&]() -> coax::task<> { co_await support::until([&] { return !it.errors.empty(); }); });
        CHECK(it.errors[0].code == std::errc::connection_reset);
    });
}

TEST_CASE("errors of a connection through a proxy name its client", "[reset]") {
    service it;
    it.run([&]() -> coax::task<> {
        coax::socket client = co_await it.client();
        co_await client.sendall(line);
        const std::string greeting = co_await support::read(client, 16);
        CHECK(greeting == "192.0.2.1:56324\n");
        support::reset(client);
        co_await support::until([&] { return !it.errors.empty(); });
        CHECK(it.errors[0].code == std::errc::connection_reset);
        CHECK(it.errors[0].peer == source);
    });
}

TEST_CASE("a refused connection gives its place to the next one") {
    service it({.max_connections = 1});
    it.run([&]() -> coax::task<> {
        for (int i = 0; i < 3; ++i) {
            coax::socket bad = co_await it.client();
            co_await bad.sendall("?");
            const std::string nothing = co_await heard_of(bad);
            CHECK(nothing.empty());
        }
        coax::socket good = co_await it.client();
        co_await good.sendall(line);
        const std::string heard = co_await support::read(good, 16);
        CHECK(heard == "192.0.2.1:56324\n");
    });
    CHECK(it.errors.size() == 3);
}

TEST_CASE("a server that ends does not wait for headers") {
    service it;
    support::run([&]() -> coax::task<> {
        coax::socket silent;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto handler = [&](coax::socket conn, coax::address peer) {
                return it.handle(std::move(conn), peer);
            };
            const auto serving = [&]() -> coax::task<> { co_await coax::serve(it.listener, handler, it.options); };
            group.spawn(serving());
            silent = co_await it.client();
            co_await support::round_trip();
            co_await support::round_trip();
            group.cancel();
        });
        const std::string heard = co_await heard_of(silent);
        CHECK(heard.empty());
    });
    CHECK(it.peers.empty());
}

TEST_CASE("a negative limit for the header is an invalid argument") {
    coax::socket listener = support::listening(coax::family::inet);
    const auto handler = [](coax::socket, coax::address) -> coax::task<> { co_return; };
    CHECK_THROWS_AS(coax::serve(listener, handler, {.proxy_timeout = -1s}), std::invalid_argument);
}

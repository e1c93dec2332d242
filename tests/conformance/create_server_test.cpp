// Listeners made from an address.
#include <coax/error.hpp>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace {

std::string error_of(const coax::address& at, const coax::server_options& options = {}) {
    try {
        const coax::listener made = coax::create_server(at, options);
    } catch (const coax::io_error& error) {
        CHECK(error.operation() == coax::operation_name::create_server);
        CHECK(error.peer() == at);
        return error.code().message();
    }
    return "none";
}

/// As errors of the library tell it: the C library of Windows has no words for these.
std::string message_of(int error) { return coax::detail::system_error(error).message(); }

const std::string in_use = message_of(EADDRINUSE);

coax::task<std::error_code> greet(coax::listener& server, coax::address as) {
    coax::socket client(*as.family());
    const std::error_code error = co_await client.connect_ex(as);
    if (error)
        co_return error;
    const coax::accepted taken = co_await server.accept();
    // Through a dual listener an IPv4 peer has a mapped address.
    CHECK(taken.peer.port() == client.getsockname().port());
    co_return error;
}

} // namespace

TEST_CASE("create_server gives a listener of each family that accepts") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::listener server = coax::create_server(support::any_name(family));
        CHECK(server.is_open());
        CHECK(server.socket().family() == family);
        CHECK(server.socket().kind() == coax::kind::stream);
        CHECK(server.socket().getsockopt(coax::option::accepting));
        CHECK(server.socket().getsockopt(coax::option::reuse_address) == (family != coax::family::local));
        if (family == coax::family::inet6)
            CHECK(server.socket().getsockopt(coax::option::v6_only));
        const coax::address name = server.getsockname();
        const std::error_code error = co_await greet(server, name);
        CHECK_FALSE(error);
    });
}

TEST_CASE("the empty host is every IPv4 interface, localhost the loopback one") {
    const coax::listener any = coax::create_server({"", 0});
    CHECK(any.getsockname().host() == "0.0.0.0");
    const coax::listener loopback = coax::create_server({"localhost", 0}, {.dual_stack = true});
    CHECK(loopback.getsockname().host() == "127.0.0.1");
}

TEST_CASE(
    "one dual-stack listener takes both kinds of clients; without dual_stack an IPv6 listener takes its own only") {
    if (!support::has(coax::family::inet6))
        return;
    const std::string host = GENERATE("", "::");
    INFO("host \"" << host << '"');
    support::run([&]() -> coax::task<> {
        coax::listener both = coax::create_server({host, 0}, {.dual_stack = true});
        const int port = both.getsockname().port();
        CHECK(both.getsockname() == coax::address("::", port));
        std::error_code four = co_await greet(both, coax::address("127.0.0.1", port));
        std::error_code six = co_await greet(both, coax::address("::1", port));
        CHECK_FALSE(four);
        CHECK_FALSE(six);
        coax::listener only = coax::create_server({"::", 0});
        const int other = only.getsockname().port();
        four = co_await greet(only, coax::address("127.0.0.1", other));
        six = co_await greet(only, coax::address("::1", other));
        CHECK(four == std::errc::connection_refused);
        CHECK_FALSE(six);
    });
}

TEST_CASE("an address that is taken is an error that names the call and the address") {
    const coax::listener first = coax::create_server({"127.0.0.1", 0});
    const coax::address name = first.getsockname();
    CHECK(error_of(name) == in_use);
    try {
        static_cast<void>(coax::create_server(name));
    } catch (const coax::io_error& error) {
        CHECK(std::string(error.what()) == "create_server " + name.to_string() + ": " + in_use);
    }
    // An address that no machine has (RFC 5737).
    CHECK(error_of({"192.0.2.1", 0}) == message_of(EADDRNOTAVAIL));
}

// On Windows a port is one listener's.
TEST_CASE("with reuse_port two listeners share an address", "[posix]") {
    const coax::listener first = coax::create_server({"127.0.0.1", 0}, {.reuse_port = true});
    const coax::address name = first.getsockname();
    CHECK(error_of(name, {.reuse_port = true}) == "none");
    CHECK(error_of(name) == in_use);
}

// On Windows it always may.
TEST_CASE("a server can start again while connections of the last one linger, if it may reuse the address", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::listener server = coax::create_server({"127.0.0.1", 0});
        const coax::address name = server.getsockname();
        {
            coax::socket client(coax::family::inet);
            co_await client.connect(name);
            coax::accepted taken = co_await server.accept();
            taken.conn.close(); // the side that closes first has the TIME_WAIT
            const std::string rest = co_await support::read_to_end(client);
            CHECK(rest.empty());
        }
        server.close();
        CHECK(error_of(name, {.reuse_address = false}) == in_use);
        CHECK(error_of(name) == "none");
    });
}

TEST_CASE("the backlog is the one asked for", "[unix]") {
    // A UNIX listener holds one connection more than its backlog, then a connect has to wait.
    const coax::address name = support::any_name(coax::family::local);
    support::run([&]() -> coax::task<> {
        const coax::listener server = coax::create_server(name, {.backlog = 1});
        coax::socket clients[3] = {coax::socket(coax::family::local), coax::socket(coax::family::local),
                                   coax::socket(coax::family::local)};
        co_await clients[0].connect(name);
        co_await clients[1].connect(name);
        clients[2].setblocking(false);
        const std::error_code third = co_await clients[2].connect_ex(name);
        CHECK(third);
    });
}

TEST_CASE("a listener moves, takes a listening socket, and closes twice without harm") {
    support::run([]() -> coax::task<> {
        coax::listener server = coax::create_server({"127.0.0.1", 0});
        const coax::address name = server.getsockname();
        coax::listener moved = std::move(server);
        CHECK_FALSE(server.is_open()); // NOLINT(bugprone-use-after-move)
        CHECK(moved.getsockname() == name);
        server = coax::listener(support::listening(coax::family::inet));
        CHECK(server.is_open());
        const std::error_code error = co_await greet(moved, name);
        CHECK_FALSE(error);
        moved.close();
        moved.close();
        CHECK_FALSE(moved.is_open());
        coax::listener none;
        const auto refused = co_await coax::as_result(none.accept());
        CHECK(support::code_of(refused) == std::errc::bad_file_descriptor);
    });
}

// In Wine 8 nobody can connect to the address in that notation.
TEST_CASE("an IPv4 address written as IPv6 is listened on for IPv4", "[posix]") {
    if (!support::has(coax::family::inet6))
        return;
    support::run([]() -> coax::task<> {
        coax::listener server = coax::create_server({"::ffff:127.0.0.1", 0});
        CHECK(server.getsockname().host() == "::ffff:127.0.0.1");
        std::error_code error = co_await greet(server, coax::address("127.0.0.1", server.getsockname().port()));
        CHECK_FALSE(error);
        error = co_await greet(server, server.getsockname());
        CHECK_FALSE(error);
    });
}

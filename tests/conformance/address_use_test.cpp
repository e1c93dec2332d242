// Addresses as sockets take and give them: placeholders, names in use, scopes.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

TEST_CASE("the empty host binds every interface of the socket's family") {
    coax::socket v4(coax::family::inet);
    v4.bind({"", 0});
    CHECK(v4.getsockname().host() == "0.0.0.0");
    CHECK(v4.getsockname().port() > 0);
    if (support::has(coax::family::inet6)) {
        coax::socket v6(coax::family::inet6);
        v6.bind({"", 0});
        CHECK(v6.getsockname().host() == "::");
        CHECK(v6.getsockname().port() > 0);
    }
}

TEST_CASE("localhost binds the loopback address of the socket's family") {
    coax::socket v4(coax::family::inet);
    v4.bind({"localhost", 0});
    CHECK(v4.getsockname().host() == "127.0.0.1");
    if (support::has(coax::family::inet6)) {
        coax::socket v6(coax::family::inet6);
        v6.bind({"localhost", 0});
        CHECK(v6.getsockname().host() == "::1");
    }
}

TEST_CASE("the port that the system chose is the one that is bound") {
    coax::socket first(coax::family::inet);
    first.bind({"127.0.0.1", 0});
    const coax::address name = first.getsockname();
    CHECK(name.port() > 0);
    coax::socket second(coax::family::inet);
    CHECK(support::code_thrown_by([&] { second.bind(name); }) == std::errc::address_in_use);
    first.close();
    CHECK_FALSE(support::code_thrown_by([&] { second.bind(name); }));
    CHECK(second.getsockname() == name);
}

TEST_CASE("an unbound socket has the unspecified address") {
    const coax::socket socket(coax::family::inet);
    CHECK(socket.getsockname().family() == coax::family::inet);
    CHECK(socket.getsockname().host() == "0.0.0.0");
    CHECK(socket.getsockname().port() == 0);
}

TEST_CASE("getpeername without a peer is not_connected") {
    const coax::family family = GENERATE(from_range(support::families()));
    const coax::kind kind = GENERATE(coax::kind::stream, coax::kind::datagram);
    INFO(support::name_of(family));
    const coax::socket socket = support::bound(family, kind);
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.getpeername()); }) == std::errc::not_connected);
}

TEST_CASE("binding a name that is in use, or not of this machine, is an error that names it") {
    const coax::socket holder = support::bound(coax::family::inet, coax::kind::stream);
    struct {
        coax::address name;
        std::errc expected;
    } const cases[] = {
        {holder.getsockname(), std::errc::address_in_use},
        {{"198.51.100.1", 0}, std::errc::address_not_available}, // TEST-NET-2, RFC 5737
    };
    for (const auto& each : cases) {
        coax::socket socket(coax::family::inet);
        try {
            socket.bind(each.name);
            FAIL("bound " << each.name);
        } catch (const coax::io_error& error) {
            CHECK(error.code() == each.expected);
            CHECK(error.operation() == coax::operation_name::bind);
            CHECK(error.peer() == each.name);
            CHECK(std::string(error.what()).find(each.name.to_string()) != std::string::npos);
        }
    }
}

TEST_CASE("an address of another family is refused by every call that takes one", "[unix]") {
    support::run([]() -> coax::task<> {
        const coax::address path = coax::address::unix_path(support::fresh_path());
        coax::socket stream(coax::family::inet);
        CHECK(support::code_thrown_by([&] { stream.bind(path); }));
        const std::error_code connected = co_await stream.connect_ex(path);
        CHECK(connected);
        coax::socket datagram(coax::family::inet, coax::kind::datagram);
        const auto sent = co_await coax::as_result(datagram.sendto("x", path));
        CHECK_FALSE(sent);
        coax::socket local(coax::family::local);
        CHECK(support::code_thrown_by([&] { local.bind({"", 0}); }) == std::errc::address_family_not_supported);
    });
}

TEST_CASE("a bound socket cannot be bound again") {
    coax::socket socket = support::bound(coax::family::inet, coax::kind::stream);
    CHECK(support::code_thrown_by([&] { socket.bind({"127.0.0.1", 0}); }) == std::errc::invalid_argument);
}

TEST_CASE("the names of a closed socket are gone") {
    coax::socket socket = support::bound(coax::family::inet, coax::kind::stream);
    socket.close();
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.getsockname()); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.getpeername()); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { socket.bind({"", 0}); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { socket.listen(); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.family()); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.kind()); }) == std::errc::bad_file_descriptor);
    CHECK(socket.fileno() == support::no_handle);
    CHECK_FALSE(socket.is_open());
}

TEST_CASE("the scope of a link-local address survives the way through the kernel") {
    const std::vector<coax::address> candidates = support::link_local_addresses();
    if (candidates.empty()) {
        WARN("no link-local address on this machine");
        return;
    }
    support::run([&]() -> coax::task<> {
        for (const coax::address& candidate : candidates) {
            INFO(candidate);
            CHECK(candidate.scope_id() != 0);
            coax::socket receiver(coax::family::inet6, coax::kind::datagram);
            receiver.bind(candidate);
            const coax::address name = receiver.getsockname();
            CHECK(name.scope_id() == candidate.scope_id());
            CHECK(name.host() == candidate.host());
            CHECK(coax::address::parse(name.to_string()) == name);

            coax::socket sender(coax::family::inet6, coax::kind::datagram);
            co_await sender.sendto("scoped", name);
            const coax::datagram got = co_await receiver.recvfrom(16);
            CHECK(got.data.text() == "scoped");
            CHECK(got.peer.scope_id() == candidate.scope_id());
            CHECK(got.peer.port() == sender.getsockname().port());
        }
    });
}

TEST_CASE("making a socket the system does not have is an error that says so") {
    CHECK(support::code_thrown_by([] { coax::socket(coax::family::inet, coax::kind::stream, 17); }) ==
          std::errc::protocol_not_supported); // UDP is no stream
    try {
        coax::socket(coax::family::inet, coax::kind::datagram, 6);
        FAIL("TCP is no datagram protocol");
    } catch (const coax::io_error& error) {
        CHECK(error.operation() == coax::operation_name::socket);
        CHECK(std::string(error.what()).find("socket") != std::string::npos);
    }
    // Wine has no UNIX sockets.
    if (!support::has(coax::family::local))
        CHECK(support::code_thrown_by([] { coax::socket{coax::family::local}; }) ==
              std::errc::address_family_not_supported);
}

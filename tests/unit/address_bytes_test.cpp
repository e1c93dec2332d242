// Addresses from bytes and from the system's form, and back.
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <coax/address.hpp>

#include "native_sockets.hpp"

using coax::address;

namespace {

template <std::size_t Size>
std::array<std::byte, Size> bytes(const unsigned char (&values)[Size]) {
    std::array<std::byte, Size> made;
    std::memcpy(made.data(), values, Size);
    return made;
}

template <class T>
concept gives_bytes = requires(T&& of) { static_cast<T&&>(of).bytes(); };
template <class T>
concept gives_native = requires(T&& of) { static_cast<T&&>(of).native(); };

// What is given lies in the address, so a temporary has none to give.
static_assert(gives_bytes<const address&> && !gives_bytes<address>);
static_assert(gives_native<const address&> && !gives_native<address>);

} // namespace

TEST_CASE("IPv4 from four bytes and back") {
    const auto host = bytes({192, 0, 2, 7});
    const address made = address::from_bytes(host, 80);
    CHECK(made == address("192.0.2.7", 80));
    REQUIRE(made.bytes().size() == 4);
    CHECK(std::memcmp(made.bytes().data(), host.data(), 4) == 0);
    CHECK(address::from_bytes(made.bytes().first<4>(), made.port()) == made);
}

TEST_CASE("IPv6 from sixteen bytes and back, with its scope") {
    const auto host = bytes({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    CHECK(address::from_bytes(host, 443) == address("fe80::1", 443));
    const address scoped = address::from_bytes(host, 443, 7);
    CHECK(scoped == address("fe80::1%7", 443));
    CHECK(scoped.scope_id() == 7);
    REQUIRE(scoped.bytes().size() == 16);
    CHECK(std::memcmp(scoped.bytes().data(), host.data(), 16) == 0);
    CHECK(address::from_bytes(scoped.bytes().first<16>(), 443, scoped.scope_id()) == scoped);
}

TEST_CASE("a port out of range is refused with the bytes, too") {
    const auto inet = bytes({127, 0, 0, 1});
    const std::array<std::byte, 16> inet6{};
    for (const int port : {-1, 65536}) {
        CHECK_THROWS_AS(address::from_bytes(inet, port), std::invalid_argument);
        CHECK_THROWS_AS(address::from_bytes(inet6, port), std::invalid_argument);
        CHECK_FALSE(address::try_numeric("127.0.0.1", port));
    }
}

TEST_CASE("what has no host has no bytes") {
    for (const address& one : {address(), address("", 1), address("localhost", 1), address::unix_path("/run/a")})
        CHECK(one.bytes().empty());
}

TEST_CASE("a numeric host alone") {
    CHECK(address::try_numeric("192.0.2.7") == address("192.0.2.7", 0));
    CHECK(address::try_numeric("2001:db8::7", 80) == address("2001:db8::7", 80));
    CHECK(address::try_numeric("fe80::1%3", 80) == address("fe80::1%3", 80));
    for (const char* text :
         {"", "localhost", "127.1", "[::1]", "::1:80:", "192.0.2.7:80", "192.0.2.07", "a.test", " ::1"})
        CHECK_FALSE(address::try_numeric(text));
}

TEST_CASE("the system's form of an address, and back") {
    for (const address& one :
         {address("192.0.2.7", 80), address("fe80::1%7", 443), address::unix_path("/run/a.sock")}) {
        REQUIRE_FALSE(one.native().empty());
        CHECK(address::from_native(one.native().data(), one.native().size()) == one);
    }
    const address inet("192.0.2.7", 80);
    sockaddr_in native{};
    REQUIRE(inet.native().size() == sizeof native);
    std::memcpy(&native, inet.native().data(), sizeof native);
    CHECK(native.sin_family == AF_INET);
    CHECK(native.sin_port == htons(80));
    CHECK(std::memcmp(&native.sin_addr, inet.bytes().data(), 4) == 0);
    // What a program has filled in itself, with more room than it takes.
    sockaddr_storage storage{};
    std::memcpy(&storage, &native, sizeof native);
    CHECK(address::from_native(&storage, sizeof storage) == inet);
}

TEST_CASE("the unnamed address and placeholders have no form") {
    const address unnamed;
    CHECK(unnamed.native().empty());
    const address any("", 80);
    CHECK(any.native().empty());
    const address inet = any.resolved(coax::family::inet);
    CHECK(inet.native().size() == sizeof(sockaddr_in));
}

TEST_CASE("nobody's address, and what is none") {
    CHECK(address::from_native(nullptr, 0).is_unnamed());
    sockaddr_storage native{};
    native.ss_family = AF_UNIX;
    CHECK(address::from_native(&native, offsetof(sockaddr, sa_data)).is_unnamed());
    CHECK_THROWS_AS(address::from_native(&native, 1), std::invalid_argument);
    native.ss_family = AF_INET;
    CHECK_THROWS_AS(address::from_native(&native, sizeof(sockaddr_in) - 1), std::invalid_argument);
    native.ss_family = AF_INET6;
    CHECK_THROWS_AS(address::from_native(&native, sizeof(sockaddr_in6) - 1), std::invalid_argument);
    native.ss_family = 200;
    CHECK_THROWS_AS(address::from_native(&native, sizeof native), std::invalid_argument);
}

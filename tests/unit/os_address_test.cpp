// Socket addresses as kernels hand them out, whole, cut, oversized or foreign: each becomes one address or unnamed.
#include "support/catch.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>

#include <coax/address.hpp>

#include "native_sockets.hpp"
#include "os/address.hpp"
#include "os/interfaces.hpp"
#include "unit/os_sockets.hpp"

using coax::address;
using native = coax::detail::native_address;
using namespace std::string_literals;

namespace {

using native_family = decltype(sockaddr::sa_family);

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

sockaddr_un local(const std::string& name) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    REQUIRE(name.size() <= sizeof a.sun_path);
    std::memcpy(a.sun_path, name.data(), name.size());
    return a;
}

} // namespace

TEST_CASE("what is no part of an address does not make two of it") {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(80);
    v4.sin_addr.s_addr = htonl(0xc0000207);
    std::memset(v4.sin_zero, 0x5a, sizeof v4.sin_zero);
    CHECK(native::make(&v4, sizeof v4) == address("192.0.2.7", 80));

    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(80);
    v6.sin6_addr = in6addr_loopback;
    v6.sin6_flowinfo = htonl(0x12345);
    const address a = native::make(&v6, sizeof v6);
    CHECK(a == address("::1", 80));
    CHECK(std::hash<address>()(a) == std::hash<address>()(address("::1", 80)));
    CHECK(std::memcmp(native::data(a), native::data(address("::1", 80)), native::size(a)) == 0);
}

TEST_CASE("a UNIX path comes with or without its terminator, and with bytes after it") {
    const sockaddr_un a = local("/run/a\0junk"s);
    for (const std::size_t length : {std::size_t{6}, std::size_t{7}, std::size_t{11}, sizeof a.sun_path})
        CHECK(native::make(&a, path_offset + length) == address::unix_path("/run/a"));
    const address made = native::make(&a, path_offset + 6);
    CHECK(native::size(made) == path_offset + 7);
    const auto* bytes = static_cast<const char*>(native::data(made));
    CHECK(std::memcmp(bytes + path_offset, a.sun_path, native::size(made) - path_offset) == 0);
}

TEST_CASE("an address that is cut, empty or of another family is unnamed") {
    const sockaddr_un path = local("/run/a");
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, path_offset})
        CHECK(native::make(&path, size).is_unnamed());
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    for (std::size_t size = 0; size < sizeof v6; ++size)
        CHECK(native::make(&v6, size).is_unnamed());
    sockaddr_storage other{};
    other.ss_family = 253;
    CHECK(native::make(&other, sizeof other).is_unnamed());
}

TEST_CASE("the unnamed address is the bare header of a UNIX address") {
    const address nobody;
    CHECK(native::size(nobody) == path_offset);
    native_family which = AF_UNSPEC;
    std::memcpy(&which, static_cast<const char*>(native::data(nobody)) + offsetof(sockaddr, sa_family), sizeof which);
    CHECK(which == AF_UNIX);
}

TEST_CASE("random bytes never lead outside, and what they give is a proper address") {
    std::mt19937 random(46);
    for (int round = 0; round < 50'000; ++round) {
        unsigned char bytes[native::capacity];
        for (unsigned char& byte : bytes)
            byte = random() % 4 == 0 ? 0 : static_cast<unsigned char>(random());
        const native_family families[] = {AF_INET, AF_INET6, AF_UNIX, static_cast<native_family>(random())};
        std::memcpy(bytes + offsetof(sockaddr, sa_family), &families[random() % 4], sizeof families[0]);
        const address a = native::make(bytes, random() % 130);
        if (address::try_parse(a.to_string()) != a)
            FAIL(a);
    }
}

#ifdef __linux__
TEST_CASE("a path that fills the structure without a terminator is nobody's, not a shorter path") {
    std::string directory = (std::filesystem::temp_directory_path() / "coax-XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const sockaddr_un full = local(directory + '/' + std::string(107 - directory.size(), 's'));
    CHECK(native::make(&full, sizeof full).is_unnamed());

    const os_test::owned server(coax::family::local, coax::kind::stream);
    REQUIRE(::bind(server, reinterpret_cast<const sockaddr*>(&full), sizeof full) == 0);
    CHECK(os_test::name_of(server).is_unnamed());
    std::filesystem::remove_all(directory);
}
#endif

TEST_CASE("interfaces that cannot exist have no index") {
    for (const std::string& name : {""s, "no-such-if"s, std::string(200, 'x'), "lo\0x"s}) {
        std::uint32_t index = 1;
        CHECK(coax::os::interface_index(name, index) == ENODEV);
        CHECK(index == 0);
    }
}

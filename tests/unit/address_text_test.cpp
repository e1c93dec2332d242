// The notation of addresses: tables of good and bad text, and the system's own reading of IP addresses as a judge.
#include "support/catch.hpp"
#include "support/many.hpp"

#include <array>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <coax/address.hpp>

#include "native_sockets.hpp"
#include "net/address_host.hpp"
#include "os/address.hpp"
#include "support/system.hpp"

using coax::address;
using namespace std::literals;

namespace {

void check_refused(std::string_view text) {
    INFO(text);
    CHECK_FALSE(address::try_parse(text).has_value());
    CHECK_THROWS_AS(address::parse(text), std::invalid_argument);
}

void check_host_refused(std::string_view host, const std::string& before, const std::string& after) {
    INFO(host);
    CHECK_THROWS_AS(address(host, 80), std::invalid_argument);
    check_refused(before + std::string(host) + after + ":80");
}

std::string reason(const std::string& text) {
    try {
        return address::parse(text).to_string();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("good IPv4 hosts") {
    for (const std::string host : {"0.0.0.0", "255.255.255.255", "127.0.0.1", "1.2.3.4", "10.0.100.200"}) {
        CHECK(address(host, 80).host() == host);
        CHECK(address::parse(host + ":80") == address(host, 80));
    }
}

TEST_CASE("bad IPv4 hosts") {
    // clang-format off
    constexpr std::string_view table[] = {
        "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "01.2.3.4", "1.2.3.00", "1.2.3.256",
        "1.2.3.1000", "1.2.3.99999999999", " 1.2.3.4", "1.2.3.4 ", "1.2. 3.4", "+1.2.3.4", "1.2.3.-4", "0x1.2.3.4",
        "1.2.3.a", "1.2.3.4\n", "1,2,3,4", "16909060", "1.2.3.4%1", "1.2.3.4/8", "Localhost", "localhost.",
        "example.org", "*", ".", " ",
    };
    // clang-format on
    for (const std::string_view host : table)
        check_host_refused(host, "", "");
    check_host_refused("1.2.3.4\0"sv, "", "");
}

TEST_CASE("good IPv6 hosts, and their canonical text") {
    const std::pair<const char*, const char*> table[] = {
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"::1:2", "::1:2"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
        {"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
        {"1:0:0:4:5:6:7:8", "1::4:5:6:7:8"},
        {"1:0:0:4:0:0:0:8", "1:0:0:4::8"},
        {"1:0:0:4:0:0:7:8", "1::4:0:0:7:8"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"ABCD:EF01:2345:6789:abcd:ef01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
        {"::ffff:102:304", "::ffff:1.2.3.4"},
        {"0:0:0:0:0:ffff:255.255.255.255", "::ffff:255.255.255.255"},
        {"::1.2.3.4", "::102:304"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"fe80::1%3", "fe80::1%3"},
        {"fe80::1%0", "fe80::1"},
        {"::%4294967295", "::%4294967295"},
        {"::ffff:1.2.3.4%2", "::ffff:1.2.3.4%2"},
    };
    for (const auto& [text, canonical] : table) {
        INFO(text);
        CHECK(address(text, 80).host() == canonical);
        CHECK(address::parse("[" + std::string(text) + "]:80") == address(text, 80));
        CHECK(address(text, 80).to_string() == "[" + std::string(canonical) + "]:80");
    }
}

TEST_CASE("bad IPv6 hosts") {
    // clang-format off
    constexpr std::string_view table[] = {
        ":", ":::", "::::", "1::abc::", "::1::", "1:::2", ":1::", "1:", ":1", "::1:", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8", "12345::", "::12345", "00000::", "::g", "::-1", "::+1", "::0x1", "::1 ", " ::1", ":: 1",
        "::1.2.3", "::1.2.3.256", "::01.2.3.4", "::1.2.3.4:0", "::1.2.3.4.5", "::1.2.3.4:", "1.2.3.4::", "::a.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "[::1]", "[::1", "::1]", "::1/128", "::1%", "::%-1", "::%+1",
        "::%01", "::%4294967296", "::%1%1", "::%1 ", "fe80::1%no-such-if", "fe80::1%a-name-longer-than-any-interface",
        "%1",
    };
    // clang-format on
    for (const std::string_view host : table)
        check_host_refused(host, "[", "]");
    check_host_refused("::1\0"sv, "[", "]");
}

TEST_CASE("a scope may be the name of an interface") {
    const auto all = support::interfaces();
    REQUIRE_FALSE(all.empty());
    for (const auto& [name, index] : all) {
        const address a = address::parse("[fe80::1%" + name + "]:80");
        CHECK(a.scope_id() == index);
        CHECK(a.to_string() == "[fe80::1%" + std::to_string(index) + "]:80");
        CHECK(address("fe80::1%" + name, 80) == a);
    }
}

TEST_CASE("good addresses") {
    CHECK(address::parse(":50007") == address("", 50007));
    CHECK(address::parse("localhost:50007") == address("localhost", 50007));
    CHECK(address::parse("127.0.0.1:0") == address("127.0.0.1", 0));
    CHECK(address::parse("127.0.0.1:65535") == address("127.0.0.1", 65535));
    CHECK(address::parse("unnamed") == address());
    CHECK(address::parse("unix:/run/a.sock") == address::unix_path("/run/a.sock"));
    CHECK(address::parse("unix:relative") == address::unix_path("relative"));
    CHECK(address::parse("unix:80") == address::unix_path("80"));
    CHECK(address::parse("unix: a b ") == address::unix_path(" a b "));
    CHECK(address::parse("unix:a@b:c") == address::unix_path("a@b:c"));
    CHECK(address::parse("unix:\\x40a") == address::unix_path("@a"));
    CHECK(address::parse("unix:\\\\\\x0A\\xfF") == address::unix_path("\\\n\xff"));
    CHECK(address::parse("unix:@name") == address::unix_abstract("name"));
    CHECK(address::parse("unix:@@") == address::unix_abstract("@"));
    CHECK(address::parse("unix:@") == address::unix_abstract(""));
    CHECK(address::parse("unix:@a\\x00b") == address::unix_abstract("a\0b"s));
}

TEST_CASE("bad addresses") {
    // clang-format off
    constexpr std::string_view table[] = {
        "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:65536",
        "127.0.0.1:99999999999", "127.0.0.1:080", "127.0.0.1: 80", "127.0.0.1:80 ", " 127.0.0.1:80", "127.0.0.1:0x50",
        "127.0.0.1:http", "127.0.0.1:80:80", "::1", "::1:80", "1:2:3:4:5:6:7:8:80", "[::1]", "[::1]80", "[::1]:",
        "[::1]]:80", "[[::1]]:80", "[::1:80", "::1]:80", "[]:80", "[127.0.0.1]:80", "[localhost]:80", "localhost",
        "LOCALHOST:80", "Unnamed", "unnamed ", "unnamed:80", "unix", "unix:", "Unix:/a", "unix:a\\x00", "unix:\\",
        "unix:\\x", "unix:\\x4", "unix:\\x4g", "unix:\\x-1", "unix:\\n", "unix:\\X40", "tcp://127.0.0.1:80",
    };
    // clang-format on
    for (const std::string_view text : table)
        check_refused(text);
    check_refused("unix:a\0b"sv);
}

TEST_CASE("a refusal says what is wrong") {
    CHECK(reason("127.0.0.1") == "address \"127.0.0.1\": the port is missing");
    CHECK(reason("[::1]") == "address \"[::1]\": the port is missing");
    CHECK(reason("::1:80") == "address \"::1:80\": an IPv6 host stands in brackets before its port");
    CHECK(reason("1.2.3.4:x") == "address \"1.2.3.4:x\": the port is not a number from 0 to 65535");
    CHECK(reason("a.b:1") == "address \"a.b:1\": not a numeric host (names are resolved by getaddrinfo)");
    CHECK(reason("unix:\\q") == "address \"unix:\\\\q\": a backslash is followed by neither another one nor xNN");
}

TEST_CASE("length limits count bytes, not the characters of their escapes") {
    std::string escaped;
    const std::size_t limit = coax::os::local_name_limit;
    for (std::size_t i = 0; i < limit; ++i)
        escaped += "\\x01";
    CHECK(address::parse("unix:" + escaped) == address::unix_path(std::string(limit, '\1')));
    CHECK(address::parse("unix:@" + escaped) == address::unix_abstract(std::string(limit, '\1')));
    CHECK(address::parse("unix:" + escaped).to_string() == "unix:" + escaped);
    check_refused("unix:" + escaped + "\\x01");
    check_refused("unix:@" + escaped + "\\x01");
    check_refused("unix:" + std::string(100'000, 'a'));
}

TEST_CASE("UNIX names are shown in UTF-8, and what would spoil the line is escaped") {
    const std::pair<std::string, std::string> table[] = {
        {"/run/a b.sock", "/run/a b.sock"},
        {"/tmp/caf\xc3\xa9", "/tmp/caf\xc3\xa9"},
        {"/tmp/\xe5\xa5\x97\xe6\x8e\xa5\xe5\xad\x97", "/tmp/\xe5\xa5\x97\xe6\x8e\xa5\xe5\xad\x97"},
        {"\xf0\x9f\x94\x8c", "\xf0\x9f\x94\x8c"},
        {"\xef\xbf\xbd", "\xef\xbf\xbd"},
        {"@a", "\\x40a"},
        {"a\\b", "a\\\\b"},
        {"\t\n\r\x1b[31m\x7f", "\\x09\\x0a\\x0d\\x1b[31m\\x7f"},
        {"\x80", "\\x80"},
        {"a\xc3", "a\\xc3"},
        {"\xc3(", "\\xc3("},
        {"\xc0\x80", "\\xc0\\x80"},
        {"\xe0\x82\xa9", "\\xe0\\x82\\xa9"},
        {"\xf0\x82\x82\xac", "\\xf0\\x82\\x82\\xac"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
        {"\xc2\x85", "\\xc2\\x85"},
        {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"},
        {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
    };
    for (const auto& [path, text] : table) {
        CHECK(address::unix_path(path).to_string() == "unix:" + text);
        CHECK(address::parse("unix:" + text).path() == path);
    }
    CHECK(address::unix_abstract("@a\0"s).to_string() == "unix:@@a\\x00");
}

// Windows also reads leading zeros.
TEST_CASE("IP addresses are read as the system reads them", "[posix]") {
    std::mt19937 random(45);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    constexpr std::string_view alphabet = "0123456789abcdefABCDEF::::....%g ";
    int accepted = 0;
    for (int round = 0; round < support::many(200'000); ++round) {
        // A real address with up to three characters changed, added or removed.
        const bool v6 = round % 3 != 0;
        std::array<unsigned char, 16> bytes{};
        for (unsigned char& byte : bytes)
            byte = below(3) == 0 ? static_cast<unsigned char>(below(256)) : 0;
        char buffer[INET6_ADDRSTRLEN];
        REQUIRE(::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer) != nullptr);
        std::string text = buffer;
        for (std::size_t edits = below(4); edits > 0; --edits) {
            const std::size_t at = below(text.size() + 1);
            const std::string replacement = below(3) == 0 ? "" : std::string(1, alphabet[below(alphabet.size())]);
            text.replace(at, below(2), replacement);
        }

        std::array<unsigned char, 16> ours{};
        std::array<unsigned char, 16> theirs{};
        const bool we_accept =
            v6 ? coax::detail::parse_inet6(text, ours) : coax::detail::parse_inet(text, std::span(ours).first<4>());
        const bool they_accept = ::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), theirs.data()) == 1;
        INFO(text);
        if (we_accept != they_accept || (we_accept && ours != theirs))
            FAIL("read differently");
        accepted += we_accept ? 1 : 0;
    }
    CHECK(accepted > support::many(50'000));
}

// Windows writes more than the deprecated ones with a part of IPv4.
TEST_CASE("IP addresses are written as the system writes them", "[posix]") {
    std::mt19937 random(5952);
    for (int round = 0; round < support::many(100'000); ++round) {
        in6_addr native{};
        for (int group = 0; group < 8; ++group) {
            const auto value = random() % 2 == 0 ? 0 : random() >> (16 + random() % 16);
            native.s6_addr[2 * group] = static_cast<unsigned char>(value >> 8);
            native.s6_addr[2 * group + 1] = static_cast<unsigned char>(value);
        }
        if (round % 10 == 0)
            for (int i = 0; i < 12; ++i)
                native.s6_addr[i] = i < 10 ? 0 : 0xff;
        if (IN6_IS_ADDR_V4COMPAT(&native))
            continue; // the C library still writes these, which are deprecated, as IPv4
        char theirs[INET6_ADDRSTRLEN];
        REQUIRE(::inet_ntop(AF_INET6, &native, theirs, sizeof theirs) != nullptr);
        char ours[coax::detail::host_text_size];
        const std::size_t length = coax::detail::format_inet6(std::span<const unsigned char, 16>(native.s6_addr), ours);
        if (std::string_view(ours, length) != theirs)
            FAIL(std::string(ours, length) << " is not " << theirs);
    }
}

// PROXY protocol headers as bytes: what is one, what is none, and how early that is known.
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coax/proxy.hpp>

#include "net/proxy_header.hpp"
#include "os/address.hpp"

using coax::address;
using coax::detail::proxy_extent;
using coax::detail::proxy_parser;
using state = coax::detail::proxy_extent::state;

namespace {

constexpr std::size_t max_size = 4096;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

proxy_extent extent_of(std::string_view text, std::size_t limit = max_size) {
    return proxy_parser::extent(bytes_of(text), limit);
}

/// What the text says if it is a header, all of it.
std::optional<coax::proxy_header> parsed(std::string_view text) {
    const proxy_extent extent = extent_of(text);
    coax::proxy_header header;
    if (extent != proxy_extent{state::complete, text.size()} || !proxy_parser::parse(bytes_of(text), header))
        return std::nullopt;
    return header;
}

std::string text(std::string_view from) { return std::string(from); }

/// A header of version 2.
std::string binary(unsigned command, unsigned family, std::string_view rest) {
    std::string made = text({"\r\n\r\n\0\r\nQUIT\n", 12});
    made += static_cast<char>(0x20 | command);
    made += static_cast<char>(family);
    made += static_cast<char>(rest.size() >> 8);
    made += static_cast<char>(rest.size());
    return made += rest;
}

std::string tlv(int type, std::string_view value) {
    std::string made;
    made += static_cast<char>(type);
    made += static_cast<char>(value.size() >> 8);
    made += static_cast<char>(value.size());
    return made += value;
}

/// One of the two addresses of a UNIX header.
std::string name(std::string_view of) {
    std::string made(of);
    made.resize(108);
    return made;
}

const std::string inet = text({"\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb", 12});
const std::string inet6 = text({"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16}) +
                          text({"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16}) + text("\xdc\x04\x01\xbb");

/// The checksum of this one comes from another implementation: CRC32C of "the header with zeros there" is 0x20ec9549.
const std::string checked = binary(1, 0x11, inet + tlv(3, "\x20\xec\x95\x49"));

struct good {
    std::string header;
    address source;
    address destination;
    bool local = false;
};

std::vector<good> good_ones() {
    const address from("192.0.2.1", 56324);
    const address to("198.51.100.2", 443);
    const address from6("2001:db8::1", 56324);
    const address to6("2001:db8::2", 443);
    const std::string longest_path(coax::os::local_name_limit, 'q');
    const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
    return {
        {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", from, to},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
         {"255.255.255.255", 65535},
         {"255.255.255.255", 65535}},
        {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", {"0.0.0.0", 0}, {"0.0.0.0", 0}},
        {"PROXY TCP6 2001:db8::1 2001:DB8:0::2 56324 443\r\n", from6, to6},
        {"PROXY TCP6 ::ffff:192.0.2.1 :: 1 2\r\n", {"::ffff:192.0.2.1", 1}, {"::", 2}},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
         {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535}},
        {"PROXY UNKNOWN\r\n", {}, {}},
        {"PROXY UNKNOWN \r\n", {}, {}},
        {text({"PROXY UNKNOWN  any\0thing \xff\r\n", 28}), {}, {}},
        {longest, {}, {}},
        {binary(1, 0x11, inet), from, to},
        {binary(1, 0x12, inet), from, to},
        {binary(1, 0x21, inet6), from6, to6},
        {binary(1, 0x22, inet6), from6, to6},
        {binary(1, 0x11, inet + tlv(2, "example.org") + tlv(4, "")), from, to},
        {binary(1, 0x21, inet6 + tlv(0xe0, std::string(300, 'v'))), from6, to6},
        {checked, from, to},
        {binary(1, 0x31, name("/run/client") + name("/run/server")), address::unix_path("/run/client"),
         address::unix_path("/run/server")},
        {binary(1, 0x32, name("") + name({"\0a\0b", 4})), {}, address::unix_abstract({"a\0b", 3})},
        {binary(1, 0x31, std::string(108, 'p') + name(longest_path)), {}, address::unix_path(longest_path)},
        {binary(0, 0, ""), {}, {}, true},
        // The family of a LOCAL command is ignored, and so is all that follows.
        {binary(0, 0x11, inet), {}, {}, true},
        {binary(0, 0xff, "anything"), {}, {}, true},
        // With UNSPEC in either place nobody is named.
        {binary(1, 0, ""), {}, {}},
        {binary(1, 0, inet), {}, {}},
        {binary(1, 0x10, inet), {}, {}},
        {binary(1, 0x01, "x"), {}, {}},
    };
}

/// What is refused, all of which may be in one piece before that is known.
std::vector<std::string> bad_ones() {
    std::vector<std::string> all = {
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        " PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "\nPROXY UNKNOWN\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXYTCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1  2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2\r\n",
        "PROXY TCP4\t192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1\t198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 00\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 99999\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 0x2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 a 2\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2.3 1 2\r\n",
        "PROXY TCP4 192.0.2.1 2001:db8::2 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP4 localhost localhost 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP6 [::1] [::2] 1 2\r\n",
        "PROXY TCP6 fe80::1%1 fe80::2 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7 :: 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 :: 1 2\r\n",
        "PROXY TCP6 1::2::3 :: 1 2\r\n",
        "PROXY TCP6 00001::1 :: 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rx",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN\rx",
        "PROXY UNKNOWN a\nb\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY UNKNOWN1\r\n",
        "PROXY UNKNOW\r\n",
        "PROXY unknown\r\n",
        text({"PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n", 40}),
        "PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n",
        "PROXY UNKNOWN " + std::string(5000, 'x'),
        "PROXY TCP4 " + std::string(107, '1'),
        // There is neither another command, nor another family or protocol.
        binary(2, 0x11, inet),
        binary(15, 0x11, inet),
        binary(1, 0x41, inet),
        binary(1, 0xf1, inet),
        binary(1, 0x13, inet),
        binary(1, 0x03, inet),
        // What is too short for its addresses.
        binary(1, 0x11, ""),
        binary(1, 0x11, inet.substr(0, 11)),
        binary(1, 0x21, inet),
        binary(1, 0x21, inet6.substr(0, 35)),
        binary(1, 0x31, name("/run/client") + std::string(107, '\0')),
        // What is not made of extensions.
        binary(1, 0x11, inet + "x"),
        binary(1, 0x11, inet + text({"\x04\0", 2})),
        binary(1, 0x11, inet + text({"\x04\0\x01", 3})),
        binary(1, 0x11, inet + tlv(4, "noop") + text({"\x04\xff\xff", 3}) + "x"),
        // Checksums.
        binary(1, 0x11, inet + tlv(3, {"\0\0\0\0", 4})),
        binary(1, 0x11, inet + tlv(3, "")),
        binary(1, 0x11, inet + tlv(3, "\x20\xec\x95")),
        binary(1, 0x11, inet + tlv(3, "\x20\xec\x95\x49\x01")),
        // What is longer than the limit.
        binary(1, 0x11, inet + tlv(4, std::string(max_size, 'n'))),
        binary(0, 0, std::string(max_size, 'n')),
    };
    for (const char version : {'\0', '\x10', '\x30', '\xf0'}) {
        std::string other = binary(0, 0, "");
        other[12] = static_cast<char>(version | 1);
        all.push_back(other);
    }
    std::string other_signature = binary(1, 0x11, inet);
    other_signature[11] = '\r';
    all.push_back(other_signature);
    std::string other_port = checked; // as the checksum shows
    other_port[27] = '\xbc';
    all.push_back(other_port);
    return all;
}

/// The state of ever longer beginnings of a header: a header that is never wrong but at its end, and one that stays wrong.
void check_beginnings(std::string_view whole, bool good) {
    proxy_extent last{state::partial, 0};
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const proxy_extent now = extent_of(whole.substr(0, size));
        INFO("the first " << size << " bytes of " << whole.size());
        if (now.is == state::partial) {
            CHECK(last.is == state::partial);
            CHECK(now.size > size);
            CHECK(now.size >= last.size);
            if (good)
                CHECK(now.size <= whole.size());
        } else if (last.is != state::partial) {
            CHECK(now == last);
        }
        if (good)
            CHECK(now.is == (size < whole.size() ? state::partial : state::complete));
        last = now;
    }
    CHECK((last.is == state::partial) == false);
}

} // namespace

TEST_CASE("good PROXY headers say who is who") {
    for (const good& each : good_ones()) {
        INFO(Catch::Detail::stringify(each.header));
        const auto header = parsed(each.header);
        REQUIRE(header);
        CHECK(header->local == each.local);
        CHECK(header->source == each.source);
        CHECK(header->destination == each.destination);
    }
}

TEST_CASE("every part of a good PROXY header wants more, and what follows it does not matter") {
    for (const good& each : good_ones()) {
        INFO(Catch::Detail::stringify(each.header));
        check_beginnings(each.header, true);
        for (const std::string_view more : {"x", "\n", "\r\n", "PROXY UNKNOWN\r\n"})
            CHECK(extent_of(each.header + text(more)) == proxy_extent{state::complete, each.header.size()});
    }
}

TEST_CASE("bad PROXY headers are refused, and stay refused") {
    for (const std::string& each : bad_ones()) {
        INFO(Catch::Detail::stringify(each.substr(0, 200)));
        CHECK_FALSE(parsed(each));
        check_beginnings(each, false);
        const proxy_extent extent = extent_of(each + "\r\n");
        coax::proxy_header header;
        CHECK((extent.is == state::malformed || !proxy_parser::parse(bytes_of(each).first(extent.size), header)));
    }
}

TEST_CASE("what is no PROXY header is known as early as it can be") {
    CHECK(extent_of("G").is == state::malformed);
    CHECK(extent_of("PROXX").is == state::malformed);
    CHECK(extent_of("PROXY TCP4 192.0.2.1 g").is == state::malformed);
    CHECK(extent_of("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n").is == state::malformed);
    CHECK(extent_of("\r\n\r\n\r").is == state::malformed);
    CHECK(extent_of(binary(2, 0, "").substr(0, 13)).is == state::malformed);
    CHECK(extent_of(binary(1, 0x41, "").substr(0, 14)).is == state::malformed);
    CHECK(extent_of(binary(1, 0x11, "").substr(0, 16)).is == state::malformed);
    CHECK(extent_of(binary(1, 0x11, std::string(max_size, 'x')).substr(0, 16)).is == state::malformed);
    // 105 bytes leave room for an end of line, 106 do not.
    CHECK(extent_of("PROXY UNKNOWN" + std::string(92, ' ')) == proxy_extent{state::partial, 107});
    CHECK(extent_of("PROXY UNKNOWN" + std::string(93, ' ')).is == state::malformed);
}

TEST_CASE("the length of a version 2 header has a limit") {
    const std::string header = binary(1, 0x11, inet + tlv(4, std::string(100, 'n')));
    CHECK(extent_of(header, header.size()).is == state::complete);
    CHECK(extent_of(header, header.size() - 1).is == state::malformed);
    CHECK(extent_of(header.substr(0, 16), header.size() - 1).is == state::malformed);
    CHECK(extent_of(header.substr(0, 12), 15).is == state::malformed);
    const std::string longest_path(coax::os::local_name_limit, 'q');
    const std::string longest = binary(0, 0, std::string(65535, 'n'));
    CHECK(extent_of(longest, 65551) == proxy_extent{state::complete, 65551});
    CHECK(extent_of(longest, 65550).is == state::malformed);
    // That of a line does not depend on it.
    CHECK(extent_of("PROXY UNKNOWN\r\n", 0).is == state::complete);
}

TEST_CASE("the extensions of a PROXY header are to be had") {
    const std::string extensions = tlv(2, "example.org") + tlv(0xe0, "") + tlv(0xe1, "one") + tlv(0xe1, "two");
    const auto header = parsed(binary(1, 0x11, inet + extensions));
    REQUIRE(header);
    const auto value = [&](std::uint8_t type) -> std::optional<std::string> {
        const auto found = header->tlv(type);
        if (!found)
            return std::nullopt;
        return std::string(reinterpret_cast<const char*>(found->data()), found->size());
    };
    CHECK(header->tlvs().size() == extensions.size());
    CHECK(value(2) == "example.org");
    CHECK(value(0xe0) == "");
    CHECK(value(0xe1) == "one");
    CHECK(value(3) == std::nullopt);

    const auto plain = parsed("PROXY UNKNOWN\r\n");
    REQUIRE(plain);
    CHECK(plain->tlvs().empty());
    CHECK_FALSE(plain->tlv(2));
    const auto skipped = parsed(binary(1, 0, extensions));
    REQUIRE(skipped);
    CHECK(skipped->tlvs().empty());
}

// Addresses as values: construction, what they answer, equality, order, hash, placeholders, output.
#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include <coax/address.hpp>
#include <coax/fmt.hpp>

#include "os/address.hpp"

using coax::address;
using coax::family;
using namespace std::string_literals;

static_assert(std::is_trivially_copyable_v<address>);
static_assert(!std::is_aggregate_v<address>, "GCC 12 destroys aggregate temporaries twice inside co_await");
static_assert(sizeof(address) <= 120);
static_assert(std::is_nothrow_default_constructible_v<address>);

namespace {

std::string refusal(auto make) {
    try {
        make();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "accepted";
}

// One of every form, in ascending order.
std::vector<address> ordered_samples() {
    return {
        address(),
        address("", 1),
        address("", 2),
        address("localhost", 0),
        address("9.0.0.1", 80),
        address("10.0.0.1", 79),
        address("10.0.0.1", 256),
        address("255.255.255.255", 0),
        address("::", 5),
        address("::1", 1),
        address("fe80::1", 9),
        address("fe80::1%1", 2),
        address("fe80::1%256", 1),
        address("fe80::2", 0),
        address::unix_path("/a"),
        address::unix_path("/a/b"),
        address::unix_path("/b"),
        address::unix_path("/\xff"),
        address::unix_abstract(""),
        address::unix_abstract("\0"s),
        address::unix_abstract("a"),
        address::unix_abstract("a\0b"s),
    };
}

} // namespace

TEST_CASE("the default address is unnamed") {
    const address a;
    CHECK(a.is_unnamed());
    CHECK_FALSE(a.is_placeholder());
    CHECK_FALSE(a.family().has_value());
    CHECK(a.host().empty());
    CHECK(a.path().empty());
    CHECK(a.port() == 0);
    CHECK(a.to_string() == "unnamed");
}

TEST_CASE("an IPv4 address answers with its host and port") {
    const address a("192.0.2.7", 50007);
    CHECK(a.family() == family::inet);
    CHECK(a.host() == "192.0.2.7");
    CHECK(a.port() == 50007);
    CHECK(a.scope_id() == 0);
    CHECK(a.path().empty());
    CHECK(a.to_string() == "192.0.2.7:50007");
}

TEST_CASE("an IPv6 address answers with its host, port and scope") {
    const address a("2001:DB8:0::1", 443);
    CHECK(a.family() == family::inet6);
    CHECK(a.host() == "2001:db8::1");
    CHECK(a.port() == 443);
    CHECK(a.scope_id() == 0);
    CHECK(a.to_string() == "[2001:db8::1]:443");

    const address scoped("fe80::1%7", 443);
    CHECK(scoped.scope_id() == 7);
    CHECK(scoped.host() == "fe80::1%7");
    CHECK(address(scoped.host(), 443) == scoped);
    CHECK(scoped != address("fe80::1", 443));
}

TEST_CASE("a multicast address says so") {
    for (const char* group : {"224.0.0.0", "224.0.0.251", "239.255.255.255", "ff00::", "ff02::1%3", "ffff::1"}) {
        INFO(group);
        CHECK(address(group, 1).is_multicast());
    }
    for (const char* other : {"", "localhost", "223.255.255.255", "240.0.0.0", "255.255.255.255", "127.0.0.1", "::1",
                              "fe80::1", "feff::1", "::ffff:224.0.0.1"}) {
        INFO(other);
        CHECK_FALSE(address(other, 1).is_multicast());
    }
    CHECK_FALSE(address().is_multicast());
    CHECK_FALSE(address::unix_path("\xff\xff").is_multicast());
}

TEST_CASE("a port outside 0..65535 is refused, and named") {
    CHECK(address("127.0.0.1", 0).port() == 0);
    CHECK(address("127.0.0.1", 65535).port() == 65535);
    for (const int port : {-1, 65536, 70000, 1 << 16 | 80, -2147483647}) {
        const std::string expected = "port " + std::to_string(port) + " is not within 0..65535";
        CHECK(refusal([&] { return address("127.0.0.1", port); }) == expected);
        CHECK(refusal([&] { return address("", port); }) == expected);
    }
}

TEST_CASE("a host that is no number is refused with the way out") {
    CHECK(refusal([] { return address("www.example.org", 80); }) ==
          "host \"www.example.org\": not a numeric host (names are resolved by getaddrinfo)");
    CHECK(refusal([] { return address("a\nb", 80); }) ==
          "host \"a\\x0ab\": not a numeric host (names are resolved by getaddrinfo)");
    CHECK(refusal([] { return address("fe80::1%no-such-if", 80); }) ==
          "host \"fe80::1%no-such-if\": no network interface has this name");
}

TEST_CASE("placeholders take the family of the socket that uses them") {
    const address any("", 50007);
    const address loopback("localhost", 50007);
    for (const address& a : {any, loopback}) {
        CHECK(a.is_placeholder());
        CHECK_FALSE(a.is_unnamed());
        CHECK_FALSE(a.family().has_value());
        CHECK(a.port() == 50007);
        CHECK(coax::detail::native_address::size(a) == 0);
        CHECK(a.resolved(family::local) == a);
    }
    CHECK(any.host().empty());
    CHECK(loopback.host() == "localhost");
    CHECK(any.resolved(family::inet) == address("0.0.0.0", 50007));
    CHECK(any.resolved(family::inet6) == address("::", 50007));
    CHECK(loopback.resolved(family::inet) == address("127.0.0.1", 50007));
    CHECK(loopback.resolved(family::inet6) == address("::1", 50007));
    CHECK(any != any.resolved(family::inet));

    const address concrete("192.0.2.1", 1);
    CHECK(concrete.resolved(family::inet6) == concrete);
    CHECK(address().resolved(family::inet) == address());
}

TEST_CASE("a UNIX path keeps every byte up to the limit and is never cut") {
    const address a = address::unix_path("/run/a.sock");
    CHECK(a.family() == family::local);
    CHECK_FALSE(a.is_abstract());
    CHECK(a.path() == "/run/a.sock");
    CHECK(a.abstract_name().empty());
    CHECK(a.host().empty());
    CHECK(a.port() == 0);

    const std::string longest(coax::os::local_name_limit, 'x');
    CHECK((longest.size() == 107 || longest.size() == 103));
    CHECK(address::unix_path(longest).path() == longest);
    CHECK(refusal([&] { return address::unix_path(longest + 'y'); }) ==
          "UNIX path \"" + longest + "y\": too long for a UNIX socket (at most " + std::to_string(longest.size()) +
              " bytes)");
    CHECK(refusal([] { return address::unix_path(""); }) == "UNIX path \"\": the path is empty");
    CHECK(refusal([] { return address::unix_path("a\0b"s); }) ==
          "UNIX path \"a\\x00b\": a path cannot contain a NUL byte");
}

TEST_CASE("an abstract name is any bytes") {
    const std::string name = "a\0b\0\0"s;
    const address a = address::unix_abstract(name);
    CHECK(a.family() == family::local);
    CHECK(a.is_abstract());
    CHECK(a.abstract_name() == name);
    CHECK(a.path().empty());
    CHECK(a != address::unix_abstract("a\0b\0"s));
    CHECK(a != address::unix_abstract("a"));

    CHECK(address::unix_abstract("").abstract_name().empty());
    CHECK(address::unix_abstract("") != address());
    const std::string longest(coax::os::local_name_limit, '\0');
    CHECK(address::unix_abstract(longest).abstract_name() == longest);
    CHECK_THROWS_AS(address::unix_abstract(longest + '\0'), std::invalid_argument);
}

TEST_CASE("addresses are totally ordered: by form, host, scope and port, or name") {
    const std::vector<address> samples = ordered_samples();
    for (std::size_t i = 0; i < samples.size(); ++i) {
        for (std::size_t j = 0; j < samples.size(); ++j) {
            INFO(samples[i] << " and " << samples[j]);
            CHECK((samples[i] <=> samples[j]) == (i <=> j));
            CHECK((samples[i] == samples[j]) == (i == j));
        }
    }
    std::vector<address> shuffled(samples.rbegin(), samples.rend());
    std::sort(shuffled.begin(), shuffled.end());
    CHECK(shuffled == samples);
}

TEST_CASE("equal addresses have equal hashes, others nearly always different ones") {
    std::unordered_set<address> set;
    std::unordered_set<std::size_t> hashes;
    for (const address& a : ordered_samples()) {
        set.insert(a);
        set.insert(address::parse(a.to_string()));
        hashes.insert(std::hash<address>()(a));
    }
    CHECK(set.size() == ordered_samples().size());
    CHECK(hashes.size() == set.size());

    hashes.clear();
    for (int port = 0; port < 65536; ++port)
        hashes.insert(std::hash<address>()(address("10.1.2.3", port)));
    CHECK(hashes.size() == 65536);
}

TEST_CASE("an address that the kernel reports is equal to the one that was given") {
    using native = coax::detail::native_address;
    for (const address& a : ordered_samples()) {
        INFO(a);
        if (a.is_placeholder())
            continue;
        CHECK(native::make(native::data(a), native::size(a)) == a);

        // In place, over the remains of a longer address.
        address b = address::unix_path(std::string(coax::os::local_name_limit, 'z'));
        std::memcpy(native::storage(b), native::data(a), native::size(a));
        CHECK(b.is_unnamed());
        native::commit(b, native::size(a));
        CHECK(b == a);
        CHECK(std::hash<address>()(b) == std::hash<address>()(a));
        CHECK(b.to_string() == a.to_string());
    }
}

TEST_CASE("addresses go to a std::ostream, padded as asked") {
    std::ostringstream out;
    out << address("127.0.0.1", 80) << '|' << std::setw(12) << std::setfill('.') << address("", 80) << '|' << std::left
        << std::setw(10) << address() << '|';
    CHECK(out.str() == "127.0.0.1:80|.........:80|unnamed...|");
}

TEST_CASE("fmt formats addresses like strings") {
    const address a("::1", 8080);
    CHECK(fmt::format("{}", a) == "[::1]:8080");
    CHECK(fmt::format("{:>14}|{:<12}|", a, address("localhost", 1)) == "    [::1]:8080|localhost:1 |");
}

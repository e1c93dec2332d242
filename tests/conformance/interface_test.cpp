// The network interfaces: the list, what each of them has, and how they are named.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

std::vector<coax::interface_info> loopbacks() {
    std::vector<coax::interface_info> found = coax::if_nameindex();
    std::erase_if(found, [](const coax::interface_info& one) { return !one.loopback; });
    return found;
}

bool bit(std::span<const std::byte> bytes, std::size_t index) {
    return (std::to_integer<unsigned>(bytes[index / 8]) >> (7 - index % 8) & 1) != 0;
}

} // namespace

static_assert(!std::is_constructible_v<coax::interface_index, std::nullptr_t>);
static_assert(!std::is_convertible_v<int, coax::interface_index>);
static_assert(std::is_convertible_v<std::string, coax::interface_index>);
static_assert(std::is_trivially_copyable_v<coax::interface_index>);

TEST_CASE("the list has the names and numbers that the system has, in order") {
    std::vector<std::pair<std::string, unsigned>> expected = support::interfaces();
    std::sort(expected.begin(), expected.end(), [](auto& one, auto& other) { return one.second < other.second; });
    std::vector<std::pair<std::string, unsigned>> found;
    for (const coax::interface_info& one : coax::if_nameindex())
        found.emplace_back(one.name, one.index.value());
    CHECK_FALSE(found.empty());
    CHECK(found == expected);
}

TEST_CASE("the loopback interface is up and has the loopback addresses") {
    const std::vector<coax::interface_info> found = loopbacks();
    REQUIRE(found.size() == 1);
    const coax::interface_info& lo = found.front();
    CHECK(lo.up);
    CHECK_FALSE(lo.broadcast);
    CHECK_FALSE(lo.point_to_point);
    const auto has = [&](const coax::address& host, unsigned prefix) {
        return std::any_of(lo.addresses.begin(), lo.addresses.end(), [&](const coax::interface_address& one) {
            return one.host == host && one.prefix_length == prefix && one.broadcast.is_unnamed();
        });
    };
    CHECK(has({"127.0.0.1", 0}, 8));
    if (support::has(coax::family::inet6))
        CHECK(has({"::1", 0}, 128));
}

TEST_CASE("an interface says how large a packet may be", "[posix]") {
    for (const coax::interface_info& one : coax::if_nameindex()) {
        INFO(one.name);
        CHECK(one.mtu >= 68); // RFC 791
    }
}

TEST_CASE("the addresses of an interface are this machine's, with their scopes and networks") {
    for (const coax::interface_info& one : coax::if_nameindex()) {
        INFO(one.name);
        for (const coax::interface_address& each : one.addresses) {
            INFO(each.host);
            CHECK(each.host.port() == 0);
            const std::span<const std::byte> host = each.host.bytes();
            REQUIRE_FALSE(host.empty());
            CHECK(each.prefix_length <= host.size() * 8);
            if (each.host.scope_id() != 0)
                CHECK(each.host.scope_id() == one.index.value());
            if (each.host.family() == coax::family::inet && one.up)
                CHECK_FALSE(support::code_thrown_by(
                    [&] { coax::socket(coax::family::inet, coax::kind::datagram).bind(each.host); }));
            if (each.broadcast.is_unnamed())
                continue;
            CHECK(one.broadcast);
            const std::span<const std::byte> all = each.broadcast.bytes();
            REQUIRE(all.size() == host.size());
            for (std::size_t i = 0; i < each.prefix_length; ++i)
                CHECK(bit(all, i) == bit(host, i));
        }
    }
}

TEST_CASE("every link-local address is listed with its interface") {
    const std::vector<coax::interface_info> listed = coax::if_nameindex();
    for (const coax::address& wanted : support::link_local_addresses()) {
        INFO(wanted);
        CHECK(std::any_of(listed.begin(), listed.end(), [&](const coax::interface_info& one) {
            return one.index.value() == wanted.scope_id() &&
                   std::any_of(one.addresses.begin(), one.addresses.end(),
                               [&](const coax::interface_address& each) { return each.host == wanted; });
        }));
    }
}

TEST_CASE("names and numbers of interfaces lead to each other") {
    for (const coax::interface_info& one : coax::if_nameindex()) {
        INFO(one.name);
        CHECK(coax::if_nametoindex(one.name) == one.index);
        CHECK(coax::if_indextoname(one.index) == one.name);
        CHECK(coax::interface_index(one.name.c_str()) == one.index);
        CHECK(coax::interface_index(std::string_view(one.name)) == one.index);
        CHECK(coax::interface_index(one.index.value()) == one.index);
        CHECK(static_cast<bool>(one.index));
    }
    CHECK_FALSE(static_cast<bool>(coax::interface_index()));
    CHECK(coax::interface_index() == coax::interface_index(0));
}

TEST_CASE("an interface that does not exist is an error that says which") {
    for (const std::string& name : {std::string("coax-none"), std::string(), std::string(300, 'x')}) {
        try {
            static_cast<void>(coax::interface_index(name));
            FAIL("there is such an interface");
        } catch (const coax::no_such_interface& error) {
            CHECK(error.code() == std::errc::no_such_device);
            CHECK(error.operation() == coax::operation_name::if_nametoindex);
            CHECK(std::string_view(error.what()).starts_with("if_nametoindex " + name + ": "));
        }
    }
    CHECK_THROWS_AS(coax::if_nametoindex("coax-none"), coax::no_such_interface);
    try {
        coax::if_indextoname(coax::interface_index(987'654));
        FAIL("there is such an interface");
    } catch (const coax::no_such_interface& error) {
        CHECK(error.code() == std::errc::no_such_device);
        CHECK(std::string_view(error.what()).starts_with("if_indextoname 987654: "));
    }
    CHECK_THROWS_AS(coax::if_indextoname({}), coax::no_such_interface);
}

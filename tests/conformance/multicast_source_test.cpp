// Memberships for the datagrams of some sources only.
#include "support/catch.hpp"
#include "support/multicast.hpp"
#include "support/net.hpp"

#include <optional>
#include <string>
#include <system_error>

namespace option = coax::option;

using support::group;
using support::here;
using support::loopback;
using support::next_text;
using support::receiver;

namespace {

/// Two addresses of the loopback interface; nothing where it has but one.
std::optional<coax::address> second_address(coax::family family) {
    std::vector<coax::address> candidates{coax::address("127.0.0.2", 0)};
    for (const coax::interface_info& one : coax::if_nameindex())
        for (const coax::interface_address& each : one.addresses)
            if (one.loopback)
                candidates.push_back(each.host);
    for (const coax::address& candidate : candidates) {
        if (candidate.family() != family || candidate == here(family, 0))
            continue;
        if (!support::code_thrown_by([&] { coax::socket(family, coax::kind::datagram).bind(candidate); }))
            return candidate;
    }
    WARN("the loopback interface has no second address: " << support::name_of(family));
    return std::nullopt;
}

coax::socket sender_at(const coax::address& name) {
    coax::socket made(*name.family(), coax::kind::datagram);
    made.bind(name);
    made.setsockopt(option::multicast_interface, loopback());
    return made;
}

template <class Body>
void with_two_sources(Body body) {
    for (const coax::family family : support::families_with_groups()) {
        INFO(support::name_of(family));
        const std::optional<coax::address> second = second_address(family);
        if (second)
            support::run([&] { return body(here(family, 0), *second); });
    }
}

/// Whether the system has memberships for single sources. NetBSD and OpenBSD have none.
bool has_sources() {
    coax::socket probe(coax::family::inet, coax::kind::datagram);
    return support::code_thrown_by([&] {
               probe.join_source_group(group(coax::family::inet, 20), {"127.0.0.1", 0}, loopback());
           }) != std::errc::operation_not_supported;
}

} // namespace

TEST_CASE("only the source that was named is heard") {
    if (!has_sources())
        return;
    with_two_sources([](coax::address mine, coax::address other) -> coax::task<> {
        const coax::family family = *mine.family();
        coax::socket member = receiver(family);
        const coax::address to = group(family, 21, member.getsockname().port());
        coax::socket from_mine = sender_at(mine);
        coax::socket from_other = sender_at(other);
        member.join_source_group(to, mine, loopback());
        co_await from_other.sendto("foreign", to);
        co_await from_mine.sendto("mine", to);
        const coax::datagram got = co_await member.recvfrom(100);
        CHECK(got.data.text() == "mine");
        CHECK(got.peer == from_mine.getsockname());
    });
}

TEST_CASE("sources are added and taken away one by one") {
    if (!has_sources())
        return;
    with_two_sources([](coax::address one, coax::address other) -> coax::task<> {
        const coax::family family = *one.family();
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        const coax::address to = group(family, 22, port);
        coax::socket from_one = sender_at(one);
        coax::socket from_other = sender_at(other);
        member.join_source_group(to, one, loopback());
        member.join_source_group(to, other, loopback());
        co_await from_other.sendto("other", to);
        const std::string first = co_await next_text(member);
        CHECK(first == "other");
        member.leave_source_group(to, one, loopback());
        co_await from_one.sendto("gone", to);
        co_await from_other.sendto("still", to);
        const std::string second = co_await next_text(member);
        CHECK(second == "still");
        // The last one takes the membership along.
        member.leave_source_group(to, other, loopback());
        co_await from_other.sendto("gone too", to);
        co_await from_one.sendto("marker", here(family, port));
        const std::string third = co_await next_text(member);
        CHECK(third == "marker");
        CHECK(support::code_thrown_by([&] { member.leave_group(to, loopback()); }) == std::errc::address_not_available);
    });
}

TEST_CASE("leaving the group leaves it for all its sources") {
    if (!has_sources())
        return;
    with_two_sources([](coax::address one, coax::address other) -> coax::task<> {
        const coax::family family = *one.family();
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        const coax::address to = group(family, 23, port);
        coax::socket from_one = sender_at(one);
        member.join_source_group(to, one, loopback());
        member.join_source_group(to, other, loopback());
        member.leave_group(to, loopback());
        co_await from_one.sendto("gone", to);
        co_await from_one.sendto("marker", here(family, port));
        const std::string heard = co_await next_text(member);
        CHECK(heard == "marker");
        member.join_group(to, loopback());
        co_await from_one.sendto("anybody", to);
        const std::string next = co_await next_text(member);
        CHECK(next == "anybody");
    });
}

// On Windows the system decides, untried.
TEST_CASE("a group is joined for all sources or for some", "[posix]") {
    if (!has_sources())
        return;
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket member = receiver(family);
        const coax::address to = group(family, 24);
        const coax::address source = here(family, 0);
        member.join_group(to, loopback());
        CHECK(support::code_thrown_by([&] { member.join_source_group(to, source, loopback()); }) ==
              std::errc::address_in_use);
        member.leave_group(to, loopback());
        member.join_source_group(to, source, loopback());
        CHECK(support::code_thrown_by([&] { member.join_group(to, loopback()); }) == std::errc::address_in_use);
        CHECK(support::code_thrown_by([&] { member.join_source_group(to, source, loopback()); }) ==
              std::errc::address_in_use);
    }
}

// Multicast on the loopback interface: who hears what, and when no more. That nothing comes is seen by what comes next.
#include "support/catch.hpp"
#include "support/multicast.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace option = coax::option;

using support::any;
using support::group;
using support::group_sender;
using support::here;
using support::loopback;
using support::next_text;
using support::receiver;

namespace {

/// Runs the coroutine that `body(family)` makes for each family with multicast.
template <class Body>
void for_each_family(Body body) {
    for (const coax::family family : support::families_with_groups()) {
        INFO(support::name_of(family));
        support::run([&] { return body(family); });
    }
}

/// Whether the system has this option.
bool has_multicast_all() {
    const coax::socket probe(coax::family::inet, coax::kind::datagram);
    return !support::code_thrown_by([&] { static_cast<void>(probe.getsockopt(option::multicast_all)); });
}

} // namespace

TEST_CASE("a member receives what is sent to the group, and may answer its sender") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        member.join_group(group(family, 1), loopback());
        coax::socket sender = group_sender(family);
        const std::size_t sent = co_await sender.sendto("to all", group(family, 1, port));
        CHECK(sent == 6);
        const coax::datagram got = co_await member.recvfrom(100);
        CHECK(got.data.text() == "to all");
        CHECK(got.peer.port() == sender.getsockname().port());
        co_await member.sendto("answer", got.peer);
        const std::string answer = co_await next_text(sender);
        CHECK(answer == "answer");
    });
}

TEST_CASE("what is sent to a group comes from an address of the interface that was chosen") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        member.join_group(group(family, 1), loopback());
        coax::socket sender = group_sender(family);
        co_await sender.sendto("x", group(family, 1, member.getsockname().port()));
        const coax::datagram got = co_await member.recvfrom(100);
        bool is_of_loopback = false;
        for (const coax::interface_info& one : coax::if_nameindex())
            for (const coax::interface_address& each : one.addresses)
                is_of_loopback = is_of_loopback || (one.loopback && each.host.host() == got.peer.host());
        CHECK(is_of_loopback);
    });
}

TEST_CASE("several members on one port all receive it") {
    for_each_family([](coax::family family) -> coax::task<> {
        std::vector<coax::socket> members;
        int port = 0;
        for (int i = 0; i < 5; ++i) {
            members.push_back(receiver(family, port));
            port = members.front().getsockname().port();
            members.back().join_group(group(family, 2), loopback());
        }
        coax::socket sender = group_sender(family);
        co_await sender.sendto("each", group(family, 2, port));
        for (coax::socket& member : members) {
            const std::string heard = co_await next_text(member);
            CHECK(heard == "each");
        }
    });
}

TEST_CASE("who has left a group receives no more of it") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        member.join_group(group(family, 3), loopback());
        member.join_group(group(family, 4), loopback());
        coax::socket sender = group_sender(family);
        co_await sender.sendto("before", group(family, 3, port));
        member.leave_group(group(family, 3), loopback());
        co_await sender.sendto("after", group(family, 3, port));
        co_await sender.sendto("marker", group(family, 4, port));
        const std::string first = co_await next_text(member);
        const std::string second = co_await next_text(member);
        CHECK(first == "before"); // it had arrived
        CHECK(second == "marker");
        member.join_group(group(family, 3), loopback());
        co_await sender.sendto("again", group(family, 3, port));
        const std::string third = co_await next_text(member);
        CHECK(third == "again");
    });
}

TEST_CASE("leaving reaches a receive that waits") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        member.join_group(group(family, 3), loopback());
        coax::socket sender = group_sender(family);
        std::string heard;
        const auto wait = [&]() -> coax::task<> { heard = co_await next_text(member); };
        const auto body = [&](coax::task_group& tasks) -> coax::task<> {
            tasks.spawn(wait());
            co_await support::round_trip();
            member.leave_group(group(family, 3), loopback());
            co_await sender.sendto("after", group(family, 3, port));
            co_await sender.sendto("marker", here(family, port));
        };
        co_await coax::with_task_group(body);
        CHECK(heard == "marker");
    });
}

TEST_CASE("a socket hears the groups that it joined, and not those of others") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket one = receiver(family);
        const int port = one.getsockname().port();
        coax::socket other = receiver(family, port);
        coax::socket stranger = receiver(family, port);
        one.join_group(group(family, 5), loopback());
        other.join_group(group(family, 6), loopback());
        coax::socket sender = group_sender(family);
        co_await sender.sendto("five", group(family, 5, port));
        co_await sender.sendto("six", group(family, 6, port));
        const std::string by_one = co_await next_text(one);
        const std::string by_other = co_await next_text(other);
        CHECK(by_one == "five");
        CHECK(by_other == "six");
        stranger.join_group(group(family, 7), loopback());
        co_await sender.sendto("seven", group(family, 7, port));
        const std::string by_stranger = co_await next_text(stranger);
        CHECK(by_stranger == "seven");
    });
}

TEST_CASE("a socket hears the groups of others where that is asked for") {
    if (!has_multicast_all())
        return;
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket one = receiver(family);
        const int port = one.getsockname().port();
        coax::socket other = receiver(family, port);
        CHECK_FALSE(other.getsockopt(option::multicast_all));
        other.setsockopt(option::multicast_all, true);
        CHECK(other.getsockopt(option::multicast_all));
        one.join_group(group(family, 8), loopback());
        coax::socket sender = group_sender(family);
        co_await sender.sendto("eight", group(family, 8, port));
        const std::string heard = co_await next_text(other);
        CHECK(heard == "eight");

        // A membership ends with its socket: nobody on this machine is a member then.
        one.close();
        co_await sender.sendto("nobody", group(family, 8, port));
        co_await sender.sendto("marker", here(family, port));
        const std::string next = co_await next_text(other);
        CHECK(next == "marker");
    });
}

// Wine and Windows bind no multicast address.
TEST_CASE("bound to the address of a group a socket receives nothing else", "[posix]") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member(family, coax::kind::datagram);
        member.bind(group(family, 9));
        const int port = member.getsockname().port();
        CHECK(member.getsockname() == group(family, 9, port));
        member.join_group(group(family, 9), loopback());
        member.join_group(group(family, 10), loopback());
        coax::socket sender = group_sender(family);
        static_cast<void>(co_await coax::as_result(sender.sendto("direct", here(family, port))));
        co_await sender.sendto("other", group(family, 10, port));
        co_await sender.sendto("mine", group(family, 9, port));
        const std::string heard = co_await next_text(member);
        CHECK(heard == "mine");
    });
}

// The loopback interface gives back whatever it is given, so this needs another one.
TEST_CASE("members on this machine hear nothing of a sender that does not loop", "[posix]") {
    const coax::interface_index on = support::link();
    if (!on)
        return;
    for_each_family([on](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const coax::address to = group(family, 11, member.getsockname().port());
        member.join_group(to, on);
        coax::socket sender = group_sender(family, on);
        sender.setsockopt(option::multicast_loop, false);
        co_await sender.sendto("silent", to);
        sender.setsockopt(option::multicast_loop, true);
        co_await sender.sendto("heard", to);
        const std::string heard = co_await next_text(member);
        CHECK(heard == "heard");
    });
}

TEST_CASE("a member hears the interface on which it has joined", "[posix]") {
    const coax::interface_index on = support::link();
    if (!on)
        return;
    for_each_family([on](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const coax::address to = group(family, 14, member.getsockname().port());
        coax::socket here_sender = group_sender(family);
        coax::socket link_sender = group_sender(family, on);
        member.join_group(to, loopback());
        co_await link_sender.sendto("elsewhere", to);
        co_await here_sender.sendto("here", to);
        const std::string first = co_await next_text(member);
        CHECK(first == "here");
        member.join_group(to, on); // a membership of its own
        member.leave_group(to, loopback());
        co_await here_sender.sendto("no more", to);
        co_await link_sender.sendto("on the link", to);
        const std::string second = co_await next_text(member);
        CHECK(second == "on the link");
    });
}

TEST_CASE("what may pass no router is heard on this machine") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const coax::address to = group(family, 12, member.getsockname().port());
        member.join_group(to, loopback());
        coax::socket sender = group_sender(family);
        sender.setsockopt(option::multicast_hops, 0);
        co_await sender.sendto("near", to);
        const std::string heard = co_await next_text(member);
        CHECK(heard == "near");
    });
}

TEST_CASE("the scope of a link-local group names its interface") {
    for_each_family([](coax::family family) -> coax::task<> {
        if (family != coax::family::inet6)
            co_return;
        const std::string name = coax::if_indextoname(loopback());
        const coax::address scoped("ff12::c0a:1%" + name, 0);
        CHECK(scoped.scope_id() == loopback().value());
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        member.join_group(scoped);
        coax::socket sender(family, coax::kind::datagram); // it has no interface of its own
        co_await sender.sendto("linked", coax::address("ff12::c0a:1%" + name, port));
        const std::string heard = co_await next_text(member);
        CHECK(heard == "linked");
        member.leave_group(scoped, loopback());
        co_await sender.sendto("after", coax::address("ff12::c0a:1%" + name, port));
        co_await sender.sendto("marker", here(family, port));
        const std::string next = co_await next_text(member);
        CHECK(next == "marker");
    });
}

TEST_CASE("memberships come and go, and the largest number of them is no end") {
    const coax::interface_index on = loopback();
    for_each_family([on](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const int port = member.getsockname().port();
        for (int round = 0; round < 10'000; ++round) {
            member.join_group(group(family, round % 200), on);
            member.leave_group(group(family, round % 200), on);
        }
        const int before = support::open_descriptors();
        for (int round = 0; round < 10'000; ++round) {
            coax::socket shortly(family, coax::kind::datagram);
            shortly.join_group(group(family, round % 200), on);
        }
        CHECK(support::open_descriptors() == before);

        // Far more than any system allows in one socket.
        const auto numbered = [&](int number) {
            const std::string low = std::to_string(number % 250);
            return family == coax::family::inet
                       ? coax::address("239.255." + std::to_string(number / 250) + '.' + low, 0)
                       : coax::address("ff15::c0b:" + std::to_string(number / 250) + ':' + low, 0);
        };
        int joined = 0;
        std::error_code full;
        while (!full && joined < 10'000) {
            full = support::code_thrown_by([&] { member.join_group(numbered(joined), on); });
            joined += full ? 0 : 1;
        }
        if (full)
            CHECK((full == std::errc::no_buffer_space || full == std::errc::not_enough_memory));
        if (family == coax::family::inet && support::has_own_network()) // Linux allows 20
            CHECK(full == std::errc::no_buffer_space);
        CHECK(joined > 0);
        coax::socket sender = group_sender(family);
        member.leave_group(numbered(0), on);
        member.join_group(group(family, 249), on);
        co_await sender.sendto("still", group(family, 249, port));
        const std::string heard = co_await next_text(member);
        CHECK(heard == "still");
        for (int number = 1; number < joined; ++number)
            member.leave_group(numbered(number), on);
    });
}

TEST_CASE("without an interface the system chooses one") {
    for_each_family([](coax::family family) -> coax::task<> {
        coax::socket member = receiver(family);
        const std::error_code chosen = support::code_thrown_by([&] { member.join_group(group(family, 13)); });
        if (chosen) { // no way to any group
            CHECK((chosen == std::errc::no_such_device || chosen == std::errc::address_not_available));
            co_return;
        }
        member.leave_group(group(family, 13));
        CHECK(support::code_thrown_by([&] { member.leave_group(group(family, 13)); }) ==
              std::errc::address_not_available);
    });
}

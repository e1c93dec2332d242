// Messages with what travels beside their bytes, but for descriptors.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using coax::family;
using coax::kind;
using coax::packet_info;
using namespace std::chrono_literals;

namespace {

/// Sets an option that not every system has.
bool can(coax::socket& on, coax::option::of<bool> which) {
    try {
        on.setsockopt(which, true);
        return true;
    } catch (const coax::io_error& error) {
        CHECK((error.code() == std::errc::no_protocol_option || error.code() == std::errc::invalid_argument ||
               error.code() == std::errc::operation_not_supported));
        return false;
    }
}

/// Whether the system sends such control data at all.
bool is_supported(const coax::result<std::size_t>& sent) {
    if (sent)
        return true;
    CHECK(sent.error().code() == std::errc::operation_not_supported);
    return false;
}

coax::address loopback(family of, int port) { return {of == family::inet ? "127.0.0.1" : "::1", port}; }

/// A datagram socket that takes what is sent to any address.
coax::socket wildcard(family of) {
    coax::socket made(of, kind::datagram);
    made.bind({"", 0});
    return made;
}

} // namespace

TEST_CASE("a message on a stream is bytes, and its end") {
    const family which = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(which);
        const std::string tail = "cd";
        const std::size_t sent = co_await made.client.sendmsg({}, "ab", tail, "");
        CHECK(sent == 4);
        coax::message got = co_await made.server.recvmsg(3);
        CHECK(got.data.text() == "abc");
        CHECK_FALSE(got.truncated);
        CHECK_FALSE(got.control.truncated);
        CHECK(got.control.descriptors.empty());
        CHECK(got.control.others.empty());
        CHECK(got.peer.is_unnamed());
        std::array<char, 8> buffer{};
        coax::received_message rest = co_await made.server.recvmsg(buffer);
        CHECK(rest.size == 1);
        CHECK(buffer[0] == 'd');
        CHECK_FALSE(rest.ended);
        made.client.shutdown(coax::shutdown_how::write);
        rest = co_await made.server.recvmsg(buffer);
        CHECK(rest.size == 0);
        CHECK(rest.ended);
        got = co_await made.server.recvmsg(10);
        CHECK_FALSE(got.data);
    });
}

TEST_CASE("a large message on a stream goes out in parts, and so does one of several pieces") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(family::inet);
        const std::string first = support::pattern(700'000, 1);
        const std::string second = support::pattern(300'000, 2);
        std::string heard;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            const auto listen = [&]() -> coax::task<> { heard = co_await support::read_to_end(made.server); };
            group.spawn(listen);
            std::size_t at = 0;
            while (at < first.size() + second.size()) {
                const std::string_view one = std::string_view(first).substr(std::min(at, first.size()));
                const std::string_view other =
                    std::string_view(second).substr(at > first.size() ? at - first.size() : 0);
                const std::size_t sent = co_await made.client.sendmsg({}, one, other);
                CHECK(sent != 0);
                at += sent;
            }
            made.client.shutdown(coax::shutdown_how::write);
        };
        co_await coax::with_task_group(body);
        CHECK(heard == first + second);
    });
}

TEST_CASE("a datagram is one message: cut where it is too long, empty, from its sender") {
    const family which = GENERATE(from_range(support::internet()));
    const bool pooled = GENERATE(true, false);
    CAPTURE(support::name_of(which), pooled);
    support::run([&]() -> coax::task<> {
        coax::socket one = support::bound(which, kind::datagram);
        coax::socket other = support::bound(which, kind::datagram);
        const coax::address to = other.getsockname();
        const coax::address from = one.getsockname();
        const std::string large = support::pattern(30'000);
        for (const std::string_view text : {std::string_view("12345678"), std::string_view("123456789"),
                                            std::string_view(""), std::string_view(large)}) {
            const std::size_t room = text.size() > 100 ? large.size() : 8;
            const std::size_t sent = co_await one.sendmsg({.peer = to}, text.substr(0, 3),
                                                          text.substr(std::min<std::size_t>(3, text.size())));
            CHECK(sent == text.size());
            if (pooled) {
                const coax::message got = co_await other.recvmsg(room);
                CHECK(got.data);
                CHECK(got.data.text() == text.substr(0, room));
                CHECK(got.peer == from);
                CHECK(got.truncated == (text.size() > room));
            } else {
                std::vector<char> buffer(room);
                const coax::received_message got = co_await other.recvmsg(buffer);
                CHECK(std::string_view(buffer.data(), got.size) == text.substr(0, room));
                CHECK(got.peer == from);
                CHECK(got.truncated == (text.size() > room));
                CHECK_FALSE(got.ended);
            }
        }
        const std::vector<char> huge(70'000);
        const auto refused = co_await coax::as_result(one.sendmsg({.peer = to}, huge));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::message_size);
        CHECK(refused.error().operation() == coax::operation_name::sendmsg);
    });
}

TEST_CASE("a datagram says where it was sent to, and the answer leaves from there") {
    const family which = GENERATE(from_range(support::internet()));
    CAPTURE(support::name_of(which));
    support::run([&]() -> coax::task<> {
        coax::socket server = wildcard(which);
        if (!can(server, coax::option::receive_packet_info))
            co_return;
        CHECK(server.getsockopt(coax::option::receive_packet_info));
        coax::socket client = support::bound(which, kind::datagram);
        // Linux has all of 127/8.
        const coax::address sent_to(which == family::inet ? "127.0.0.1" : "::1", server.getsockname().port());
        co_await client.sendto("hello", sent_to);
        const coax::message got = co_await server.recvmsg(100);
        REQUIRE(got.control.packet);
        CHECK(got.control.packet->local == loopback(which, 0));
        CHECK(got.control.packet->interface_index != 0);
        const auto answered =
            co_await coax::as_result(server.sendmsg({.peer = got.peer, .source = got.control.packet}, "answer"));
        if (!is_supported(answered))
            co_return;
        const coax::datagram answer = co_await client.recvfrom(100);
        CHECK(answer.data.text() == "answer");
        CHECK(answer.peer == sent_to);
    });
}

TEST_CASE("an IPv6 socket says of IPv4 what it says of IPv6") {
    if (!support::has(family::inet6))
        return;
    support::run([]() -> coax::task<> {
        coax::socket server(family::inet6, kind::datagram);
        server.setsockopt(coax::option::v6_only, false);
        server.bind({"::", 0});
        if (!can(server, coax::option::receive_packet_info) || !can(server, coax::option::receive_ecn) ||
            !can(server, coax::option::receive_hop_limit))
            co_return;
        coax::socket client = support::bound(family::inet, kind::datagram);
        const coax::address to("127.0.0.1", server.getsockname().port());
        const auto sent = co_await coax::as_result(
            client.sendmsg({.peer = to, .congestion = coax::ecn::capable_0, .hop_limit = 9}, "hello"));
        if (!is_supported(sent))
            co_return;
        const coax::message got = co_await server.recvmsg(100);
        REQUIRE(got.control.packet);
        CHECK(got.control.packet->local == coax::address("::ffff:127.0.0.1", 0));
        CHECK(got.control.congestion() == coax::ecn::capable_0);
        CHECK(got.control.hop_limit == 9);
        // And back, from an address that is mapped.
        if (!can(client, coax::option::receive_ecn) || !can(client, coax::option::receive_hop_limit))
            co_return;
        co_await server.sendmsg(
            {.peer = got.peer, .source = got.control.packet, .congestion = coax::ecn::capable_1, .hop_limit = 7},
            "answer");
        const coax::message answer = co_await client.recvmsg(100);
        CHECK(answer.data.text() == "answer");
        CHECK(answer.peer == to);
        CHECK(answer.control.congestion() == coax::ecn::capable_1);
        CHECK(answer.control.hop_limit == 7);
    });
}

TEST_CASE("congestion notification, traffic class and hop limit go with one datagram and come with it") {
    const family which = GENERATE(from_range(support::internet()));
    CAPTURE(support::name_of(which));
    support::run([&]() -> coax::task<> {
        coax::socket one = support::bound(which, kind::datagram);
        coax::socket other = support::bound(which, kind::datagram);
        const coax::address to = other.getsockname();
        if (!can(other, coax::option::receive_ecn) || !can(other, coax::option::receive_hop_limit))
            co_return;
        for (const coax::ecn said :
             {coax::ecn::not_capable, coax::ecn::capable_1, coax::ecn::capable_0, coax::ecn::congestion}) {
            const auto sent = co_await coax::as_result(one.sendmsg(
                {.peer = to, .traffic_class = std::uint8_t{0x28}, .congestion = said, .hop_limit = 33}, "x"));
            if (!is_supported(sent))
                co_return;
            const coax::message got = co_await other.recvmsg(100);
            CHECK(got.control.congestion() == said);
            CHECK(got.control.traffic_class == (0x28 | static_cast<int>(said)));
            CHECK(got.control.hop_limit == 33);
            CHECK_FALSE(got.control.packet);
            CHECK_FALSE(got.control.time);
        }
        co_await one.sendto("plain", to);
        const coax::message plain = co_await other.recvmsg(100);
        CHECK(plain.control.congestion() == coax::ecn::not_capable);
        CHECK(plain.control.hop_limit != 33);
    });
}

TEST_CASE("a datagram says when the system received it") {
    const family which = GENERATE(from_range(support::internet()));
    support::run([&]() -> coax::task<> {
        coax::socket one = support::bound(which, kind::datagram);
        coax::socket other = support::bound(which, kind::datagram);
        if (!can(other, coax::option::receive_time))
            co_return;
        // Linux switches the clock of its packets on in the background, and stamps those that are too early as they are taken.
        co_await one.sendto("x", other.getsockname());
        const auto now = std::chrono::system_clock::now();
        const coax::message got = co_await other.recvmsg(100);
        REQUIRE(got.control.time);
        CHECK(*got.control.time > now - 1min);
        CHECK(*got.control.time < now + 1min);
    });
}

TEST_CASE("what no name is known for comes as the system has it", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket one = support::bound(family::inet, kind::datagram);
        coax::socket other = support::bound(family::inet, kind::datagram);
        co_await other.connect(one.getsockname());
        // A hop limit by its numbers, and no such message.
        const int hops = 12;
        const coax::raw_control known[] = {{0, 2, std::as_bytes(std::span(&hops, 1))}}; // IPPROTO_IP, IP_TTL of Linux
        const auto sent = co_await coax::as_result(one.sendmsg({.peer = other.getsockname(), .others = known}, "x"));
        const coax::raw_control unknown[] = {{12345, 1, {}}};
        const auto refused =
            co_await coax::as_result(one.sendmsg({.peer = other.getsockname(), .others = unknown}, "y"));
        // Linux passes over what is of another protocol.
        static_cast<void>(refused);
        if (!sent)
            co_return;
        const coax::message got = co_await other.recvmsg(100);
        CHECK(got.data.text() == "x");
    });
}

TEST_CASE("an IPv6 socket sends to an IPv4 peer through an interface that is named", "[posix]") {
    if (!support::has(family::inet6))
        return;
    support::run([]() -> coax::task<> {
        coax::socket both(family::inet6, kind::datagram);
        both.setsockopt(coax::option::v6_only, false);
        both.bind({"::", 0});
        both.setsockopt(coax::option::receive_packet_info, true);
        coax::socket one = support::bound(family::inet, kind::datagram);
        co_await one.sendto("ask", {"127.0.0.1", both.getsockname().port()});
        const coax::message asked = co_await both.recvmsg(10);
        REQUIRE(asked.control.packet);
        const packet_info through({}, asked.control.packet->interface_index);
        co_await both.sendmsg({.peer = asked.peer, .source = through}, "answer");
        const coax::datagram got = co_await one.recvfrom(10);
        CHECK(got.data.text() == "answer");
    });
}

TEST_CASE("what cannot be said of a socket is refused before anything is sent") {
    support::run([]() -> coax::task<> {
        coax::socket one = support::bound(family::inet, kind::datagram);
        coax::socket other = support::bound(family::inet, kind::datagram);
        const coax::address to = other.getsockname();
        const auto wrong_source =
            co_await coax::as_result(one.sendmsg({.peer = to, .source = packet_info(coax::address("::1", 0))}, "x"));
        REQUIRE_FALSE(wrong_source);
        CHECK(wrong_source.error().code() == std::errc::invalid_argument);
        const auto descriptors = co_await coax::as_result(one.sendmsg({.peer = to, .descriptors = one.fileno()}, "x"));
        REQUIRE_FALSE(descriptors);
        CHECK(descriptors.error().code() == std::errc::invalid_argument);
        const auto placeholder =
            co_await coax::as_result(one.sendmsg({.peer = coax::address("localhost", to.port())}, "here"));
        CHECK(placeholder);
        const coax::message got = co_await other.recvmsg(10);
        CHECK(got.data.text() == "here");
        one.close();
        const auto closed = co_await coax::as_result(one.sendmsg({.peer = to}, "x"));
        REQUIRE_FALSE(closed);
        CHECK(closed.error().code() == std::errc::bad_file_descriptor);
        coax::socket none;
        const auto nothing = co_await coax::as_result(none.sendmsg({.peer = to, .hop_limit = 3}, "x"));
        REQUIRE_FALSE(nothing);
        CHECK(nothing.error().code() == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a message that is not there is waited for, within limits") {
    support::run([]() -> coax::task<> {
        coax::socket one = support::bound(family::inet, kind::datagram);
        const auto late = co_await coax::as_result(coax::with_timeout(1ms, one.recvmsg(100)));
        REQUIRE_FALSE(late);
        CHECK(late.error().why() == coax::failure::cause::timeout);
        one.setblocking(false);
        const auto nothing = co_await coax::as_result(one.recvmsg(100));
        REQUIRE_FALSE(nothing);
        CHECK(nothing.error().code() == std::errc::operation_would_block);
        coax::socket other = support::bound(family::inet, kind::datagram);
        co_await other.sendmsg({.peer = one.getsockname()}, "x");
        one.setblocking(true);
        const coax::message got = co_await one.recvmsg(100, {.flags = coax::message_flags::peek});
        CHECK(got.data.text() == "x");
        const coax::message same = co_await one.recvmsg(100);
        CHECK(same.data.text() == "x");
    });
}

// Datagrams: borders, truncation, empty ones, and who sent them.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// What one recvfrom gives, in a form that does not depend on which of the two it was.
struct message {
    message(std::string_view bytes, const coax::address& from, bool cut) : text(bytes), peer(from), truncated(cut) {}

    std::string text;
    coax::address peer;
    bool truncated;
};

coax::task<message> receive(coax::socket& from, bool pooled, std::size_t size, coax::message_flags flags = {}) {
    if (pooled) {
        const coax::datagram got = co_await from.recvfrom(size, flags);
        CHECK(static_cast<bool>(got.data)); // a datagram is never the end of anything
        co_return message(got.data.text(), got.peer, got.truncated);
    }
    std::vector<std::byte> buffer(size);
    const coax::received got = co_await from.recvfrom(buffer, flags);
    co_return message(support::text_of(std::span(buffer).first(got.size)), got.peer, got.truncated);
}

} // namespace

TEST_CASE("a datagram comes whole, with the address of its sender") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    INFO(support::name_of(family) << (pooled ? ", pooled" : ", own buffer"));
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(family, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        for (int i = 0; i < 3; ++i) {
            coax::socket sender = support::bound(family, coax::kind::datagram);
            const std::string text = "from sender " + std::to_string(i);
            const std::size_t sent = co_await sender.sendto(text, name);
            CHECK(sent == text.size());
            const message got = co_await receive(receiver, pooled, 1024);
            CHECK(got.text == text);
            CHECK(got.peer == sender.getsockname());
            CHECK_FALSE(got.truncated);
            // The address is good for an answer.
            co_await receiver.sendto("answer", got.peer);
            const message answer = co_await receive(sender, pooled, 1024);
            CHECK(answer.text == "answer");
            CHECK(answer.peer == name);
        }
    });
}

TEST_CASE("a sender without a name is unnamed", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        co_await sender.sendto("who?", receiver.getsockname());
        const coax::datagram got = co_await receiver.recvfrom(16);
        CHECK(got.data.text() == "who?");
        CHECK(got.peer.is_unnamed());
        CHECK(got.peer.to_string() == "unnamed");
    });
}

TEST_CASE("localhost is an address to send to") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(family, coax::kind::datagram);
        coax::socket sender(family, coax::kind::datagram);
        co_await sender.sendto("hello", {"localhost", receiver.getsockname().port()});
        const coax::datagram got = co_await receiver.recvfrom(16);
        CHECK(got.data.text() == "hello");
        CHECK(got.peer.port() == sender.getsockname().port());
    });
}

TEST_CASE("truncation is reported, the rest is gone, and the next datagram is untouched") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    INFO(support::name_of(family) << (pooled ? ", pooled" : ", own buffer"));
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(family, coax::kind::datagram);
        coax::socket sender(family, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        co_await sender.sendto("0123456789", name);
        co_await sender.sendto("abcdefghij", name);
        co_await sender.sendto("next", name);
        const message cut = co_await receive(receiver, pooled, 4);
        CHECK(cut.text == "0123");
        CHECK(cut.truncated);
        const message exact = co_await receive(receiver, pooled, 10);
        CHECK(exact.text == "abcdefghij");
        CHECK_FALSE(exact.truncated);
        const message next = co_await receive(receiver, pooled, 100);
        CHECK(next.text == "next");
        CHECK_FALSE(next.truncated);
    });
}

TEST_CASE("recv takes a datagram too, and cuts what is too long") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        for (const char* text : {"0123456789", "abcdefghij", "whole"})
            co_await sender.sendto(text, receiver.getsockname());
        const coax::chunk first = co_await receiver.recv(4);
        CHECK(first.text() == "0123");
        std::array<std::byte, 3> buffer{};
        const std::size_t second = co_await receiver.recv(buffer);
        CHECK(support::text_of(std::span(buffer).first(second)) == "abc");
        const coax::chunk third = co_await receiver.recv(64);
        CHECK(third.text() == "whole");
    });
}

TEST_CASE("an empty datagram is a message and not an end") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(family, coax::kind::datagram);
        coax::socket sender = support::bound(family, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        for (int i = 0; i < 4; ++i) {
            const std::size_t sent = co_await sender.sendto("", name);
            CHECK(sent == 0);
        }
        co_await sender.sendto("after", name);

        const coax::chunk pooled = co_await receiver.recv(16);
        CHECK(static_cast<bool>(pooled));
        CHECK(pooled.empty());
        std::array<std::byte, 16> buffer{};
        const std::size_t own = co_await receiver.recv(buffer);
        CHECK(own == 0);
        const message third = co_await receive(receiver, true, 16);
        CHECK(third.text.empty());
        CHECK(third.peer == sender.getsockname());
        CHECK_FALSE(third.truncated);
        const message fourth = co_await receive(receiver, false, 16);
        CHECK(fourth.text.empty());
        CHECK(fourth.peer == sender.getsockname());
        const message last = co_await receive(receiver, true, 16);
        CHECK(last.text == "after");
    });
}

TEST_CASE("peek shows a datagram with its sender and leaves it where it is") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket sender = support::bound(coax::family::inet, coax::kind::datagram);
        co_await sender.sendto("seen twice", receiver.getsockname());
        const message peeked = co_await receive(receiver, pooled, 64, coax::message_flags::peek);
        CHECK(peeked.text == "seen twice");
        CHECK(peeked.peer == sender.getsockname());
        const message head = co_await receive(receiver, pooled, 4, coax::message_flags::peek);
        CHECK(head.text == "seen");
        CHECK(head.truncated);
        const message taken = co_await receive(receiver, pooled, 64);
        CHECK(taken.text == "seen twice");
        receiver.settimeout(0s);
        const auto none = co_await coax::as_result(receiver.recvfrom(64));
        CHECK(support::code_of(none) == std::errc::operation_would_block);
    });
}

TEST_CASE("the largest datagram goes through, one that is too large is message_size") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        const std::string largest = support::pattern(65'507);
        const std::size_t sent = co_await sender.sendto(largest, name);
        CHECK(sent == largest.size());
        const message got = co_await receive(receiver, pooled, 65'536);
        CHECK(got.text.size() == largest.size());
        CHECK(support::same_up_to(got.text, largest) == largest.size());
        CHECK_FALSE(got.truncated);

        const std::string too_large(70'000, 'x');
        const auto outcome = co_await coax::as_result(sender.sendto(too_large, name));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error() == std::errc::message_size);
        CHECK(outcome.error().peer() == name);
        co_await sender.connect(name);
        const auto connected = co_await coax::as_result(sender.send(too_large));
        CHECK(support::code_of(connected) == std::errc::message_size);
        co_await sender.send("still fine");
        const message after = co_await receive(receiver, pooled, 64);
        CHECK(after.text == "still fine");
    });
}

TEST_CASE("a sendall of several pieces is one datagram") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        co_await sender.connect(receiver.getsockname());
        co_await sender.sendall("head", "", "body");
        co_await sender.sendall("alone");
        const coax::datagram first = co_await receiver.recvfrom(64);
        CHECK(first.data.text() == "headbody");
        const coax::datagram second = co_await receiver.recvfrom(64);
        CHECK(second.data.text() == "alone");
    });
}

TEST_CASE("receives that wait for datagrams are served in the order of their calls, none twice") {
    constexpr int count = 10;
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        std::vector<std::string> heard(count);
        const auto reader = [&](int number) -> coax::task<> {
            const message got = co_await receive(receiver, number % 2 == 0, 64);
            heard[static_cast<std::size_t>(number)] = got.text;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < count; ++i)
                group.spawn(reader(i));
            for (int i = 0; i < count; ++i)
                co_await sender.sendto(std::to_string(i), receiver.getsockname());
        });
        for (int i = 0; i < count; ++i)
            CHECK(heard[static_cast<std::size_t>(i)] == std::to_string(i));
    });
}

TEST_CASE("on a stream recvfrom is recv with an unnamed peer") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        co_await made.client.sendall("bytes");
        const coax::datagram first = co_await made.server.recvfrom(3);
        CHECK(first.data.text() == "byt");
        CHECK(first.peer.is_unnamed());
        CHECK_FALSE(first.truncated);
        const message second = co_await receive(made.server, false, 16);
        CHECK(second.text == "es");
        CHECK(second.peer.is_unnamed());
        made.client.close();
        const coax::datagram end = co_await made.server.recvfrom(16);
        CHECK_FALSE(static_cast<bool>(end.data));
    });
}

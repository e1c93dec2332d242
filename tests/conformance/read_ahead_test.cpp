// Datagrams that were received before anybody asked: whoever comes next gets them, whole, in order and once.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace {

/// More than are taken in advance, each longer than the one before.
constexpr std::size_t count = 40;

std::string text_of(std::size_t number) { return std::string(number, static_cast<char>('a' + number % 26)); }

struct pair_of_sockets {
    coax::socket server = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket client = support::bound(coax::family::inet, coax::kind::datagram);
};

coax::task<> send_numbered(pair_of_sockets& sockets, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
        co_await sockets.client.sendto(text_of(i), sockets.server.getsockname());
}

/// How each of them is received, in turn.
coax::task<std::string> receive(pair_of_sockets& sockets, std::size_t how) {
    coax::socket& server = sockets.server;
    const coax::address sender = sockets.client.getsockname();
    std::array<std::byte, 100> buffer;
    switch (how % 6) {
    case 0: {
        const coax::datagram got = co_await server.recvfrom(100);
        CHECK(got.peer == sender);
        CHECK_FALSE(got.truncated);
        co_return std::string(got.data.text());
    }
    case 1: {
        const coax::chunk got = co_await server.recv(100);
        CHECK(static_cast<bool>(got)); // no end, though it may be empty
        co_return std::string(got.text());
    }
    case 2: {
        const coax::received got = co_await server.recvfrom(buffer);
        CHECK(got.peer == sender);
        co_return support::text_of(std::span(buffer).first(got.size));
    }
    case 3: {
        const coax::datagram looked = co_await server.recvfrom(100, coax::message_flags::peek);
        const std::size_t size = co_await server.recv(buffer);
        CHECK(looked.data.text() == support::text_of(std::span(buffer).first(size)));
        co_return support::text_of(std::span(buffer).first(size));
    }
    case 4: {
        const coax::message got = co_await server.recvmsg(100);
        CHECK(got.peer == sender);
        CHECK(got.control.packet);
        if (got.control.packet)
            CHECK(got.control.packet->local.host() == "127.0.0.1");
        co_return std::string(got.data.text());
    }
    default: {
        coax::datagram_batch one(1, 100);
        co_await server.recvfrom(one);
        CHECK(one[0].peer == sender);
        CHECK(one[0].local.host() == "127.0.0.1");
        co_return std::string(one[0].text());
    }
    }
}

} // namespace

TEST_CASE("every receive gives the datagrams in the order in which they came, and what is known of them") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        sockets.server.setsockopt(coax::option::receive_packet_info, true);
        co_await send_numbered(sockets, 0, count);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string got = co_await receive(sockets, i);
            CHECK(got == text_of(i));
        }
    });
}

TEST_CASE("a long datagram behind short ones comes whole, and is cut only by a buffer that is too small for it") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        const std::string longest(20'000, 'x');
        co_await send_numbered(sockets, 1, 3);
        for (int i = 0; i < 3; ++i)
            co_await sockets.client.sendto(longest, sockets.server.getsockname());
        co_await send_numbered(sockets, 3, 5);
        for (std::size_t i = 1; i < 3; ++i) {
            const coax::datagram got = co_await sockets.server.recvfrom(100);
            CHECK(got.data.text() == text_of(i));
        }
        const coax::datagram whole = co_await sockets.server.recvfrom(65535);
        CHECK(whole.data.text() == longest);
        CHECK_FALSE(whole.truncated);
        const coax::datagram cut = co_await sockets.server.recvfrom(100);
        CHECK(cut.data.text() == longest.substr(0, 100));
        CHECK(cut.truncated);
        const coax::datagram last = co_await sockets.server.recvfrom(65535);
        CHECK(last.data.text() == longest);
        for (std::size_t i = 3; i < 5; ++i) {
            const coax::datagram got = co_await sockets.server.recvfrom(100);
            CHECK(got.data.text() == text_of(i));
        }
    });
}

TEST_CASE("detach gives the datagrams that were received in advance, and the others are in the handle") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        co_await send_numbered(sockets, 0, count);
        const coax::datagram first = co_await sockets.server.recvfrom(100);
        CHECK(first.data.empty());
        coax::detached given = sockets.server.detach();
        CHECK(given.unread.empty());
        std::vector<std::string> heard;
        for (const coax::datagram& each : given.datagrams) {
            CHECK(each.peer == sockets.client.getsockname());
            heard.emplace_back(each.data.text());
        }
        coax::socket rest = coax::socket::adopt(given.handle);
        while (heard.size() < count - 1) {
            const coax::datagram got = co_await rest.recvfrom(100);
            heard.emplace_back(got.data.text());
        }
        for (std::size_t i = 1; i < count; ++i)
            CHECK(heard[i - 1] == text_of(i));
    });
}

TEST_CASE("once the handle is known outside, what nobody has asked for stays in the system") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        const coax::native_handle handle = sockets.server.fileno();
        co_await send_numbered(sockets, 1, 4);
        const coax::datagram first = co_await sockets.server.recvfrom(100);
        CHECK(first.data.text() == text_of(1));
        char buffer[100];
        REQUIRE(support::receive_raw(handle, buffer, sizeof buffer) == 2);
        const coax::datagram third = co_await sockets.server.recvfrom(100);
        CHECK(third.data.text() == text_of(3));
    });
}

TEST_CASE("an error that came while datagrams waited costs none of them") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        coax::socket& server = sockets.server;
        {
            coax::socket gone = support::bound(coax::family::inet, coax::kind::datagram);
            const coax::address name = gone.getsockname();
            co_await server.connect(name);
            co_await gone.sendto("a", server.getsockname());
            co_await gone.sendto("b", server.getsockname());
        }
        const coax::chunk first = co_await server.recv(10);
        CHECK(first.text() == "a");
        co_await server.send("to nobody");
        // Of what is still in the system the error is told first.
        std::string heard;
        std::size_t refused = 0;
        for (int i = 0; i < 2; ++i) {
            const auto got = co_await coax::as_result(server.recv(10));
            if (got)
                heard += got->text();
            else
                refused += support::code_of(got) == std::errc::connection_refused ? 1U : 0U;
        }
        CHECK(heard == "b");
        CHECK(refused == 1);
    });
}

TEST_CASE("an option that is set too late for a datagram is said to be missing") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        co_await send_numbered(sockets, 1, 3);
        static_cast<void>(co_await sockets.server.recvfrom(100));
        sockets.server.setsockopt(coax::option::receive_packet_info, true);
        const coax::message got = co_await sockets.server.recvmsg(100);
        CHECK(got.data.text() == text_of(2));
        // From a system that cannot receive in advance it comes complete.
        CHECK((got.control.truncated || got.control.packet.has_value()));
    });
}

TEST_CASE("after a large datagram small ones are received in advance again, and none is lost") {
    support::run([]() -> coax::task<> {
        pair_of_sockets sockets;
        std::array<std::byte, 4096> buffer;
        for (int round = 0; round < 20; ++round) {
            co_await sockets.client.sendto(std::string(3000, 'x'), sockets.server.getsockname());
            co_await send_numbered(sockets, 1, 6);
            const coax::received large = co_await sockets.server.recvfrom(buffer);
            CHECK(large.size == 3000);
            for (std::size_t i = 1; i < 6; ++i) {
                const coax::received got = co_await sockets.server.recvfrom(buffer);
                CHECK(support::text_of(std::span(buffer).first(got.size)) == text_of(i));
            }
        }
    });
}

// The last ones: after a fork nothing is received in advance any more.
TEST_CASE("in a child they are not received once more, nor handed over") {
    pair_of_sockets sockets;
    coax::run([&]() -> coax::task<> {
        co_await send_numbered(sockets, 1, 5);
        const coax::datagram first = co_await sockets.server.recvfrom(100);
        CHECK(first.data.text() == text_of(1));
    }());
    const int code = support::in_child([&] {
        std::size_t heard = 0;
        coax::run([&]() -> coax::task<> {
            coax::socket& server = sockets.server;
            server.settimeout(std::chrono::nanoseconds(0));
            const auto got = co_await coax::as_result(server.recvfrom(100));
            heard = got ? got->data.size() : 0;
        }());
        return static_cast<int>(heard);
    });
    CHECK(support::in_child([&] { return static_cast<int>(sockets.server.detach().datagrams.size()); }) == 0);
    const int next = coax::run([&]() -> coax::task<int> {
        const coax::datagram got = co_await sockets.server.recvfrom(100);
        co_return static_cast<int>(got.data.size());
    }());
    CHECK((code == 0 || code != next));
}

TEST_CASE("a child receives what comes to it, also where its parent had received in advance") {
    const bool offload = GENERATE(false, true);
    pair_of_sockets sockets;
    sockets.server.setsockopt(coax::option::receive_offload, offload);
    coax::run([&]() -> coax::task<> {
        co_await send_numbered(sockets, 1, 3);
        for (std::size_t i = 1; i < 3; ++i) {
            const coax::datagram got = co_await sockets.server.recvfrom(100);
            CHECK(got.data.text() == text_of(i));
        }
    }());
    const int code = support::in_child([&] {
        std::size_t heard = 0;
        coax::run([&]() -> coax::task<> {
            co_await send_numbered(sockets, 5, 7);
            for (int i = 0; i < 2; ++i) {
                const coax::datagram got = co_await sockets.server.recvfrom(100);
                heard = heard * 10 + got.data.size();
            }
        }());
        return static_cast<int>(heard);
    });
    CHECK(code == 56);
}

// Receiving and sending at the level of the system calls.
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "unit/os_sockets.hpp"

using namespace os_test;

TEST_CASE("UDP reports the sender, truncation, and an empty datagram") {
    for (const auto& [f, place] : loopback_places()) {
        INFO(place);
        const owned server = bound(f, kind::datagram, place);
        const owned client = bound(f, kind::datagram, place);
        std::array<char, 8> buffer{};
        address peer;
        bool truncated = true;
        CHECK(os::recvfrom(server, buffer.data(), buffer.size(), {}, peer, truncated).error == EAGAIN);
        CHECK_FALSE(truncated);

        for (const std::string_view text : {"12345678", "123456789", ""}) {
            REQUIRE(os::sendto(client, text.data(), text.size(), {}, name_of(server)).error == 0);
            REQUIRE(wait_for(server, os::poll_readable));
            const os::outcome got = os::recvfrom(server, buffer.data(), buffer.size(), {}, peer, truncated);
            CHECK(got.error == 0);
            CHECK(got.value == static_cast<std::int64_t>(std::min(text.size(), buffer.size())));
            CHECK(truncated == (text.size() > buffer.size()));
            CHECK(peer == name_of(client));
        }
        const std::vector<char> huge(70'000);
        CHECK(os::sendto(client, huge.data(), huge.size(), {}, name_of(server)).error == EMSGSIZE);
    }
}

TEST_CASE("shutdown ends one direction") {
    const auto [left, right] = connected_pair(kind::stream);
    send_text(left, "last words");
    CHECK(os::shutdown(left, coax::shutdown_how::write) == 0);
    CHECK(received(right) == "last words");
    CHECK(received(right).empty());
    send_text(right, "answer");
    CHECK(received(left) == "answer");
    CHECK(os::shutdown(left, coax::shutdown_how::read) == 0);
    CHECK(os::shutdown(left, coax::shutdown_how::both) == 0);
}

// On Windows, where the pair is one of TCP, the error takes a while to come, and is another one.
TEST_CASE("a send to nobody is an error and no signal", "[posix]") {
    auto [left, right] = connected_pair(kind::stream);
    REQUIRE(right.close() == 0);
    CHECK(os::send(left, "x", 1, {}).error == EPIPE);
    const os::buffer_view piece{const_cast<char*>("x"), 1};
    CHECK(os::send_vector(left, &piece, 1, {}).error == EPIPE);
    CHECK(os::sendto(left, "x", 1, message_flags::more, address::unix_path("/nowhere")).error != 0);
}

TEST_CASE("a gathered send keeps the order of its pieces, however many") {
    std::string letters = "abcdefghijklmnopqrstuvwxyz";
    std::vector<os::buffer_view> pieces;
    for (int i = 0; i < 3000; ++i)
        pieces.push_back({letters.data() + i % 26, 1});

    const auto [left, right] = connected_pair(kind::stream);
    std::size_t sent = 0;
    std::string got;
    while (sent < pieces.size()) {
        const os::outcome step = os::send_vector(left, pieces.data() + sent, pieces.size() - sent, {});
        REQUIRE(step.error == 0);
        REQUIRE(step.value > 0);
        sent += static_cast<std::size_t>(step.value);
        while (got.size() < sent)
            got += received(right);
    }
    for (std::size_t i = 0; i < got.size(); ++i)
        if (got[i] != letters[i % 26])
            FAIL("byte " << i << " is out of order");
    CHECK(os::send_vector(left, nullptr, 0, {}).value == 0);

    const auto [from, to] = connected_pair(kind::datagram);
    CHECK(os::send_vector(from, pieces.data(), 26, {}).value == 26);
    CHECK(received(to) == letters);
    CHECK(os::send_vector(from, pieces.data(), pieces.size(), {}).error == EMSGSIZE);
}

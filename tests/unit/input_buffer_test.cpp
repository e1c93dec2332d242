// The input of a stream by itself: what is found, what is looked at, what is kept.
#include "support/catch.hpp"

#include <coax/detail/stream_state.hpp>

#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>

using coax::detail::input_buffer;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text_of(std::span<const std::byte> bytes) { return std::string(coax::slice(bytes).text()); }

} // namespace

TEST_CASE("what has been looked at is not looked at again") {
    input_buffer buffer;
    const std::span<std::byte> room = buffer.make_room(100);
    std::memset(room.data(), 'x', 10);
    buffer.added(10);
    CHECK(buffer.find("\r\n", 100) == 0);
    // Bytes do not change once they are received. Should these be looked at again, it shows.
    std::memcpy(room.data() + 3, "\r\n", 2);
    CHECK(buffer.find("\r\n", 100) == 0);
    buffer.consume(2);
    CHECK(buffer.find("\r\n", 100) == 0);
    // Only the beginning of a separator that may be going on is.
    room[9] = std::byte{'\r'};
    room[10] = std::byte{'\n'};
    buffer.added(1);
    CHECK(buffer.find("\r\n", 100) == 9);
    // Another separator is another search.
    CHECK(buffer.find("\n", 100) == 3);
    CHECK(buffer.find("\r\n", 100) == 3);
}

TEST_CASE("what was not looked at because of a limit is looked at with a higher one") {
    input_buffer buffer;
    buffer.append(bytes_of("12345;"));
    CHECK(buffer.find(";", 5) == 0);
    CHECK(buffer.find(";", 6) == 6);
    CHECK(buffer.find(";", 5) == 0);
    CHECK(buffer.find("a separator longer than all of it", 100) == 0);
}

TEST_CASE("a buffer that grows by a byte at a time is copied seldom") {
    input_buffer buffer;
    int moves = 0;
    for (int round = 0; round < 100'000; ++round) {
        const std::byte* const before = buffer.unread().data();
        buffer.make_room(1024, 4096)[0] = std::byte{'p'};
        buffer.added(1);
        moves += buffer.unread().data() != before;
    }
    CHECK(buffer.size() == 100'000);
    CHECK(moves < 12);
}

TEST_CASE("a buffer that grows by pieces is copied seldom") {
    input_buffer buffer;
    const std::string piece(1000, 'p');
    int moves = 0;
    for (int round = 0; round < 10'000; ++round) {
        const std::byte* const before = buffer.unread().data();
        buffer.append(bytes_of(piece));
        moves += buffer.unread().data() == before ? 0 : 1;
    }
    CHECK(moves < 20);
    CHECK(buffer.size() == 10'000'000);
}

TEST_CASE("a buffer that is never empty does not grow beyond what is unread") {
    input_buffer buffer;
    buffer.append(bytes_of("first"));
    const std::string piece(100, 'p');
    for (int round = 0; round < 100'000; ++round) {
        buffer.append(bytes_of(piece));
        buffer.consume(100);
    }
    CHECK(text_of(buffer.unread()) == "ppppp");
    CHECK(buffer.make_room(1).size() < 1000);
}

TEST_CASE("appending and taking in any order keeps the bytes") {
    std::mt19937 random(7);
    for (int session = 0; session < 200; ++session) {
        input_buffer buffer;
        std::string expected;
        std::string piece;
        for (int step = 0; step < 100; ++step) {
            piece.assign(random() % 300, static_cast<char>('a' + step % 26));
            if (buffer.empty() && !piece.empty() && random() % 2 == 0)
                buffer.take_over(
                    coax::chunk(nullptr, std::as_writable_bytes(std::span(piece)).data(), piece.size(), true));
            else
                buffer.append(bytes_of(piece));
            expected += piece;
            const std::size_t count = random() % (expected.size() + 1);
            const std::string got = text_of(buffer.take(count));
            if (got != expected.substr(0, count))
                FAIL("session " << session << ", step " << step);
            expected.erase(0, count);
            // The piece goes away: what is left of it has to move.
            if (!buffer.empty())
                buffer.make_room(1 + random() % 5000);
            input_buffer moved(std::move(buffer));
            buffer = std::move(moved);
            if (text_of(buffer.unread()) != expected)
                FAIL("session " << session << ", step " << step);
        }
    }
}

// Bytes to send in every shape, and chunks as values. What chunks borrow from is tested with the rings.
#include "support/catch.hpp"

#include <coax/chunk.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using coax::bytes_view;
using coax::chunk;

namespace {

std::string_view text_of(bytes_view bytes) { return {static_cast<const char*>(bytes.data()), bytes.size()}; }

} // namespace

static_assert(std::is_nothrow_move_constructible_v<chunk>);
static_assert(!std::is_copy_constructible_v<chunk>);
static_assert(!std::is_convertible_v<chunk, bool>);
static_assert(std::is_trivially_destructible_v<bytes_view>);

// What is no sequence of bytes is refused, so that no object is sent by its representation by accident.
static_assert(!std::is_constructible_v<bytes_view, const std::vector<int>&>);
static_assert(!std::is_constructible_v<bytes_view, const std::u16string&>);
static_assert(!std::is_constructible_v<bytes_view, const std::vector<bool>&>);
static_assert(!std::is_constructible_v<bytes_view, int>);

TEST_CASE("a string literal is its characters without the terminator") {
    CHECK(text_of("Hello") == "Hello");
    CHECK(text_of("").empty());
    constexpr bytes_view at_compile_time = "abc";
    static_assert(at_compile_time.size() == 3);
    constexpr bytes_view utf8 = u8"abc";
    static_assert(utf8.size() == 3);
    CHECK(text_of(u8"é") == "\xC3\xA9");
}

TEST_CASE("a character array is the string in it") {
    const char line[64] = "short";
    CHECK(text_of(line) == "short");
    const char full[3] = {'a', 'b', 'c'};
    CHECK(text_of(full) == "abc");
    const char8_t utf8[8] = u8"six";
    CHECK(text_of(utf8) == "six");
    const char* pointer = "pointed at";
    CHECK(text_of(pointer) == "pointed at");
}

TEST_CASE("strings keep the zeros inside them") {
    using namespace std::string_view_literals;
    CHECK(text_of("a\0b"sv) == "a\0b"sv);
    CHECK(text_of(std::string("a\0b"sv)) == "a\0b"sv);
}

TEST_CASE("any contiguous range of bytes will do") {
    const std::vector<std::byte> bytes{std::byte{'x'}, std::byte{'y'}};
    CHECK(text_of(bytes) == "xy");
    const std::array<unsigned char, 2> array{'p', 'q'};
    CHECK(text_of(array) == "pq");
    const std::vector<char> letters{'l', 'm', 'n'};
    CHECK(text_of(letters) == "lmn");
    CHECK(text_of(std::span<const char>(letters).subspan(1)) == "mn");
    CHECK(text_of(std::span<const std::byte, 2>(bytes)) == "xy");
    const std::u8string utf8 = u8"é";
    CHECK(bytes_view(utf8).size() == 2);

    // An array of raw bytes is no string: all of it counts.
    const unsigned char raw[4] = {'a', 0, 'b', 0};
    CHECK(bytes_view(raw).size() == 4);
    const std::byte more[3] = {};
    CHECK(bytes_view(more).size() == 3);

    CHECK(text_of(bytes_view("pair", 2)) == "pa");
    CHECK(bytes_view().size() == 0);
}

TEST_CASE("a view borrows: it shows what the bytes are now") {
    std::string text = "before";
    const bytes_view view(text);
    text[0] = 'B';
    CHECK(text_of(view) == "Before");
    CHECK(view.data() == text.data());
}

TEST_CASE("a chunk that nobody filled is empty, and false like the end of a stream") {
    const chunk none;
    CHECK_FALSE(static_cast<bool>(none));
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(none.text().empty());
    CHECK(none.begin() == none.end());
    CHECK(bytes_view(none).size() == 0);
}

TEST_CASE("a chunk shows its bytes and hands them on when moved") {
    std::array<std::byte, 4> memory{std::byte{'w'}, std::byte{'x'}, std::byte{'y'}, std::byte{'z'}};
    chunk first(nullptr, memory.data(), memory.size(), true);
    CHECK(static_cast<bool>(first));
    CHECK(first.text() == "wxyz");
    CHECK(text_of(first) == "wxyz");
    *first.begin() = std::byte{'W'};
    CHECK(std::span<const std::byte>(first).size() == 4);

    chunk second(std::move(first));
    CHECK_FALSE(static_cast<bool>(first));
    CHECK(first.empty());
    CHECK(second.text() == "Wxyz");

    chunk third;
    third = std::move(second);
    CHECK(second.empty());
    CHECK(third.text() == "Wxyz");

    chunk& same = third;
    third = std::move(same);
    CHECK(third.text() == "Wxyz");
}

TEST_CASE("an empty chunk of an open stream is true") {
    const chunk empty_datagram(nullptr, nullptr, 0, true);
    CHECK(static_cast<bool>(empty_datagram));
    CHECK(empty_datagram.empty());
}

TEST_CASE("a chunk of one's own has so many bytes to be written, and can be cut to what was") {
    coax::chunk made = coax::chunk::allocate(100);
    CHECK(static_cast<bool>(made));
    REQUIRE(made.size() == 100);
    std::fill(made.begin(), made.end(), std::byte{'x'});
    made.truncate(3);
    CHECK(made.text() == "xxx");
    made.truncate(10);
    CHECK(made.size() == 3);
    const coax::chunk moved = std::move(made);
    CHECK(moved.text() == "xxx");
    CHECK_FALSE(static_cast<bool>(made));
    const coax::chunk empty = coax::chunk::allocate(0);
    CHECK(static_cast<bool>(empty));
    CHECK(empty.empty());
}

TEST_CASE("a chunk of more memory than there is throws bad_alloc") {
    CHECK_THROWS_AS(coax::chunk::allocate(std::numeric_limits<std::size_t>::max() / 2 + 1), std::bad_alloc);
}

TEST_CASE("a chunk may be larger than four gigabytes") {
    if constexpr (sizeof(std::size_t) > 4) {
        constexpr std::size_t large = (std::size_t{1} << 32) + 3;
        std::byte first{};
        coax::chunk received(nullptr, &first, large, true);
        CHECK(received.size() == large);
        const coax::chunk moved = std::move(received);
        CHECK(moved.size() == large);
        CHECK(static_cast<bool>(moved));
    }
}

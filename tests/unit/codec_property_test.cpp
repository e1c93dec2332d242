// What holds for every codec, every frame and every way in which bytes arrive.
#include "support/catch.hpp"
#include "support/codec_feed.hpp"
#include "support/many.hpp"

#include <coax/codecs.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using support::decoded_at_once;
using support::decoded_in;
using support::heard;
using support::wire_of;

namespace {

using generator = std::mt19937;

std::size_t below(generator& random, std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

/// Text of few different bytes, among them those that mean something to a codec: endings, and beginnings of endings, are frequent.
std::string text(generator& random, std::string_view alphabet, std::size_t longest) {
    std::string made(below(random, longest + 1), '\0');
    for (char& c : made)
        c = alphabet[below(random, alphabet.size())];
    return made;
}

std::vector<std::size_t> random_cuts(generator& random, std::size_t size) {
    std::vector<std::size_t> cuts;
    const std::size_t longest = 1 + below(random, 20);
    for (std::size_t sum = 0; sum <= size; sum += cuts.back())
        cuts.push_back(1 + below(random, longest));
    return cuts;
}

/// Each codec, with the bytes that mean something to it.
template <class Check>
void for_each_codec(Check check) {
    using std::endian;
    constexpr std::string_view few("\0\1\2\3ab", 6);
    // Most numbers of many bytes are too large: here most of their bytes are zero.
    const std::string zeros = std::string(20, '\0') + "\1\2";
    check("u8", coax::length_prefix<std::uint8_t>(), few);
    check("u16 big", coax::length_prefix<std::uint16_t>(), few);
    check("u16 little", coax::length_prefix<std::uint16_t, endian::little>(), few);
    check("u32 big", coax::length_prefix<std::uint32_t>(), zeros);
    check("u32 little", coax::length_prefix<std::uint32_t, endian::little>(), zeros);
    check("u64 big", coax::length_prefix<std::uint64_t>(), zeros);
    check("u64 little", coax::length_prefix<std::uint64_t, endian::little>(), zeros);
    check("varint", coax::varint_prefix(), std::string_view("\0\1\2\x7f\x80\x81\xff", 7));
    check("delimiter ;", coax::delimiter(";"), ";ab");
    check("delimiter CRLF", coax::delimiter("\r\n"), "\r\nab");
    check("delimiter abab", coax::delimiter("abab"), "ab");
    check("delimiter aabaaaab", coax::delimiter("aabaaaab"), "aaab");
    check("line", coax::line(), "\r\nab");
    check("line CRLF", coax::line(coax::line_ending::crlf), "\r\nab");
    check("fixed 1", coax::fixed_size(1), few);
    check("fixed 7", coax::fixed_size(7), few);
    check("octets", coax::octet_count(), "0123456789 a");
}

} // namespace

TEST_CASE("frames come out as they went in, however their bytes arrive") {
    for_each_codec([](const char* name, const auto& codec, std::string_view alphabet) {
        generator random(1);
        std::size_t sent = 0;
        std::size_t wrong = 0;
        for (int round = 0; round < support::many(2000); ++round) {
            heard expected;
            std::string wire;
            for (std::size_t count = below(random, 6); count != 0; --count) {
                std::string frame = text(random, alphabet, 12);
                if (const std::optional<std::string> made = wire_of(codec, frame)) {
                    wire += *made;
                    expected.frames.push_back(std::move(frame));
                }
            }
            sent += expected.frames.size();
            const std::size_t one[] = {1};
            wrong += decoded_at_once(codec, wire) == expected ? 0 : 1;
            wrong += decoded_in(codec, wire, one) == expected ? 0 : 1;
            wrong += decoded_in(codec, wire, random_cuts(random, wire.size())) == expected ? 0 : 1;
        }
        CAPTURE(name);
        CHECK(wrong == 0);
        CHECK(sent > support::many(200U));
    });
}

TEST_CASE("whatever the bytes are, they mean the same however they arrive") {
    for_each_codec([](const char* name, const auto& codec, std::string_view alphabet) {
        generator random(2);
        std::size_t frames = 0;
        std::size_t errors = 0;
        std::size_t different = 0;
        for (int round = 0; round < support::many(2000); ++round) {
            const std::string bytes = text(random, alphabet, 60);
            const std::size_t max_frame = below(random, 12);
            const heard expected = decoded_at_once(codec, bytes, max_frame);
            frames += expected.frames.size();
            errors += expected.error ? 1 : 0;
            const std::size_t one[] = {1};
            different += decoded_in(codec, bytes, one, max_frame) == expected ? 0 : 1;
            different += decoded_in(codec, bytes, random_cuts(random, bytes.size()), max_frame) == expected ? 0 : 1;
        }
        CAPTURE(name);
        CHECK(different == 0);
        CHECK(frames > support::many(10U));
        CHECK(errors > support::many(10U));
    });
}

TEST_CASE("a frame is refused exactly when it would not be read back") {
    const auto check = [](const auto& codec, std::string_view ending, std::string_view alphabet) {
        generator random(3);
        std::size_t wrong = 0;
        std::size_t refused = 0;
        for (int round = 0; round < support::many(5000); ++round) {
            const std::string frame = text(random, alphabet, 10);
            // Cut in two pieces: what must not be in a frame may lie across.
            const std::size_t cut = below(random, frame.size() + 1);
            const coax::bytes_view pieces[] = {std::string_view(frame).substr(0, cut),
                                               std::string_view(frame).substr(cut)};
            const std::string wire = frame + std::string(ending);
            const bool readable = decoded_at_once(codec, wire) == heard{{frame}, std::nullopt};
            const std::optional<std::string> made = wire_of(codec, pieces);
            wrong += made.has_value() == readable ? 0 : 1;
            wrong += !made || *made == wire ? 0 : 1;
            refused += made ? 0 : 1;
        }
        CHECK(wrong == 0);
        CHECK(refused > support::many(100U));
        CHECK(refused < 4900);
    };
    check(coax::line(), "\n", "\r\nabcdef");
    check(coax::line(coax::line_ending::crlf), "\r\n", "\r\nabcdef");
    check(coax::delimiter(";"), ";", ";abcdef");
    check(coax::delimiter("\r\n"), "\r\n", "\r\na");
    check(coax::delimiter("aa"), "aa", "aabcd");
    check(coax::delimiter("abab"), "abab", "ab");
    check(coax::delimiter("aabaaaab"), "aabaaaab", "aaab");
}

TEST_CASE("a thousand frames in one piece come out, each once") {
    for_each_codec([](const char* name, const auto& codec, std::string_view) {
        std::string wire;
        heard expected;
        for (int index = 0; index < 1000; ++index) {
            std::string frame = "frame" + std::to_string(index % 10) + "z";
            if (std::string_view(name) == "fixed 1")
                frame.resize(1);
            const std::optional<std::string> made = wire_of(codec, frame);
            REQUIRE(made);
            wire += *made;
            expected.frames.push_back(frame);
        }
        CAPTURE(name);
        CHECK(decoded_at_once(codec, wire) == expected);
    });
}

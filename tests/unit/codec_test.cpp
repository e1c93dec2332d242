// What each codec makes of which bytes, to the byte.
#include "support/catch.hpp"
#include "support/codec_feed.hpp"

#include <coax/codecs.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

using coax::decoded;
using coax::stream_errc;
using support::decoded_at_once;
using support::heard;
using support::no_limit;
using support::wire_of;
using namespace std::string_literals;

namespace {

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

heard only(std::vector<std::string> frames) { return {std::move(frames), std::nullopt}; }
heard then(std::vector<std::string> frames, stream_errc error) { return {std::move(frames), error}; }

template <class UInt>
using big = coax::length_prefix<UInt>;
template <class UInt>
using little = coax::length_prefix<UInt, std::endian::little>;

template <class Codec>
decoded decode(const std::string& front, std::size_t max_frame = no_limit, Codec codec = Codec()) {
    return codec.decode(bytes(front), max_frame);
}

} // namespace

TEST_CASE("length prefixes of every width and order are what they look like") {
    CHECK(wire_of(big<std::uint8_t>(), "abc") == "\x03"
                                                 "abc"s);
    CHECK(wire_of(big<std::uint16_t>(), "abc") == "\0\x03"
                                                  "abc"s);
    CHECK(wire_of(little<std::uint16_t>(), "abc") == "\x03\0abc"s);
    CHECK(wire_of(big<std::uint32_t>(), "abc") == "\0\0\0\x03"
                                                  "abc"s);
    CHECK(wire_of(little<std::uint32_t>(), "abc") == "\x03\0\0\0abc"s);
    CHECK(wire_of(big<std::uint64_t>(), "abc") == "\0\0\0\0\0\0\0\x03"
                                                  "abc"s);
    CHECK(wire_of(little<std::uint64_t>(), "abc") == "\x03\0\0\0\0\0\0\0abc"s);
    CHECK(wire_of(big<std::uint32_t>(), "") == "\0\0\0\0"s);
    const std::string long_one(0x0102, 'x');
    CHECK(wire_of(big<std::uint16_t>(), long_one) == "\x01\x02" + long_one);
    CHECK(wire_of(little<std::uint16_t>(), long_one) == "\x02\x01" + long_one);
    CHECK(decoded_at_once(big<std::uint16_t>(), "\x01\x02" + long_one) == only({long_one}));
    CHECK(decoded_at_once(little<std::uint16_t>(), "\x02\x01" + long_one) == only({long_one}));
}

TEST_CASE("a length prefix says how much is needed, in one step") {
    using codec = big<std::uint32_t>;
    CHECK(decode<codec>("\0"s) == decoded::need(4));
    CHECK(decode<codec>("\0\0\0\x05"s) == decoded::need(9));
    CHECK(decode<codec>("\0\0\0\x05 abcd"s) == decoded::found(4, 5, 9));
    CHECK(decode<codec>("\0\0\0\x05 abcdefg"s) == decoded::found(4, 5, 9));
    CHECK(decode<codec>("\0\0\0\0"s) == decoded::found(4, 0, 4));
}

TEST_CASE("a frame may be as long as the limit, and no longer") {
    using codec = big<std::uint32_t>;
    CHECK(decode<codec>("\0\0\0\x05"s, 5) == decoded::need(9));
    CHECK(decode<codec>("\0\0\0\x06"s, 5) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<codec>("\0\0\0\0"s, 0) == decoded::found(4, 0, 4));
    CHECK(decode<codec>("\xff\xff\xff\xff"s, 1 << 20) == decoded::failed(stream_errc::frame_too_long));
}

TEST_CASE("no announced length overflows anything") {
    const std::string largest(8, '\xff');
    CHECK(decode<big<std::uint64_t>>(largest) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<little<std::uint64_t>>(largest, 100) == decoded::failed(stream_errc::frame_too_long));
    // Together with its header it would be one byte too long for any memory, or just fit.
    CHECK(decode<big<std::uint64_t>>("\xff\xff\xff\xff\xff\xff\xff\xf8"s) ==
          decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<big<std::uint64_t>>("\xff\xff\xff\xff\xff\xff\xff\xf7"s) == decoded::need(no_limit));
    const std::string varint = std::string(9, '\xff') + '\x01';
    CHECK(decode<coax::varint_prefix>(varint) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::octet_count>("18446744073709551615 "s) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::octet_count>("18446744073709551616 "s) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::octet_count>("99999999999999999999999999"s) == decoded::failed(stream_errc::frame_too_long));
}

TEST_CASE("a frame that is longer than its prefix can say is refused") {
    const std::string fits(255, 'x');
    const std::string long_one(256, 'x');
    CHECK(wire_of(big<std::uint8_t>(), fits) == '\xff' + fits);
    const coax::bytes_view pieces[] = {long_one};
    CHECK(big<std::uint8_t>().encode(pieces, 256).error() == stream_errc::frame_too_long);
    CHECK_FALSE(big<std::uint16_t>().encode({}, 65535).is_error());
    CHECK(big<std::uint16_t>().encode({}, 65536).error() == stream_errc::frame_too_long);
    CHECK(little<std::uint32_t>().encode({}, std::size_t{1} << 32).error() == stream_errc::frame_too_long);
    CHECK_FALSE(big<std::uint64_t>().encode({}, no_limit).is_error());
}

TEST_CASE("varints are those of Protocol Buffers") {
    CHECK(wire_of(coax::varint_prefix(), "") == "\0"s);
    CHECK(wire_of(coax::varint_prefix(), std::string(127, 'x')) == '\x7f' + std::string(127, 'x'));
    CHECK(wire_of(coax::varint_prefix(), std::string(128, 'x')) == "\x80\x01" + std::string(128, 'x'));
    CHECK(wire_of(coax::varint_prefix(), std::string(300, 'x')) == "\xac\x02" + std::string(300, 'x'));
    CHECK(decoded_at_once(coax::varint_prefix(), "\x80\x01" + std::string(128, 'x') + '\0') ==
          only({std::string(128, 'x'), ""}));
    CHECK(decode<coax::varint_prefix>("\x80") == decoded::need(2));
    CHECK(decode<coax::varint_prefix>("\x80\x01") == decoded::need(130));
    const coax::encoded longest = coax::varint_prefix().encode({}, no_limit);
    CHECK(longest.header().size() == 10);
}

TEST_CASE("varints that are longer than they need be, or than 64 bits, are malformed") {
    const decoded malformed = decoded::failed(stream_errc::frame_malformed);
    CHECK(decode<coax::varint_prefix>("\x80\0"s) == malformed);
    CHECK(decode<coax::varint_prefix>("\xff\x80\0"s) == malformed);
    CHECK(decode<coax::varint_prefix>(std::string(9, '\x80') + '\0') == malformed);
    CHECK(decode<coax::varint_prefix>(std::string(9, '\x80')) == decoded::need(10));
    // 2 to the 63rd: a number of 64 bits, of a frame that has not arrived.
    CHECK(decode<coax::varint_prefix>(std::string(9, '\x80') + '\x01') == decoded::need((std::size_t{1} << 63) + 10));
    CHECK(decode<coax::varint_prefix>(std::string(9, '\x80') + '\x02') == malformed);
    CHECK(decode<coax::varint_prefix>(std::string(10, '\x80')) == malformed);
    CHECK(decode<coax::varint_prefix>(std::string(20, '\xff')) == malformed);
}

TEST_CASE("delimiters are found wherever they begin") {
    const coax::delimiter crlf("\r\n");
    CHECK(decoded_at_once(crlf, "ab\r\n\r\nc\r\r\n") == only({"ab", "", "c\r"}));
    CHECK(decoded_at_once(crlf, "ab\r\ncd") == then({"ab"}, stream_errc::frame_truncated));
    CHECK(decoded_at_once(coax::delimiter("\0"s), "ab\0\0"s) == only({"ab", ""}));
    CHECK(decoded_at_once(coax::delimiter("aab"), "aaab") == only({"a"}));
    CHECK(decoded_at_once(coax::delimiter("abab"), "abaabababab") == only({"aba", ""}));
    CHECK(decoded_at_once(coax::delimiter("aabaaaab"), "aabaaabaaaab") == only({"aaba"}));
    CHECK_THROWS_AS(coax::delimiter(""), std::invalid_argument);
}

TEST_CASE("a delimiter counts towards no limit, and nor does its beginning") {
    const coax::delimiter end("END");
    CHECK(decoded_at_once(end, "abcEND", 3) == only({"abc"}));
    CHECK(decoded_at_once(end, "abcdEND", 3) == then({}, stream_errc::frame_too_long));
    CHECK(decode("abcEN", 3, end) == decoded::need(6));
    CHECK(decode("abcENX", 3, end) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode("abcd", 3, end) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode("", 3, end) == decoded::need(3));
    CHECK(decode("END", 0, end) == decoded::found(0, 0, 3));
}

TEST_CASE("a frame that holds its delimiter is refused, also where only the two together would") {
    const coax::delimiter crlf("\r\n");
    CHECK(wire_of(crlf, "a\rb\n") == "a\rb\n\r\n");
    CHECK_FALSE(wire_of(crlf, "a\r\nb"));
    CHECK(wire_of(crlf, "a\r") == "a\r\r\n");
    CHECK_FALSE(wire_of(coax::delimiter("aa"), "ba"));
    CHECK_FALSE(wire_of(coax::delimiter("abab"), "ab"));
    CHECK(wire_of(coax::delimiter("abab"), "aba") == "abaabab");
    const coax::bytes_view pieces[] = {"a\r", "", "\nb"};
    CHECK_FALSE(wire_of(crlf, pieces));
}

TEST_CASE("lines end in LF or CRLF, and the last one may end with the stream") {
    CHECK(decoded_at_once(coax::line(), "a\nb\r\n\n\r\nc\rd\r\r\n") == only({"a", "b", "", "", "c\rd\r"}));
    CHECK(decoded_at_once(coax::line(), "a\nlast") == only({"a", "last"}));
    CHECK(decoded_at_once(coax::line(), "a\nlast\r") == only({"a", "last\r"}));
    CHECK(decoded_at_once(coax::line(), "\n") == only({""}));
    CHECK(decoded_at_once(coax::line(), "") == only({}));
}

TEST_CASE("the ending of a line counts towards no limit") {
    CHECK(decoded_at_once(coax::line(), "abc\nabc\r\n", 3) == only({"abc", "abc"}));
    CHECK(decoded_at_once(coax::line(), "abcd\n", 3) == then({}, stream_errc::frame_too_long));
    CHECK(decoded_at_once(coax::line(), "abc", 3) == only({"abc"}));
    CHECK(decoded_at_once(coax::line(), "abc\r", 3) == then({}, stream_errc::frame_too_long));
    CHECK(decode<coax::line>("abc\r", 3) == decoded::need(5));
    CHECK(decode<coax::line>("abc\rd", 3) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::line>("\n", 0) == decoded::found(0, 0, 1));
}

TEST_CASE("lines that would be read differently are refused") {
    const coax::line lf;
    const coax::line crlf(coax::line_ending::crlf);
    CHECK(wire_of(lf, "abc") == "abc\n");
    CHECK(wire_of(crlf, "abc") == "abc\r\n");
    CHECK(wire_of(lf, "") == "\n");
    CHECK_FALSE(wire_of(lf, "a\nb"));
    CHECK_FALSE(wire_of(crlf, "a\nb"));
    CHECK(wire_of(lf, "a\rb") == "a\rb\n");
    CHECK_FALSE(wire_of(lf, "a\r"));
    CHECK(wire_of(crlf, "a\r") == "a\r\r\n");
    const coax::bytes_view pieces[] = {"a\r", "", ""};
    CHECK_FALSE(wire_of(lf, pieces));
}

TEST_CASE("frames of a fixed size follow each other") {
    CHECK(decoded_at_once(coax::fixed_size(3), "abcdef") == only({"abc", "def"}));
    CHECK(decoded_at_once(coax::fixed_size(3), "abcd") == then({"abc"}, stream_errc::frame_truncated));
    CHECK(decoded_at_once(coax::fixed_size(3), "abc", 2) == then({}, stream_errc::frame_too_long));
    CHECK(wire_of(coax::fixed_size(3), "abc") == "abc");
    CHECK_FALSE(wire_of(coax::fixed_size(3), "ab"));
    CHECK_FALSE(wire_of(coax::fixed_size(3), ""));
    CHECK_THROWS_AS(coax::fixed_size(0), std::invalid_argument);
}

TEST_CASE("octet counts are those of syslog") {
    CHECK(wire_of(coax::octet_count(), "<13>hello") == "9 <13>hello");
    CHECK_FALSE(wire_of(coax::octet_count(), ""));
    CHECK(decoded_at_once(coax::octet_count(), "3 abc10 0123456789") == only({"abc", "0123456789"}));
    CHECK(decode<coax::octet_count>("1") == decoded::need(2));
    CHECK(decode<coax::octet_count>("12 a") == decoded::need(15));
    for (const char* const text : {"0 ", "03 abc", " abc", "x", "-1 a", "+1 a", "1\ta", "1\n", "1a a", "\xb9 a"}) {
        CAPTURE(text);
        CHECK(decode<coax::octet_count>(text) == decoded::failed(stream_errc::frame_malformed));
    }
    const coax::encoded longest = coax::octet_count().encode({}, no_limit);
    CHECK(longest.header().size() == 21);
}

TEST_CASE("an octet count is refused at the digit that makes it too long") {
    CHECK(decode<coax::octet_count>("100", 100) == decoded::need(4));
    CHECK(decode<coax::octet_count>("101", 100) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::octet_count>("1000", 100) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::octet_count>("7", 5) == decoded::failed(stream_errc::frame_too_long));
    CHECK(decode<coax::octet_count>("1", 0) == decoded::failed(stream_errc::frame_too_long));
}

TEST_CASE("codecs that look for an ending find it where others took bytes away") {
    coax::delimiter end("END");
    CHECK(end.decode(bytes("aaaaEN"), 100).is_incomplete());
    CHECK(end.decode(bytes("END"), 100) == decoded::found(0, 0, 3));
    coax::line line;
    CHECK(line.decode(bytes("aaaaaa"), 100).is_incomplete());
    CHECK(line.decode(bytes("a\n"), 100) == decoded::found(0, 1, 2));
}

TEST_CASE("a header that has no room is refused") {
    const std::string long_one(coax::encoded::header_capacity + 1, 'h');
    CHECK_THROWS_AS(coax::encoded(bytes(long_one)), std::length_error);
    CHECK(coax::encoded(bytes(long_one).first(coax::encoded::header_capacity)).header().size() ==
          coax::encoded::header_capacity);
}

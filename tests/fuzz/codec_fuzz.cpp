// libFuzzer: any bytes, for any codec, cut anywhere. The first bytes choose the codec, the limit and the cuts, the rest is what arrives.
#include "../support/codec_feed.hpp"
#include "fuzz.hpp"

#include <coax/codecs.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using fuzz::require;
using support::heard;

/// Frames that a codec takes come back, whatever follows.
template <class Codec>
void check_round_trip(const Codec& codec, const std::string& frame, std::span<const std::size_t> cuts) {
    // In two pieces: what the codec looks for may lie across.
    const std::string_view text = frame;
    const std::size_t middle = text.size() / 2;
    const coax::bytes_view pieces[] = {text.substr(0, middle), text.substr(middle)};
    const std::optional<std::string> wire = support::wire_of(codec, pieces);
    require(wire == support::wire_of(codec, text), "pieces are the frame that they make together");
    if (wire)
        require(support::decoded_in(codec, *wire + *wire, cuts) == heard{{frame, frame}, std::nullopt},
                "a frame that is sent is received");
}

template <class Codec>
void check(const Codec& codec, const std::string& bytes, std::span<const std::size_t> cuts, std::size_t max_frame) {
    const heard at_once = support::decoded_at_once(codec, bytes, max_frame);
    require(support::decoded_in(codec, bytes, cuts, max_frame) == at_once, "it is the same however it is cut");
    const std::size_t one[] = {1};
    require(support::decoded_in(codec, bytes, one, max_frame) == at_once, "it is the same byte by byte");
    for (const std::string& frame : at_once.frames)
        require(frame.size() <= max_frame, "no frame is longer than the limit");
    check_round_trip(codec, bytes, cuts);
    // Frames that are heard can be sent again; a line may need the other ending.
    if constexpr (!std::is_same_v<Codec, coax::line>) {
        for (const std::string& frame : at_once.frames)
            require(support::wire_of(codec, frame).has_value(), "a frame that was received can be sent");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head = 4;
    if (size < head || size > 1000) // one byte at a time is quadratic
        return 0;
    const std::size_t max_frame = data[1] == 0xff ? support::no_limit : data[1];
    const std::size_t cuts[] = {data[2], std::size_t{1} + data[3] % 16U, std::size_t{1} + data[3] / 16U};
    const std::string bytes(fuzz::text_of(data + head, size - head));
    switch (data[0] % 16) {
    case 0:
        check(coax::length_prefix<std::uint8_t>(), bytes, cuts, max_frame);
        break;
    case 1:
        check(coax::length_prefix<std::uint16_t>(), bytes, cuts, max_frame);
        break;
    case 2:
        check(coax::length_prefix<std::uint16_t, std::endian::little>(), bytes, cuts, max_frame);
        break;
    case 3:
        check(coax::length_prefix<std::uint32_t>(), bytes, cuts, max_frame);
        break;
    case 4:
        check(coax::length_prefix<std::uint32_t, std::endian::little>(), bytes, cuts, max_frame);
        break;
    case 5:
        check(coax::length_prefix<std::uint64_t>(), bytes, cuts, max_frame);
        break;
    case 6:
        check(coax::length_prefix<std::uint64_t, std::endian::little>(), bytes, cuts, max_frame);
        break;
    case 7:
        check(coax::varint_prefix(), bytes, cuts, max_frame);
        break;
    case 8:
        check(coax::delimiter("\n"), bytes, cuts, max_frame);
        break;
    case 9:
        check(coax::delimiter("\r\n"), bytes, cuts, max_frame);
        break;
    case 10:
        check(coax::delimiter("aabaaaab"), bytes, cuts, max_frame);
        break;
    case 11: {
        // A delimiter that is made of the bytes themselves.
        const std::size_t width = std::min<std::size_t>(bytes.size(), 1 + data[3] % 8U);
        if (width != 0)
            check(coax::delimiter(bytes.substr(0, width)), bytes.substr(width), cuts, max_frame);
        break;
    }
    case 12:
        check(coax::line(), bytes, cuts, max_frame);
        break;
    case 13:
        check(coax::line(coax::line_ending::crlf), bytes, cuts, max_frame);
        break;
    case 14:
        check(coax::fixed_size(1 + data[3] % 8U), bytes, cuts, max_frame);
        break;
    default:
        check(coax::octet_count(), bytes, cuts, max_frame);
        break;
    }
    return 0;
}

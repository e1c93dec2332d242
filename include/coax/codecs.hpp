/// \file
/// The usual ways to tell frames apart: lengths in front, separators behind, fixed sizes.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coax/chunk.hpp>
#include <coax/codec.hpp>
#include <coax/config.hpp>
#include <coax/stream_error.hpp>

namespace coax {
namespace detail {

/// A frame of the announced length behind a header. No length is too large to be asked about.
constexpr decoded announced_frame(std::size_t received, std::size_t header, std::uint64_t length,
                                  std::size_t max_frame) noexcept {
    if (length > max_frame || length > std::numeric_limits<std::size_t>::max() - header)
        return decoded::failed(stream_errc::frame_too_long);
    const auto size = static_cast<std::size_t>(length);
    return received - header < size ? decoded::need(header + size) : decoded::found(header, size, header + size);
}

/// Looks for a pattern in bytes that arrive bit by bit, each of them once (Knuth, Morris, Pratt: SIAM J. Comput. 6, 1977).
class COAX_API pattern_search {
public:
    /// Throws `std::invalid_argument` for an empty pattern.
    explicit pattern_search(std::string pattern);

    const std::string& pattern() const noexcept { return pattern_; }

    /// Goes on from `position`, with the `matched` bytes before it being a beginning of the pattern, until it has been found or `end` is
    /// reached; says whether it was found.
    bool advance(const std::byte* bytes, std::size_t end, std::size_t& position, std::size_t& matched) const noexcept;

private:
    std::string pattern_;
    std::vector<std::size_t> borders_; // of each beginning: the longest shorter one that it ends in
};

} // namespace detail

/// Each frame follows its length as an unsigned integer of 8, 16, 32 or 64 bits: `length_prefix<std::uint32_t>`.
///
/// The length counts the bytes behind it. One that is longer than fits is not sent: `frame_too_long`.
template <std::unsigned_integral UInt, std::endian Order = std::endian::big>
    requires((sizeof(UInt) == 1 || sizeof(UInt) == 2 || sizeof(UInt) == 4 || sizeof(UInt) == 8) &&
             !std::same_as<UInt, bool>)
class length_prefix {
public:
    /// The frame at the front; `frame_too_long` as soon as its length says so.
    constexpr decoded decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept {
        if (front.size() < width)
            return decoded::need(width);
        std::uint64_t length = 0;
        for (std::size_t index = 0; index < width; ++index)
            length |= std::uint64_t(std::to_integer<unsigned char>(front[index])) << shift(index);
        return detail::announced_frame(front.size(), width, length, max_frame);
    }
    /// The length goes in front; `frame_too_long` where it does not fit.
    constexpr encoded encode(std::span<const bytes_view>, std::size_t size) const {
        if (size > std::numeric_limits<UInt>::max())
            return encoded::failed(stream_errc::frame_too_long);
        std::byte header[width];
        for (std::size_t index = 0; index < width; ++index)
            header[index] = static_cast<std::byte>(std::uint64_t(size) >> shift(index));
        return encoded(header);
    }

private:
    static constexpr std::size_t width = sizeof(UInt);
    static constexpr std::size_t shift(std::size_t index) noexcept {
        return 8 * (Order == std::endian::big ? width - 1 - index : index);
    }
};

/// Each frame follows its length as a varint, seven bits a byte, the lowest first, as Protocol Buffers delimit messages.
///
/// A length has at most ten bytes and 64 bits, and no more bytes than it needs; otherwise it is `frame_malformed`.
/// Source: protobuf.dev, "Encoding", Base 128 Varints.
class COAX_API varint_prefix {
public:
    /// The frame at the front; `frame_too_long` as soon as its length says so, `frame_malformed` for a length that is none.
    decoded decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept;
    /// The length goes in front.
    encoded encode(std::span<const bytes_view> pieces, std::size_t size) const;
};

/// Each frame is followed by a delimiter of one byte or more, which no frame may contain and which is not delivered.
///
/// Frames with the delimiter in them are not sent, `frame_malformed`, and neither are those that would make it appear too early: `"a"` before
/// `"aa"`. The last frame needs its delimiter too. Whatever the bytes, each is looked at once.
class COAX_API delimiter {
public:
    /// Throws `std::invalid_argument` when it is empty.
    explicit delimiter(std::string bytes);

    /// The frame at the front; `frame_too_long` as soon as more than `max_frame` bytes cannot belong to a delimiter.
    decoded decode(std::span<const std::byte> front, std::size_t max_frame) noexcept;
    /// The delimiter goes behind; `frame_malformed` where it would be found too early.
    encoded encode(std::span<const bytes_view> pieces, std::size_t size) const;

private:
    detail::pattern_search search_;
    std::size_t scanned_ = 0;
    std::size_t matched_ = 0; // so many bytes of the delimiter end where it has been scanned
};

/// What ends a line that is sent.
enum class line_ending : unsigned char {
    lf,   ///< `"\n"`
    crlf, ///< `"\r\n"`
};

/// Lines, ended by LF or CRLF and delivered without it. `max_frame` does not count it.
///
/// A line with a LF in it is not sent, `frame_malformed`, and neither is one that ends in CR when lines are ended with LF: the CR would be
/// taken for part of the ending. Other CRs are bytes like any. At the end of the stream the last line may lack its ending, as in files, and
/// is delivered; a protocol in which half a line must not be taken for a whole one uses `delimiter("\n")`, for which it is
/// `frame_truncated`.
class COAX_API line {
public:
    /// Lines that are sent end in LF.
    line() noexcept = default;
    /// Lines that are sent end in this.
    explicit line(line_ending sent) noexcept : sent_(sent) {}

    /// The line at the front; `frame_too_long` as soon as more than `max_frame` bytes cannot belong to an ending.
    decoded decode(std::span<const std::byte> front, std::size_t max_frame) noexcept;
    /// The last line, which lacks its LF: all the bytes that are left.
    decoded finish(std::span<const std::byte> front, std::size_t max_frame) noexcept;
    /// The ending goes behind; `frame_malformed` for what would not come back as one line.
    encoded encode(std::span<const bytes_view> pieces, std::size_t size) const;

private:
    std::size_t scanned_ = 0;
    line_ending sent_ = line_ending::lf;
};

/// Every frame has the same size, with nothing in between. Others are not sent: `frame_malformed`.
class COAX_API fixed_size {
public:
    /// Throws `std::invalid_argument` for 0 bytes.
    explicit fixed_size(std::size_t size);

    /// The frame at the front; `frame_too_long` where `max_frame` is less than the size.
    decoded decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept {
        return detail::announced_frame(front.size(), 0, size_, max_frame);
    }
    /// Nothing goes around it; `frame_malformed` for another size.
    encoded encode(std::span<const bytes_view> pieces, std::size_t size) const noexcept;

private:
    std::size_t size_;
};

/// Each frame follows its length in decimal digits and a space, as syslog sends messages over TCP.
///
/// There is no empty frame and no leading zero: `frame_malformed`. A length is refused at the first digit that makes it too long.
/// Source: RFC 6587, section 3.4.1.
class COAX_API octet_count {
public:
    /// The frame at the front; `frame_too_long` or `frame_malformed` at the first byte that makes it so.
    decoded decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept;
    /// The length and a space go in front; `frame_malformed` for an empty frame.
    encoded encode(std::span<const bytes_view> pieces, std::size_t size) const;
};

} // namespace coax

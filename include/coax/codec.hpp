/// \file
/// Where frames begin and end in a stream of bytes: what a codec says, apart from any connection.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>

#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/stream_error.hpp>

namespace coax {

/// What a codec makes of the bytes that have been received: a frame at their front, none yet, or an error.
class [[nodiscard]] decoded {
public:
    /// No frame yet, and none before there are `total` bytes. More are waited for in any case.
    static constexpr decoded need(std::size_t total) noexcept { return {outcome::more, 0, 0, total, {}}; }
    /// A frame of `length` bytes after `offset` others. It takes up `consumed` bytes in all, at least one.
    static constexpr decoded found(std::size_t offset, std::size_t length, std::size_t consumed) noexcept {
        return {outcome::frame, offset, length, consumed, {}};
    }
    /// `frame_too_long`, `frame_malformed` or another of the stream's errors.
    static constexpr decoded failed(stream_errc why) noexcept { return {outcome::error, 0, 0, 0, why}; }

    /// Whether it is a frame: then there are `offset`, `length` and `consumed`.
    constexpr bool is_frame() const noexcept { return outcome_ == outcome::frame; }
    /// Whether it is an error: then there is `error`.
    constexpr bool is_error() const noexcept { return outcome_ == outcome::error; }
    /// Whether it is no frame yet: then there is `needed`.
    constexpr bool is_incomplete() const noexcept { return outcome_ == outcome::more; }

    /// How many bytes there must be before it is worth to look again; of no meaning for others than an incomplete one.
    constexpr std::size_t needed() const noexcept { return total_; }
    /// Where the frame begins, in bytes from the front.
    constexpr std::size_t offset() const noexcept { return offset_; }
    /// The size of the frame in bytes.
    constexpr std::size_t length() const noexcept { return length_; }
    /// How many bytes the frame takes up, with all that is around it.
    constexpr std::size_t consumed() const noexcept { return total_; }
    /// Why there is no frame; zero without an error.
    constexpr stream_errc error() const noexcept { return error_; }

    /// Whether both say the same.
    friend constexpr bool operator==(const decoded&, const decoded&) noexcept = default;

private:
    enum class outcome : unsigned char { more, frame, error };

    constexpr decoded(outcome what, std::size_t offset, std::size_t length, std::size_t total,
                      stream_errc error) noexcept
        : offset_(offset), length_(length), total_(total), error_(error), outcome_(what) {}

    std::size_t offset_;
    std::size_t length_;
    std::size_t total_;
    stream_errc error_;
    outcome outcome_;
};

/// What a codec puts around the bytes of a frame, or why it cannot make one of them.
class [[nodiscard]] encoded {
public:
    /// The longest header, in bytes.
    static constexpr std::size_t header_capacity = 32;

    /// Nothing is put around them.
    constexpr encoded() noexcept = default;
    /// The header is copied (`std::length_error` when it is too long), the trailer has to stay as it is as long as the codec lives.
    constexpr explicit encoded(std::span<const std::byte> header, bytes_view trailer = {})
        : trailer_(trailer), size_(header.size()) {
        if (size_ > header_capacity)
            throw std::length_error("coax: a frame's header is too long");
        std::ranges::copy(header, header_.begin());
    }
    /// `frame_too_long`, `frame_malformed` or another of the stream's errors.
    static constexpr encoded failed(stream_errc why) noexcept {
        encoded refused;
        refused.error_ = why;
        return refused;
    }

    /// Whether no frame can be made of the bytes; there is `error` then, and nothing else.
    constexpr bool is_error() const noexcept { return error_ != stream_errc(); }
    /// Why not; zero without an error.
    constexpr stream_errc error() const noexcept { return error_; }
    /// What goes in front; valid as long as this object.
    constexpr bytes_view header() const noexcept { return {header_.data(), size_}; }
    /// What goes behind; valid as long as the codec.
    constexpr bytes_view trailer() const noexcept { return trailer_; }

private:
    std::array<std::byte, header_capacity> header_{};
    bytes_view trailer_;
    std::size_t size_ = 0;
    stream_errc error_{};
};

/// Tells frames apart. A codec knows nothing of connections; it looks at bytes.
///
/// `decode(front, max_frame)` looks at all bytes that have been received after the last frame, at least one. Called again it sees the same
/// bytes and perhaps more behind them, so it may keep how far it got; when it gives a frame it starts afresh, for the bytes behind it.
/// What it says must not depend on how the bytes were cut when they arrived. No frame is longer than `max_frame` bytes, which is to be
/// checked against a length that is announced before anything is computed with it: it may be any number.
///
/// `encode(pieces, size)` says what goes around a frame of `size` bytes that lie in these pieces. It refuses what `decode` would not give
/// back. It leaves no trace, since not every frame is sent in the end.
///
/// A codec may have `finish(front, max_frame)`: what the last bytes are, in which `decode` found no frame, when the stream has ended.
/// Without it, and where it says that it needs more, they are `frame_truncated`.
template <class C>
concept frame_codec = std::movable<C> && requires(C& codec, const C& unchanged, std::span<const std::byte> front,
                                                  std::span<const bytes_view> pieces, std::size_t size) {
    { codec.decode(front, size) } -> std::same_as<decoded>;
    { unchanged.encode(pieces, size) } -> std::same_as<encoded>;
};

} // namespace coax

/// \file
/// Bytes that somebody else owns, as a buffered reader hands them out.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <coax/bytes_view.hpp>
#include <coax/config.hpp>

namespace coax {

/// Borrowed bytes: a view into the buffer of a stream, valid until the next read of that stream. What has to last longer is copied:
/// `std::string(line.text())`.
///
/// As a `bool` it says, as `chunk` does, whether this is *not* the end of the stream.
class [[nodiscard]] slice {
public:
    using value_type = std::byte; ///< bytes

    /// No bytes, at the end of the stream.
    constexpr slice() noexcept = default;
    /// `size` bytes, beginning at `data`; `open` is false at the end of the stream.
    constexpr slice(const std::byte* data, std::size_t size, bool open = true) noexcept
        : data_(data), size_(size), open_(open) {}
    /// The same of a span.
    constexpr explicit slice(std::span<const std::byte> bytes, bool open = true) noexcept
        : slice(bytes.data(), bytes.size(), open) {}

    /// Whether this is *not* the end of the stream. It may be empty and true.
    constexpr explicit operator bool() const noexcept { return open_; }

    /// Where the bytes are.
    constexpr const std::byte* data() const noexcept { return data_; }
    /// How many bytes there are.
    constexpr std::size_t size() const noexcept { return size_; }
    /// Whether there are none, which does not say that the stream has ended.
    constexpr bool empty() const noexcept { return size_ == 0; }
    /// The first byte.
    constexpr const std::byte* begin() const noexcept { return data_; }
    /// Behind the last byte.
    constexpr const std::byte* end() const noexcept { return data_ + size_; }
    /// The bytes as a span.
    constexpr std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

    /// The bytes as characters; valid as long as the slice.
    std::string_view text() const noexcept {
        return {static_cast<const char*>(static_cast<const void*>(data_)), size_};
    }

private:
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    bool open_ = false;
};

template <>
inline constexpr bool detail::is_borrowed<slice> = true;

} // namespace coax

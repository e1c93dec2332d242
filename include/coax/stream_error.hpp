/// \file
/// What is thrown when the bytes of a stream do not make what was asked for, and the error codes beside those of the system.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <type_traits>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>

namespace coax {

/// The reasons why bytes that arrived do not make what was asked for.
enum class stream_errc {
    incomplete_read = 1, ///< the stream ended in the middle of what was to be read
    limit_overrun,       ///< a line, or what a separator was to end, is longer than its limit
    frame_too_long,      ///< a frame is announced, or has become, longer than `max_frame`
    frame_truncated,     ///< the stream ended in the middle of a frame
    frame_malformed,     ///< these bytes are no frame of this kind
    broken_stream,       ///< an earlier call left bytes sent in part or lost, so nothing can follow them
    proxy_malformed,     ///< these bytes are no PROXY protocol header
    proxy_truncated,     ///< the stream ended in the middle of a PROXY protocol header
    proxy_untrusted,     ///< a PROXY protocol header from a peer that may not send one
};

/// The category of `stream_errc`, "coax".
COAX_API const std::error_category& stream_category() noexcept;

/// `stream_errc` as an error code of `stream_category`.
inline std::error_code make_error_code(stream_errc code) noexcept {
    return {static_cast<int>(code), stream_category()};
}

} // namespace coax

template <>
struct std::is_error_code_enum<coax::stream_errc> : std::true_type {};

namespace coax {

/// The stream ended in the middle of what was to be read. `code()` is `stream_errc::incomplete_read`.
class COAX_API incomplete_read_error : public io_error {
public:
    /// With a copy of the partial bytes; `expected` is how many were wanted, 0 where a separator was.
    incomplete_read_error(operation_name operation, const address& peer, std::span<const std::byte> partial,
                          std::size_t expected);
    ~incomplete_read_error() override;

    /// The bytes that did arrive. They have been taken out of the stream.
    const std::vector<std::byte>& partial() const noexcept { return *partial_; }
    /// How many bytes were to be read; 0 where it was to be up to a separator.
    std::size_t expected() const noexcept { return expected_; }

private:
    std::shared_ptr<const std::vector<std::byte>> partial_; // copying an exception must not throw
    std::size_t expected_;
};

/// A line, or what a separator was to end, is longer than its limit. `code()` is `stream_errc::limit_overrun`. The bytes stay in the stream.
class COAX_API limit_overrun_error : public io_error {
public:
    /// For this limit, in bytes.
    limit_overrun_error(operation_name operation, const address& peer, std::size_t limit);
    ~limit_overrun_error() override;

    /// The limit in bytes, the separator included.
    std::size_t limit() const noexcept { return limit_; }

private:
    std::size_t limit_;
};

/// A frame could not be received or sent as one. `code()` is `stream_errc::frame_too_long`, `frame_truncated`, `frame_malformed` or
/// `broken_stream`, or what else the codec says; `peer()` is the other end of the connection.
class COAX_API frame_error : public io_error {
public:
    /// Made by `framed`.
    frame_error(stream_errc code, operation_name operation, const address& peer);
    ~frame_error() override;
};

namespace detail {

/// Throws `std::logic_error`: a codec found a frame outside of its bytes, or one that takes up none.
[[noreturn]] COAX_API void throw_impossible_frame();

} // namespace detail
} // namespace coax

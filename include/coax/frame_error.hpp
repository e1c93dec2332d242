/// \file
/// What the sending and receiving of frames throws.
#pragma once

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>
#include <coax/stream_errc.hpp>

namespace coax {

/// A frame could not be received or sent as one. `code()` is `stream_errc::frame_too_long`, `frame_truncated`, `frame_malformed` or
/// `broken_stream`, or what else the codec says; `peer()` is the other end of the connection.
class COAX_API frame_error : public io_error {
public:
    /// Made by `framed`.
    frame_error(stream_errc code, operation_name operation, const address& peer);
    /// Copying throws nothing.
    frame_error(const frame_error&) noexcept = default;
    /// Copying throws nothing.
    frame_error& operator=(const frame_error&) noexcept = default;
    ~frame_error() override;
};

namespace detail {

/// Throws `std::logic_error`: a codec found a frame outside of its bytes, or one that takes up none.
[[noreturn]] COAX_API void throw_impossible_frame();

} // namespace detail
} // namespace coax

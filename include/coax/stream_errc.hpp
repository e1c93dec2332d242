/// \file
/// What can be wrong with the bytes of a stream, as error codes beside those of the system.
#pragma once

#include <system_error>
#include <type_traits>

#include <coax/config.hpp>

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

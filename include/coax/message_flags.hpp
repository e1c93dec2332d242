/// \file
/// The flags of one receive or send, as a type of their own: a number meant for a size or a timeout
/// cannot be passed for them.
#pragma once

namespace coax {

/// Flags of `recv`, `send` and their kin (POSIX recv(2), send(2)), combined with `|`.
/// A call ignores the flags that have no meaning for it. A send never raises SIGPIPE, with or without flags.
enum class message_flags : unsigned char {
    none = 0,             ///< no flag
    peek = 1 << 0,        ///< receive without taking: the next receive sees the same bytes (MSG_PEEK)
    wait_all = 1 << 1,    ///< receive until the buffer is full, the stream ends or fails (MSG_WAITALL)
    out_of_band = 1 << 2, ///< urgent data (MSG_OOB)
    dont_route = 1 << 3,  ///< send to directly connected hosts only (MSG_DONTROUTE)
    more = 1 << 4,        ///< more follows at once, small segments may be held back (MSG_MORE; a hint, Linux only)
};

/// The flags of either.
constexpr message_flags operator|(message_flags a, message_flags b) noexcept {
    return static_cast<message_flags>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// The flags that both have.
constexpr message_flags operator&(message_flags a, message_flags b) noexcept {
    return static_cast<message_flags>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}

/// Adds flags.
constexpr message_flags& operator|=(message_flags& a, message_flags b) noexcept { return a = a | b; }

/// Keeps only these flags.
constexpr message_flags& operator&=(message_flags& a, message_flags b) noexcept { return a = a & b; }

/// Whether every flag of `wanted` is in `set`.
constexpr bool contains(message_flags set, message_flags wanted) noexcept { return (set & wanted) == wanted; }

} // namespace coax

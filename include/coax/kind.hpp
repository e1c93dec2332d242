/// \file
/// The two kinds of socket.
#pragma once

namespace coax {

/// What a socket carries (POSIX socket(2), the type argument).
enum class kind : unsigned char {
    stream,   ///< an ordered, reliable stream of bytes without message borders (SOCK_STREAM)
    datagram, ///< messages, each kept whole or lost (SOCK_DGRAM)
};

} // namespace coax

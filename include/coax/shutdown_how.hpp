/// \file
/// Which direction of a connection shutdown ends.
#pragma once

namespace coax {

/// The directions that `socket::shutdown` ends (POSIX shutdown(2)).
enum class shutdown_how : unsigned char {
    read,  ///< no more receives (SHUT_RD)
    write, ///< no more sends; the peer reads the end of the stream (SHUT_WR)
    both,  ///< both directions (SHUT_RDWR)
};

} // namespace coax

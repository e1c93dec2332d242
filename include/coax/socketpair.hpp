/// \file
/// `socketpair`: two sockets that are connected to each other.
#pragma once

#include <utility>

#include <coax/config.hpp>
#include <coax/kind.hpp>
#include <coax/socket.hpp>

namespace coax {

/// Two sockets that are connected to each other.
struct socket_pair {
    /// Of two ends.
    socket_pair(socket a, socket b) noexcept : first(std::move(a)), second(std::move(b)) {}

    socket first;  ///< one end
    socket second; ///< the other end
};

/// Two connected UNIX sockets; on Windows two sockets that are connected over the loopback interface. Throws `io_error`. Source:
/// socketpair(2).
COAX_API socket_pair socketpair(coax::kind kind = coax::kind::stream);

} // namespace coax

// The state behind a socket, for the other parts of this floor.
#pragma once

#include <coax/socket.hpp>

namespace coax::detail {

struct socket_access {
    /// Null for a socket that was never opened or was moved from.
    static descriptor* state(const socket& of) noexcept { return of.state_; }
    /// Another owner of an open socket.
    static socket share(descriptor& of) noexcept;
};

} // namespace coax::detail

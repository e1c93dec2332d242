// The state behind a socket, for the other parts of this floor.
#pragma once

#include <coax/socket.hpp>

#include "backend/descriptor.hpp"

namespace coax::detail {

struct socket_access {
    /// Null for a socket that was never opened or was moved from.
    static descriptor* state(const socket& of) noexcept { return of.state_; }
    /// Another owner of an open socket.
    static socket share(descriptor& of) noexcept;
};

/// Throws where an errno value is not 0.
void check(int error, operation_name operation, const address& about = {});

/// The state of a socket that is open; throws `bad_file_descriptor` otherwise.
descriptor& opened(descriptor* state, operation_name operation);

/// The state of a socket that is open, and free or of the scheduler that runs here; throws `std::logic_error` where another thread's has it.
descriptor& owned(descriptor* state, operation_name operation);

/// Notes what other calls have to know of the options that were set by number, or before the socket came here.
void note_options(descriptor& d) noexcept;

} // namespace coax::detail

// Waiting for readiness with poll(2).
#pragma once

#include <cstddef>
#include <cstdint>

#include <coax/config.hpp>

namespace coax::os {

/// Has the layout of struct pollfd.
struct poll_entry {
    native_handle handle;
    short events;
    short happened;
};

extern const short poll_readable;
extern const short poll_writable;
/// Reported without being asked for.
extern const short poll_failed;
/// A handle that poll passes over.
inline constexpr native_handle poll_nothing = static_cast<native_handle>(-1);

/// Waits until an entry is ready, or for `timeout` nanoseconds (-1: for ever). Gives the number of ready entries: after a signal of those
/// that are ready by then, and 0 after a time-out or, a moment later, where memory was short. Minus an errno value where it is no use to
/// ask again.
int poll(poll_entry* entries, std::size_t count, std::int64_t timeout) noexcept;

} // namespace coax::os

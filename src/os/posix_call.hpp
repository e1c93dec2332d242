// What every POSIX call here has in common: it is made again when a signal interrupts it, and its error is an
// errno value in the result instead of a global. Included by src/os/posix_*.cpp only.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "os/socket.hpp"

namespace coax::os {

template <class Call>
outcome retried(Call call) noexcept {
    for (;;) {
        const auto value = call();
        if (value != -1)
            return {value, 0};
        if (errno != EINTR)
            return {-1, errno};
    }
}

/// For calls that never block, so that no signal interrupts them.
inline int error_of(int result) noexcept { return result == -1 ? errno : 0; }

/// An error that the system reports as a value is an errno value already.
inline int errno_of(int native) noexcept { return native; }

} // namespace coax::os

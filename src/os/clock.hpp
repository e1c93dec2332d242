// The monotonic clock.
#pragma once

#include <cstdint>

namespace coax::os {

/// Nanoseconds since some point in the past.
std::int64_t monotonic_now() noexcept;

} // namespace coax::os

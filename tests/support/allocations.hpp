// Counts what the program allocates.
#pragma once

#include <cstddef>

namespace support {

/// Calls of `operator new` so far, on any thread.
std::size_t allocations() noexcept;

} // namespace support

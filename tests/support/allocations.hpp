// Counts what the program allocates, and lets allocations fail.
#pragma once

#include <cstddef>

namespace support {

/// Calls of `operator new` so far, on any thread.
std::size_t allocations() noexcept;

/// What the heap holds in use now, in bytes, where the C library tells; else 0.
std::size_t held_bytes() noexcept;

/// While it lives, the `number`th call of `operator new` from now on, on any thread, throws `std::bad_alloc`.
class failing_allocation {
public:
    explicit failing_allocation(long number) noexcept;
    failing_allocation(const failing_allocation&) = delete;
    failing_allocation& operator=(const failing_allocation&) = delete;
    ~failing_allocation();

    /// Whether it has come to that.
    bool has_failed() const noexcept;
};

/// Lets this thread run out of memory: after so many allocations that still succeed, so many fail.
void fail_allocations(std::size_t after, std::size_t how_many) noexcept;
/// How many of them have not been asked for yet.
std::size_t failures_left() noexcept;

} // namespace support

/// \file
/// What a cancelled operation throws.
#pragma once

#include <cstddef>

#include <coax/config.hpp>

namespace coax {

/// Thrown at a checkpoint (I/O, sleep, yield, a wait) whose scope has been cancelled.
///
/// It derives from no standard exception, so that a loop which catches `std::exception` cannot swallow it. Let it
/// pass: the scope that was cancelled absorbs it. Cancellation is level-triggered: every later checkpoint in the same
/// scope throws it again.
class COAX_API cancelled {
public:
    /// Nothing went out.
    cancelled() noexcept = default;
    /// So many bytes went out before.
    explicit cancelled(std::size_t transferred) noexcept : transferred_(transferred) {}
    /// Copying throws nothing.
    cancelled(const cancelled&) noexcept = default;
    /// Copying throws nothing.
    cancelled& operator=(const cancelled&) noexcept = default;
    virtual ~cancelled();

    /// Bytes that went out before the cancellation; other than zero only for `sendall` and what is built on it.
    std::size_t transferred() const noexcept { return transferred_; }

private:
    std::size_t transferred_ = 0;
};

} // namespace coax

/// \file
/// What a cancelled operation throws.
#pragma once

#include <cstddef>
#include <utility>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>

namespace coax {

/// Thrown at a checkpoint (I/O, sleep, yield, a wait) whose scope has been cancelled.
///
/// It derives from no standard exception, so that a loop which catches `std::exception` cannot swallow it. Let it
/// pass: the scope that was cancelled absorbs it. Cancellation is level-triggered: every later checkpoint in the same
/// scope throws it again.
class COAX_API cancelled {
public:
    /// Of no operation that is known; nothing went out.
    cancelled() noexcept : cancelled(failure(failure::cause::cancelled, operation_name::none)) {}
    /// So many bytes went out before.
    explicit cancelled(std::size_t transferred) noexcept
        : cancelled(failure(failure::cause::cancelled, operation_name::none, transferred)) {}
    /// Of the operation that was cut short.
    explicit cancelled(failure reason) noexcept : reason_(std::move(reason)) {}
    virtual ~cancelled();

    /// What was cut short; `operation_name::none` where that is not known.
    operation_name operation() const noexcept { return reason_.operation(); }
    /// The other end of what was cut short; unnamed where none is known.
    const address& peer() const noexcept { return reason_.peer(); }
    /// Bytes that went out before the cancellation; other than zero only for `sendall` and what is built on it. For `sendto` of a batch, its
    /// entries.
    std::size_t transferred() const noexcept { return reason_.transferred(); }
    /// The same as a value.
    const failure& reason() const noexcept { return reason_; }

private:
    failure reason_;
};

} // namespace coax

// One io_uring: made, probed, enabled, entered. Source: io_uring_setup(2), io_uring_enter(2).
#pragma once

#include <cstdint>
#include <vector>

#include <liburing.h>

namespace coax::backend {

/// A ring with deferred task work and a single issuer (Linux 6.1). It is made disabled, so that it belongs to the thread that enables it
/// and not to the one that made it.
class ring {
public:
    /// Makes the ring smaller where memory is short. Throws `std::system_error` naming the call that was refused.
    ring(unsigned depth, unsigned completions);
    ~ring();
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;

    /// On the thread that will use it. 0 or an errno value.
    int enable() noexcept;

    /// An empty submission. When the queue is full what is in it is handed to the kernel first.
    io_uring_sqe& next() noexcept;

    /// Hands all submissions to the kernel.
    void submit() noexcept;
    /// The same, and waits for a completion, or for `timeout` nanoseconds (0: not at all, -1: for ever). One system call, or none if there
    /// is nothing to do.
    void submit_and_wait(std::int64_t timeout) noexcept;

    /// Whether completions are there, or the kernel has some that a look would fetch. A hint: it says nothing of what is to be submitted.
    bool has_completions() const noexcept;
    /// Takes the oldest completion; false when there is none.
    bool take(io_uring_cqe& completion) noexcept;

    io_uring* native() noexcept { return &ring_; }
    std::uint64_t enters() const noexcept { return enters_; }

private:
    /// Takes completions out, as far as there is memory to keep them in; false: not one.
    bool stash_completions() noexcept;

    io_uring ring_{};
    std::uint64_t enters_ = 0;
    unsigned refusals_in_a_row_ = 0; // of waits, where there was nothing to submit
    // Completions taken out early, to make room while submissions were refused.
    std::vector<io_uring_cqe> stash_;
    std::size_t stash_head_ = 0;
};

} // namespace coax::backend

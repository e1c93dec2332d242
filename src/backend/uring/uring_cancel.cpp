// Asking operations to end. Only the operation's own completion ends it; the answer to the request says nothing that matters.
#include <algorithm>
#include <cerrno>
#include <new>

#include "backend/uring/uring_backend.hpp"
#include "backend/uring/uring_state.hpp"

namespace coax::backend {

void uring_backend::cancel_by_key(std::uint64_t target, tag answer) noexcept {
    io_uring_sqe& sqe = ring_.next();
    ::io_uring_prep_cancel64(&sqe, target, 0);
    sqe.flags = static_cast<__u8>(sqe.flags | IOSQE_CQE_SKIP_SUCCESS);
    ::io_uring_sqe_set_data64(&sqe, static_cast<std::uint64_t>(answer));
}

void uring_backend::cancel(operation& op) noexcept {
    if (submission_of(op).stop_asked)
        return;
    submission_of(op).stop_asked = true;
    // Submissions keep their order: the kernel has begun the operation when it reads this.
    note_stopping(op);
    cancel_by_key(key_of(op), tag::cancel);
}

bool uring_backend::interrupt(operation& op) noexcept {
    if (!submission_of(op).in_kernel)
        return false;
    cancel_by_key(key_of(op), tag::ignored);
    return true;
}

void uring_backend::note_stopping(operation& op) noexcept {
    try {
        op.slot_in_list = static_cast<std::uint32_t>(stopping_.size());
        stopping_.push_back(&op);
    } catch (const std::bad_alloc&) {
        submission_of(op).stop_asked = false; // it can be asked again
    }
}

void uring_backend::forget_stopping(operation& op) noexcept {
    stopping_[op.slot_in_list] = stopping_.back();
    stopping_[op.slot_in_list]->slot_in_list = op.slot_in_list;
    stopping_.pop_back();
    submission_of(op).stop_asked = false;
}

/// While an operation is on its way to a worker thread of the kernel a cancellation does not find it, or finds it too late to keep
/// the worker from going to sleep in it. What is still here after such a miss is asked again, less and less often. Gives the time
/// until then in nanoseconds, or -1.
std::int64_t uring_backend::ask_again() noexcept {
    constexpr std::int64_t shortest = 1'000'000; // nanoseconds
    constexpr std::int64_t longest = 64'000'000; // nanoseconds
    if (stopping_.empty()) {
        cancel_missed_ = false;
        ask_interval_ = 0;
        return -1;
    }
    const std::int64_t time = now();
    if (ask_interval_ == 0) {
        ask_interval_ = shortest;
    } else if (time < ask_again_at_) {
        return ask_again_at_ - time;
    } else {
        ask_interval_ = std::min(ask_interval_ * 2, longest);
    }
    ask_again_at_ = time + ask_interval_;
    for (const operation* op : stopping_)
        cancel_by_key(key_of(*op), tag::cancel);
    return ask_interval_;
}

} // namespace coax::backend

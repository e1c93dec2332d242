#include "backend/uring/ring.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace coax::backend {
namespace {

constexpr unsigned smallest_depth = 8;
// The kernel looks for what is to be cancelled in a table that is a 32nd as large as the completion queue is long: some ten nanoseconds
// for each 32 operations that are pending. A longer queue makes the ring dearer: 50 microseconds at 4096.
constexpr unsigned usual_completions = 1024;

/// Errors that go by: completions make room, memory comes back, the wait is begun again.
bool is_passing(int error) noexcept {
    return error == EBUSY || error == EAGAIN || error == EINTR || error == ETIME || error == ENOMEM;
}

/// Nothing can be completed and nothing be cancelled any more, so there is no way on and none back.
[[noreturn]] void give_up(int error) noexcept {
    std::fprintf(stderr, "coax: io_uring_enter: %s; the scheduler cannot go on\n", std::strerror(error));
    std::abort();
}

/// Longer with each refusal, up to 8 milliseconds.
void pause(unsigned refusals) noexcept {
    const timespec time{0, 31'250L << std::min(refusals, 8U)};
    ::nanosleep(&time, nullptr);
}

[[noreturn]] void refuse(int error, const char* call) { throw std::system_error(error, std::system_category(), call); }

} // namespace

ring::ring(unsigned depth, unsigned completions) {
    if (completions == 0)
        completions = std::max(usual_completions, depth);
    for (;; depth /= 2, completions /= 2) {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_TASKRUN_FLAG |
                           IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
        parameters.cq_entries = std::max(completions, depth);
        const int error = -::io_uring_queue_init_params(depth, &ring_, &parameters);
        if (error == 0)
            break;
        if (error != ENOMEM || depth <= smallest_depth)
            refuse(error, "io_uring_setup");
    }
    // A filter may forbid only the other calls. A disabled ring answers EBADFD to an enter that gets through.
    if (::syscall(__NR_io_uring_enter, ring_.ring_fd, 0U, 0U, 0U, nullptr, 0U) < 0 && errno != EBADFD) {
        const int error = errno;
        ::io_uring_queue_exit(&ring_);
        refuse(error, "io_uring_enter");
    }
    if ((ring_.features & IORING_FEAT_EXT_ARG) == 0 || (ring_.features & IORING_FEAT_NODROP) == 0) {
        ::io_uring_queue_exit(&ring_);
        refuse(ENOTSUP, "io_uring features");
    }
}

ring::~ring() { ::io_uring_queue_exit(&ring_); }

int ring::enable() noexcept {
    // The system call itself: liburing 2.3's shared library does not export io_uring_enable_rings.
    if (::syscall(__NR_io_uring_register, ring_.ring_fd, static_cast<unsigned>(IORING_REGISTER_ENABLE_RINGS), nullptr,
                  0U) < 0)
        return errno;
    ::io_uring_register_ring_fd(&ring_); // saves a look-up per enter; nothing is lost without it
    return 0;
}

io_uring_sqe& ring::next() noexcept {
    for (;;) {
        if (io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_))
            return *sqe;
        submit();
    }
}

void ring::submit() noexcept {
    unsigned refusals = 0; // in a row, without anything that would make room
    while (::io_uring_sq_ready(&ring_) != 0) {
        ++enters_;
        const int submitted = ::io_uring_submit(&ring_);
        if (submitted >= 0)
            continue;
        if (!is_passing(-submitted))
            give_up(-submitted);
        if (submitted == -EINTR)
            continue;
        ::io_uring_get_events(&ring_);
        // Completions make room. Where none came, what lacks is memory, for this thread or for the kernel.
        if (!stash_completions())
            pause(refusals++);
    }
}

void ring::submit_and_wait(std::int64_t timeout) noexcept {
    const bool unsubmitted = ::io_uring_sq_ready(&ring_) != 0;
    if (stash_head_ != stash_.size() || ::io_uring_cq_ready(&ring_) != 0)
        timeout = 0;
    int result;
    if (timeout == 0) {
        const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
        if (!unsubmitted && (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0)
            return;
        ++enters_;
        result = ::io_uring_submit_and_get_events(&ring_);
    } else if (timeout < 0) {
        ++enters_;
        result = ::io_uring_submit_and_wait(&ring_, 1);
    } else {
        ++enters_;
        __kernel_timespec limit{timeout / 1'000'000'000, timeout % 1'000'000'000};
        io_uring_cqe* unused = nullptr;
        result = ::io_uring_submit_and_wait_timeout(&ring_, &unused, 1, &limit, nullptr);
    }
    // A signal may come long after something has arrived, when the process was stopped, and the loop looks at the clock next. liburing
    // does not always tell that the wait was interrupted; the kernel tells that there is work.
    if (::io_uring_cq_ready(&ring_) == 0 && (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_TASKRUN) != 0) {
        ++enters_;
        result = ::io_uring_submit_and_get_events(&ring_);
    }
    if (result >= 0) {
        refusals_in_a_row_ = 0;
        return;
    }
    if (!is_passing(-result))
        give_up(-result);
    if (result != -EBUSY && result != -EAGAIN && result != -ENOMEM)
        return;
    if (::io_uring_sq_ready(&ring_) != 0)
        submit();
    else if (::io_uring_cq_ready(&ring_) == 0)
        pause(refusals_in_a_row_ < 8 ? refusals_in_a_row_++ : 8U);
}

bool ring::has_completions() const noexcept {
    return stash_head_ != stash_.size() || ::io_uring_cq_ready(&ring_) != 0 ||
           (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool ring::stash_completions() noexcept {
    bool any = false;
    io_uring_cqe* completion = nullptr;
    while (::io_uring_peek_cqe(&ring_, &completion) == 0) {
        try {
            stash_.push_back(*completion);
        } catch (const std::bad_alloc&) {
            break; // it stays where it is
        }
        ::io_uring_cqe_seen(&ring_, completion);
        any = true;
    }
    return any;
}

bool ring::take(io_uring_cqe& completion) noexcept {
    if (stash_head_ != stash_.size()) {
        completion = stash_[stash_head_];
        if (++stash_head_ == stash_.size()) {
            stash_.clear();
            stash_head_ = 0;
        }
        return true;
    }
    const unsigned head = *ring_.cq.khead;
    if (head == io_uring_smp_load_acquire(ring_.cq.ktail))
        return false;
    completion = ring_.cq.cqes[head & *ring_.cq.kring_mask];
    ::io_uring_cq_advance(&ring_, 1);
    return true;
}

} // namespace coax::backend

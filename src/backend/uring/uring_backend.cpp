// The ring's part of a turn: submitting, waiting, and handing completions to their operations.
#include "backend/uring/uring_backend.hpp"

#include <cassert>
#include <utility>

#include <poll.h>

#include "backend/uring/uring_state.hpp"
#include "os/socket.hpp"

namespace coax::backend {

uring_backend::uring_backend(const settings& wanted)
    : backend(wanted.system, buffer_pool::make(wanted.buffer_count, wanted.buffer_size)),
      ring_(wanted.queue_depth, wanted.completion_depth), buffers_(ring_.native(), pool()) {}

uring_backend::~uring_backend() = default;

std::uint64_t uring_backend::key_of(const operation& op) noexcept {
    const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&op));
    assert(address >> generation_shift == 0);
    return address | static_cast<std::uint64_t>(submission_of(op).generation) << generation_shift |
           static_cast<std::uint64_t>(tag::operation);
}

void uring_backend::do_wait(std::int64_t timeout) noexcept {
    pool().collect();
    if (!wake_armed_) {
        io_uring_sqe& sqe = ring_.next();
        ::io_uring_prep_poll_multishot(&sqe, wake_.readable_handle(), POLLIN);
        ::io_uring_sqe_set_data64(&sqe, static_cast<std::uint64_t>(tag::wake));
        wake_armed_ = true;
    }
    if (cancel_missed_) {
        const std::int64_t next = ask_again();
        if (next >= 0 && (timeout < 0 || timeout > next))
            timeout = next;
    }
    quiet_ = timeout != 0 && !ring_.has_completions();
    ring_.submit_and_wait(timeout);
    waits_ = ring_.enters();
}

void uring_backend::do_collect() noexcept {
    io_uring_cqe completion;
    const bool waited = std::exchange(quiet_, false); // what goes on meanwhile is submitted
    unsigned count = 0;
    for (; ring_.take(completion); ++count) {
        const auto what = static_cast<tag>(completion.user_data & tag_mask);
        constexpr std::uint64_t address_mask = (std::uint64_t{1} << generation_shift) - 1 - tag_mask;
        void* target = reinterpret_cast<void*>(static_cast<std::uintptr_t>(completion.user_data & address_mask));
        switch (what) {
        case tag::operation:
            assert(completion.user_data == key_of(*static_cast<operation*>(target)));
            complete(*static_cast<operation*>(target), completion.res, completion.flags);
            break;
        case tag::ignored:
            break;
        case tag::cancel:
            // Only failures come here. Mostly the target has just ended by itself.
            cancel_missed_ = true;
            break;
        case tag::wake:
            wake_.drain();
            if ((completion.flags & IORING_CQE_F_MORE) == 0)
                wake_armed_ = false;
            break;
        }
    }
    quiet_ = waited && count <= 1;
}

void uring_backend::do_detach(descriptor& d) noexcept {
    constexpr std::int64_t interval = 1'000'000; // nanoseconds
    constexpr int patience = 100;                // waits that ended without the last completion
    if (uring_of(d).in_kernel == 0)
        return;
    quiet_ = false;
    // close(2) alone would leave them running and the socket open. Each is asked for by its key: looking for a descriptor, the kernel would
    // go through everything that is pending on the ring.
    std::int64_t asked = now() - interval;
    for (int waits = 0; uring_of(d).in_kernel != 0; ++waits) {
        const std::int64_t time = now();
        if (time - asked >= interval) {
            asked = time;
            for (operation_queue* queue : {&d.reading, &d.writing})
                if (operation* op = queue->first(); op != nullptr && submission_of(*op).in_kernel)
                    cancel_by_key(key_of(*op), tag::ignored);
        }
        // Whatever keeps a worker thread of the kernel inside the call, this gets it out.
        if (waits >= patience)
            os::shutdown(d.handle, shutdown_how::both);
        ring_.submit_and_wait(interval);
        do_collect();
    }
}

void uring_backend::input_ended(descriptor& d) noexcept {
    // The kernel wakes those who wait to receive from a stream, and leaves those alone who wait for a datagram.
    if (operation* op = d.reading.first(); op != nullptr && d.kind == kind::datagram)
        interrupt(*op);
}

} // namespace coax::backend

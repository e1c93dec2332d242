// Accepting: one multishot accept per listener serves every `accept` that waits. It is armed while somebody waits and taken back at the end
// of a turn in which nobody does; connections that arrive in between are kept for the next `accept`. A listener that is to take no
// surplus (`accept_single`) has a submission for each.

#include <cerrno>

#include <sys/socket.h>

#include "backend/attempt.hpp"
#include "backend/operation_table.hpp"
#include "backend/uring/uring_state.hpp"
#include "backend/uring/uring_backend.hpp"
#include "os/socket.hpp"

namespace coax::backend {

using detail::addressed_operation;

bool uring_backend::start_accept(operation& op) noexcept {
    descriptor& d = *op.target;
    if (!d.accept_single) {
        arm_accept(d);
        return false;
    }
    // What is armed may be a multishot of somebody who accepted before.
    if (uring_of(d).accept_armed) {
        end_accept(d);
        return false;
    }
    // A single one per turn would be slow where many wait: these are taken by direct calls, and the ring waits for the next one.
    if (attempt(op, pool()) == progress::ended)
        return true;
    arm_accept(d);
    return false;
}

void uring_backend::arm_accept(descriptor& d) noexcept {
    // One that has been asked to end is armed again when its end arrives.
    if (uring_of(d).accept_armed)
        return;
    io_uring_sqe& sqe = ring_.next();
    // No address: all completions would write to the same place.
    if (d.accept_single)
        ::io_uring_prep_accept(&sqe, d.handle, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    else
        ::io_uring_prep_multishot_accept(&sqe, d.handle, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ::io_uring_sqe_set_data64(&sqe, key_of(d));
    uring_of(d).accept_armed = true;
    uring_of(d).accept_ending = false;
    ++uring_of(d).in_kernel;
    d.retain();
}

void uring_backend::accept_completed(descriptor& d, int result, unsigned flags) noexcept {
    const bool ended = (flags & IORING_CQE_F_MORE) == 0;
    if (ended) {
        uring_of(d).accept_armed = false;
        uring_of(d).accept_ending = false;
        --uring_of(d).in_kernel;
    }
    operation* op = d.closing ? nullptr : d.reading.first();
    if (result >= 0) {
        if (op != nullptr) {
            op->transferred = static_cast<std::size_t>(result);
            os::getpeername(result, static_cast<addressed_operation*>(op)->peer);
            done(*op);
        } else {
            try {
                d.keep(result, d.next_order());
            } catch (const std::bad_alloc&) {
                os::close(result);
            }
        }
    } else if (op != nullptr && result != -ECANCELED && result != -EINTR && result != -EAGAIN &&
               !os::is_stale_connection(-result)) {
        op->error = -result;
        done(*op);
    }
    if (!d.closing) {
        if (!d.reading.empty())
            arm_accept(d);
        else
            note_idle_accept(d);
    }
    if (ended)
        d.release();
}

void uring_backend::note_idle_accept(descriptor& d) noexcept {
    if (!uring_of(d).accept_armed || uring_of(d).accept_listed)
        return;
    try {
        idle_accepts_.push_back(&d);
        uring_of(d).accept_listed = true;
    } catch (const std::bad_alloc&) {
        // It stays armed a while longer; the next connection comes here again.
    }
}

void uring_backend::forget_idle_accept(descriptor& d) noexcept {
    if (uring_of(d).accept_listed)
        std::erase(idle_accepts_, &d);
    uring_of(d).accept_listed = false;
}

void uring_backend::disarm_idle_accepts() noexcept {
    for (descriptor* d : idle_accepts_) {
        uring_of(*d).accept_listed = false;
        if (uring_of(*d).accept_armed && d->reading.empty())
            end_accept(*d);
    }
    idle_accepts_.clear();
}

void uring_backend::end_accept(descriptor& d) noexcept {
    if (uring_of(d).accept_ending)
        return;
    uring_of(d).accept_ending = true;
    cancel_by_user_data(key_of(d), static_cast<std::uint64_t>(tag::ignored));
}

} // namespace coax::backend

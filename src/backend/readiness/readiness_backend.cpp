#include "backend/readiness/readiness_backend.hpp"

#include <algorithm>
#include <cerrno>

#include "backend/attempt.hpp"
#include "build_config.hpp"
#include "os/clock.hpp"

namespace coax::backend {
namespace {

constexpr std::int64_t retry_interval = 2'000'000; // nanoseconds

std::unique_ptr<poller> make_poller(backend_kind which, os::wake_event& wake) {
#if defined(COAX_HAVE_EPOLL)
    if (which == backend_kind::epoll)
        return make_epoll_poller(wake);
#endif
    (void)which;
    return make_poll_poller(wake);
}

/// Whether it waits for room in the queue of another UNIX socket, of which the system reports nothing.
bool waits_for_a_peers_queue(const operation& op) noexcept {
    return op.target->family == family::local && (op.code == opcode::connect || op.code == opcode::sendto);
}

} // namespace

readiness_backend::readiness_backend(backend_kind which, const settings& wanted)
    : backend(buffer_pool::make(wanted.buffer_count, wanted.buffer_size)), kind_(which),
      poller_(make_poller(which, wake_)) {}

std::int64_t readiness_backend::now() noexcept { return os::monotonic_now(); }

bool readiness_backend::start(operation& op) noexcept {
    descriptor& d = *op.target;
    const bool reads = &d.queue_of(op.code) == &d.reading;
    bool& is_ready = reads ? d.readable : d.writable;
    op.in_kernel = false;
    // A connection attempt causes readiness, and urgent data have nothing to do with it.
    if (is_ready || op.code == opcode::connect || waits_for_a_peers_queue(op) ||
        contains(op.flags, message_flags::out_of_band)) {
        if (attempt(op, pool()))
            return true;
        is_ready = false;
        if (!note_unready(op))
            return true;
    }
    poller_->update(d);
    return false;
}

/// After an attempt that would have blocked. False: there is no memory, and the operation has ended.
bool readiness_backend::note_unready(operation& op) noexcept {
    if (op.target->stalled || op.in_kernel || !waits_for_a_peers_queue(op))
        return true;
    try {
        unready_.push_back(&op);
        op.target->stalled = true;
        return true;
    } catch (const std::bad_alloc&) {
        op.error = ENOMEM;
        return false;
    }
}

void readiness_backend::forget_unready(operation& op) noexcept {
    if (!op.target->stalled || op.target->writing.first() != &op)
        return;
    std::erase(unready_, &op);
    op.target->stalled = false;
    op.target->writable = true; // what was reported in the meantime was passed over
}

void readiness_backend::cancel(operation& op) noexcept {
    forget_unready(op);
    op.error = gathered(op) ? 0 : ECANCELED;
    descriptor& d = *op.target;
    done(op);
    poller_->update(d);
}

void readiness_backend::do_detach(descriptor& d) noexcept {
    for (operation_queue* queue : {&d.reading, &d.writing})
        if (operation* op = queue->first())
            cancel(*op);
    poller_->remove(d);
}

void readiness_backend::try_head(operation_queue& queue, bool& is_ready) noexcept {
    is_ready = true;
    operation* op = queue.first();
    if (op == nullptr)
        return;
    if (op->code == opcode::connect && op->in_kernel ? finish_connect(*op) : attempt(*op, pool())) {
        forget_unready(*op);
        done(*op);
    } else {
        is_ready = false;
        if (!note_unready(*op))
            done(*op);
    }
}

void readiness_backend::ready(descriptor& d, bool readable, bool writable) noexcept {
    if (readable)
        try_head(d.reading, d.readable);
    // One that waits for its peer's queue is tried by the clock: every failed try of it is reported as room to write again.
    if (writable && !d.stalled)
        try_head(d.writing, d.writable);
    poller_->update(d);
}

void readiness_backend::retry_unready() noexcept {
    for (std::size_t i = unready_.size(); i-- > 0;) {
        descriptor& d = *unready_[i]->target;
        try_head(d.writing, d.writable);
        poller_->update(d);
        i = std::min(i, unready_.size());
    }
}

void readiness_backend::wait(std::int64_t timeout) noexcept {
    ++waits_;
    if (!unready_.empty() && (timeout < 0 || timeout > retry_interval))
        timeout = retry_interval;
    poller_->wait(timeout);
}

void readiness_backend::collect() noexcept {
    poller_->report(*this);
    if (!unready_.empty())
        retry_unready();
}

} // namespace coax::backend

#include "backend/readiness/readiness_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "backend/attempt.hpp"
#include "backend/operation_table.hpp"
#include "backend/readiness/readiness_state.hpp"
#include "build_config.hpp"
#include "os/clock.hpp"

namespace coax::backend {
namespace {

// Nanoseconds from one try to the next, while nothing succeeds.
constexpr std::int64_t first_retry_interval = 50'000;
constexpr std::int64_t longest_retry_interval = 32'000'000;

std::unique_ptr<poller> make_poller(backend_kind which, os::wake_event& wake) {
#if defined(COAX_HAVE_EPOLL)
    if (which == backend_kind::epoll)
        return make_epoll_poller(wake);
#endif
    (void)which;
    return make_poll_poller(wake);
}

/// No readiness will be reported any more, and nobody who waits can be told: there is no way on.
[[noreturn]] void give_up(backend_kind which, int error) noexcept {
    std::fprintf(stderr, "coax: waiting with %s: %s; the scheduler cannot go on\n",
                 which == backend_kind::epoll ? "epoll" : "poll", std::strerror(error));
    std::abort();
}

} // namespace

readiness_backend::readiness_backend(backend_kind which, const settings& wanted)
    : backend(buffer_pool::make(wanted.buffer_count, wanted.buffer_size)), kind_(which),
      poller_(make_poller(which, wake_)) {}

std::int64_t readiness_backend::now() noexcept { return os::monotonic_now(); }

bool readiness_backend::start(operation& op) noexcept {
    descriptor& d = *op.target;
    bool& unready = reads(op) ? readiness_of(d).unreadable : readiness_of(d).unwritable;
    // A connection attempt causes readiness, and urgent data have nothing to do with it.
    if (!unready || op.code == opcode::connect || waits_by_the_clock(op) ||
        contains(op.flags, message_flags::out_of_band)) {
        if (try_once(op))
            return true;
        unready = true;
        if (!note_unready(op))
            return true;
    }
    poller_->update(d);
    return false;
}

bool readiness_backend::try_once(operation& op) noexcept {
    bool& connecting = noted<attempt_state>(op).connecting;
    if (connecting)
        return finish_connect(op);
    const progress made = attempt(op, pool());
    connecting = made == progress::connecting;
    return made == progress::ended;
}

/// After an attempt that would have blocked. False: there is no memory, and the operation has ended.
bool readiness_backend::note_unready(operation& op) noexcept {
    if (readiness_of(*op.target).stalled || noted<attempt_state>(op).connecting || !waits_by_the_clock(op))
        return true;
    try {
        unready_.push_back(&op);
        readiness_of(*op.target).stalled = true;
        retry_interval_ = first_retry_interval;
        retry_at_ = std::min(retry_at_, now() + retry_interval_);
        return true;
    } catch (const std::bad_alloc&) {
        op.error = ENOMEM;
        return false;
    }
}

void readiness_backend::forget_unready(operation& op) noexcept {
    if (!readiness_of(*op.target).stalled || op.target->writing.first() != &op)
        return;
    std::erase(unready_, &op);
    retry_interval_ = first_retry_interval;
    if (unready_.empty())
        retry_at_ = never;
    readiness_of(*op.target).stalled = false;
    readiness_of(*op.target).unwritable = false; // what was reported in the meantime was passed over
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

void readiness_backend::try_head(operation_queue& queue, bool& unready) noexcept {
    unready = false;
    operation* op = queue.first();
    if (op == nullptr)
        return;
    if (try_once(*op)) {
        forget_unready(*op);
        done(*op);
    } else {
        unready = true;
        if (!note_unready(*op))
            done(*op);
    }
}

void readiness_backend::ready(descriptor& d, bool readable, bool writable) noexcept {
    readiness_state& state = readiness_of(d);
    if (readable)
        try_head(d.reading, state.unreadable);
    // One that waits for its peer's queue is tried by the clock: every failed try of it is reported as room to write again.
    if (writable && !state.stalled)
        try_head(d.writing, state.unwritable);
    poller_->update(d);
}

// Only by the clock: a failed try raises an edge at its own socket, so a try at every collection would be followed by the next one at once.
void readiness_backend::retry_unready() noexcept {
    retry_interval_ = std::min(2 * retry_interval_, longest_retry_interval);
    retry_at_ = never;
    for (std::size_t i = unready_.size(); i-- > 0;) {
        descriptor& d = *unready_[i]->target;
        try_head(d.writing, readiness_of(d).unwritable);
        poller_->update(d);
        i = std::min(i, unready_.size());
    }
    if (!unready_.empty())
        retry_at_ = std::min(retry_at_, now() + retry_interval_);
}

void readiness_backend::wait(std::int64_t timeout) noexcept {
    ++waits_;
    if (!unready_.empty()) {
        const std::int64_t left = std::max<std::int64_t>(retry_at_ - now(), 0);
        timeout = timeout < 0 ? left : std::min(timeout, left);
    }
    if (const int error = poller_->wait(timeout))
        give_up(kind_, error);
}

void readiness_backend::collect() noexcept {
    poller_->report(*this);
    if (!unready_.empty() && now() >= retry_at_)
        retry_unready();
}

} // namespace coax::backend

#include "backend/readiness/readiness_backend.hpp"

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

/// Whether the operation waits for something that is not going to be reported; a connection that goes on by itself is.
bool is_clocked(const operation& op) noexcept { return waits_by_the_clock(op) && !noted<attempt_state>(op).connecting; }

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
        if (!is_clocked(op))
            unready = true;
        else if (!try_by_the_clock(op))
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

void readiness_backend::cancel(operation& op) noexcept {
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
    // One that waits for its peer's queue is tried by the clock: every failed try of it is reported as room to write again.
    if (op == nullptr || op->clocked)
        return;
    if (try_once(*op)) {
        done(*op);
    } else if (!is_clocked(*op)) {
        unready = true;
    } else if (!try_by_the_clock(*op)) {
        done(*op);
    }
}

void readiness_backend::ready(descriptor& d, bool readable, bool writable) noexcept {
    readiness_state& state = readiness_of(d);
    if (readable)
        try_head(d.reading, state.unreadable);
    if (writable)
        try_head(d.writing, state.unwritable);
    poller_->update(d);
}

void readiness_backend::do_wait(std::int64_t timeout) noexcept {
    ++waits_;
    if (const int error = poller_->wait(timeout))
        give_up(kind_, error);
}

void readiness_backend::do_collect() noexcept { poller_->report(*this); }

} // namespace coax::backend

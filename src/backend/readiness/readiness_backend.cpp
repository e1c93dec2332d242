#include "backend/readiness/readiness_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "backend/attempt.hpp"
#include "backend/batch.hpp"
#include "backend/operation_table.hpp"
#include "backend/readiness/readiness_state.hpp"
#include "build_config.hpp"
#include "os/socket.hpp"

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

/// Whether a receive has given less than was asked for.
bool was_short(const operation& op) noexcept {
    if (op.target->kind == kind::datagram)
        return took_all(op);
    return op.transferred < std::min(op.buffer.size, step_limit) && op.transferred != 0 && op.error == 0 &&
           (op.code == opcode::recv || op.code == opcode::recv_pooled) && !fills_buffer(op) &&
           !contains(op.flags, message_flags::peek);
}

short_receive what_short_tells(const descriptor& d) noexcept {
    return d.kind == kind::datagram || (d.family != family::local && os::is_tcp(d.handle))
               ? short_receive::socket_is_empty
               : short_receive::nothing;
}

/// Whether a short receive is as good as one more that would have blocked, and saves it: half of all receives of a server.
///
/// TCP gives all that it has, up to what was asked for. With epoll, which reports changes only, it must also be certain that whatever
/// comes after the receive is reported. Data are: they arrive at an empty queue after the receive, even if before the note of it, and the
/// report is not looked at before the loop's next collection, in which it undoes the note. The same goes for an end, an error or urgent data
/// that come after the last report. One that was reported before makes no other change, and a receive stops short of it while there is more to
/// be had; so from such a report on, and once urgent data were asked for, a short receive tells nothing. Receives from UNIX
/// sockets and SCTP stop where a message ends. A batch with room left has found no further datagram.
bool empty_when_short(descriptor& d) noexcept {
    short_receive& tells = readiness_of(d).when_short;
    if (tells == short_receive::unknown) [[unlikely]]
        tells = what_short_tells(d);
    return tells == short_receive::socket_is_empty && !d.input_ended && !d.urgent_asked;
}

} // namespace

readiness_backend::readiness_backend(backend_kind which, const settings& wanted)
    : backend(wanted.system, buffer_pool::make(wanted.buffer_count, wanted.buffer_size)), kind_(which),
      poller_(make_poller(which, wake_)) {}

bool readiness_backend::start(operation& op) noexcept {
    descriptor& d = *op.target;
    readiness_state& state = readiness_of(d);
    bool& unready = reads(op) ? state.unreadable : state.unwritable;
    // A connection attempt causes readiness, and urgent data have nothing to do with it. Of a socket that does not listen no connection
    // would ever be reported.
    if (!unready || op.code == opcode::connect || op.code == opcode::accept || waits_by_the_clock(op) ||
        contains(op.flags, message_flags::out_of_band)) {
        if (try_and_note(op, unready))
            return true;
        if (is_clocked(op) && !try_by_the_clock(op))
            return true;
    }
    poller_->update(d);
    return false;
}

progress readiness_backend::try_in_turn(operation& op) noexcept {
    bool& connecting = noted<attempt_state>(op).connecting;
    if (connecting)
        return finish_connect(op) ? progress::ended : progress::would_block;
    const progress made = attempt(op, pool(), fills_buffer(op) && empty_when_short(*op.target));
    connecting = made == progress::connecting;
    return made;
}

/// True: it has ended. Otherwise its direction is not ready before the poller says so, as far as is known.
bool readiness_backend::try_and_note(operation& op, bool& unready) noexcept {
    progress made = try_in_turn(op);
    while (made == progress::paused && !poller_->ask_again(*op.target)) [[unlikely]]
        made = try_in_turn(op);
    if (made == progress::ended) {
        unready = was_short(op) && empty_when_short(*op.target);
        return true;
    }
    // Other operations may go on, or fail, where this one waits for the clock, for urgent data or for a connection.
    if (!is_clocked(op) && !contains(op.flags, message_flags::out_of_band) && op.code != opcode::accept)
        unready = true;
    return false;
}

void readiness_backend::cancel(operation& op) noexcept {
    end_early(op, ECANCELED);
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

void readiness_backend::try_head(operation_queue& queue, bool& unready, bool failed) noexcept {
    unready = false;
    operation* op = queue.first();
    // One that waits for its peer's queue is tried by the clock: every failed try of it is reported as room to write again.
    if (op == nullptr || op->clocked)
        return;
    bool ended = try_and_note(*op, unready);
    // poll(2) reports an error again and again that no call takes away: one in the error queue of a socket (ip(7), IP_RECVERR).
    constexpr std::uint8_t most_idle_reports = 3;
    const bool by_the_clock = is_clocked(*op) || (failed && kind_ == backend_kind::poll &&
                                                  ++noted<attempt_state>(*op).idle_reports >= most_idle_reports);
    if (!ended && by_the_clock)
        ended = !try_by_the_clock(*op);
    if (ended)
        done(*op);
}

void readiness_backend::ready(descriptor& d, bool readable, bool writable, bool beyond_data) noexcept {
    readiness_state& state = readiness_of(d);
    if (beyond_data)
        state.when_short = short_receive::nothing;
    if (readable)
        try_head(d.reading, state.unreadable, beyond_data);
    if (writable)
        try_head(d.writing, state.unwritable, beyond_data);
    poller_->update(d);
}

void readiness_backend::do_wait(std::int64_t timeout) noexcept {
    ++waits_;
    if (const int error = poller_->wait(timeout))
        give_up(kind_, error);
}

void readiness_backend::do_collect() noexcept { poller_->report(*this); }

} // namespace coax::backend

#include "backend/backend.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "backend/attempt.hpp"
#include "backend/operation_table.hpp"

namespace coax::backend {

void backend::end_early(operation& op, int why) noexcept {
    const bool has_part = op.transferred != 0 && fills_buffer(op);
    op.error = has_part ? 0 : why;
}

void backend::end_child() noexcept {
    std::fputs("coax: the scheduler of the parent process cannot go on in a forked child\n", stderr);
    std::abort();
}

int backend::attach(descriptor& d) noexcept {
    refuse_in_child();
    std::memset(d.scratch, 0, sizeof d.scratch);
    if (const int error = do_attach(d))
        return error;
    d.attached = this;
    d.attached_link = &attached_;
    d.next_attached = attached_;
    if (attached_ != nullptr)
        attached_->attached_link = &d.next_attached;
    attached_ = &d;
    return 0;
}

void backend::unlink(descriptor& d) noexcept {
    *d.attached_link = d.next_attached;
    if (d.next_attached != nullptr)
        d.next_attached->attached_link = d.attached_link;
    d.attached_link = nullptr;
    d.next_attached = nullptr;
    d.attached = nullptr;
}

void backend::detach(descriptor& d, stop_reason why) noexcept {
    d.closing = true;
    for (operation_queue* queue : {&d.reading, &d.writing})
        for (operation* op = queue->first(); op != nullptr; op = static_cast<operation*>(op->next))
            if (op->reason == stop_reason::none)
                op->reason = why;
    if (!is_inherited()) // what it began is the parent's
        do_detach(d);
    for (operation_queue* queue : {&d.reading, &d.writing})
        while (operation* op = queue->first()) {
            end_early(*op, ECANCELED);
            done(*op);
        }
    d.closing = false;
    unlink(d);
    if (!close_waits.empty()) [[unlikely]]
        tell_closed(d);
}

void backend::tell_closed(const descriptor& d) noexcept {
    for (detail::queued_waiter *each = close_waits.first(), *next; each != nullptr; each = next) {
        next = static_cast<detail::queued_waiter*>(each->next);
        if (static_cast<close_wait*>(each)->target == &d)
            each->stop(stop_reason::closed);
    }
}

void backend::detach_all() noexcept {
    while (attached_ != nullptr)
        detach(*attached_, stop_reason::closed);
}

bool backend::submit(operation& op) noexcept {
    operation_queue& queue = queue_of(op);
    const bool first = queue.empty();
    if (first && (op.target->may_have_kept() || op.target->input_cut) && serve_at_once(op)) [[unlikely]]
        return true;
    queue.append(op);
    if (!first || !start(op))
        return false;
    queue.remove(op);
    return true;
}

// Hardly ever called; `submit` is dearer where it is a part of it.
[[gnu::noinline]] bool backend::serve_at_once(operation& op) noexcept {
    if (op.target->may_have_kept() && serve_kept(op, pool())) {
        op.was_kept = true;
        return true;
    }
    if (!op.target->input_cut || !reads(op))
        return false;
    while (try_once(op) == progress::paused) {
    }
    return true; // where nothing is there, the end is what it gives
}

void backend::serve_waiting(descriptor& d) noexcept {
    operation* op = d.reading.first();
    if (op == nullptr || d.closing || is_inherited() || interrupt(*op)) // one that the system gives back is served then
        return;
    if (op->transferred != 0) { // what it has stands behind what was kept
        d.keep_received(*op);
        op->transferred = 0;
        op->order = 0;
    }
    if (serve_kept(*op, pool()))
        done(*op);
    readers_changed(d);
}

void backend::note_shared(descriptor& d) noexcept {
    operation* const op = d.reading.first();
    if (op != nullptr && op->code == opcode::accept && op->reason == stop_reason::none && !op->clocked &&
        !is_inherited())
        interrupt(*op);
}

void backend::end(operation& op) noexcept {
    if (op.order == 0)
        op.order = op.target->next_order();
    if (op.code == opcode::connect && op.error == 0)
        op.target->note_connected();
    if (op.transferred != 0)
        note_progress(op);
    op.finish();
}

void backend::stop(operation& op) noexcept {
    operation_queue& queue = queue_of(op);
    if (queue.first() == &op && !op.clocked && !is_inherited()) {
        cancel(op);
    } else {
        end_early(op, ECANCELED);
        done(op);
    }
}

void backend::stop_and_wait(operation& op) noexcept {
    stop(op);
    while (op.state == detail::wait_state::pending) {
        wait(-1);
        collect();
    }
}

std::int64_t backend::until_clocked(std::int64_t timeout) noexcept {
    const std::int64_t next = clocked_.until_next(now());
    return timeout < 0 || timeout > next ? next : timeout;
}

bool backend::try_by_the_clock(operation& op) noexcept {
    if (clocked_.add(op, now()))
        return true;
    op.error = ENOMEM;
    return false;
}

void backend::try_again() noexcept {
    const std::int64_t time = now();
    while (operation* op = clocked_.due(time)) {
        const std::size_t before = op->transferred;
        if (try_once(*op) == progress::ended)
            done(*op);
        else if (op->transferred != before)
            clocked_.restart(*op, time);
    }
}

void backend::try_now(operation& op) noexcept {
    const bool first = queue_of(op).empty();
    if (first && op.target->may_have_kept() && serve_kept(op, pool()))
        return;
    progress made = progress::would_block;
    if (first)
        do
            made = try_once(op);
        while (made == progress::paused);
    if (made == progress::connecting)
        op.error = EINPROGRESS;
    else if (made == progress::would_block)
        end_early(op, EAGAIN);
}

void backend::done(operation& op) noexcept {
    operation_queue& queue = queue_of(op);
    const bool first = queue.first() == &op;
    queue.remove(op);
    if (op.clocked) [[unlikely]]
        clocked_.remove(op);
    const bool closing = op.target->closing;
    if (op.reason == stop_reason::input && op.error == ECANCELED) [[unlikely]] {
        // What had arrived may not have been looked at when the system took the operation back.
        op.error = 0;
        static_cast<void>(serve_at_once(op));
    }
    end(op);
    if (first && !queue.empty() && !closing)
        advance(queue);
}

void backend::advance(operation_queue& queue) noexcept {
    while (operation* op = queue.first()) {
        if (!serve_at_once(*op) && !start(*op))
            return;
        queue.remove(*op);
        end(*op);
    }
}

void cut_input(descriptor& d) noexcept {
    d.input_ended = d.input_cut = true;
    // When the first one has ended, the others find the end as they begin.
    operation* const first = d.reading.first();
    if (first == nullptr || first->reason != stop_reason::none)
        return;
    first->reason = stop_reason::input;
    d.attached->stop(*first);
}

int shut_down(descriptor& d, shutdown_how how) noexcept {
    backend* const own = d.attached != nullptr && !d.attached->is_inherited() ? d.attached : nullptr;
    if (own != nullptr && !d.idle())
        own->flush();
    int error = d.system.shutdown(d.handle, how);
    // Without a peer there is nothing to tell anybody, and yet what the socket receives has ended (Linux does so, and gives the error).
    if (error == ENOTCONN && d.kind == kind::datagram && how != shutdown_how::write)
        error = 0;
    if (error == 0 && how != shutdown_how::write) {
        d.input_ended = true;
        if (own != nullptr)
            own->input_ended(d);
    }
    return error;
}

} // namespace coax::backend

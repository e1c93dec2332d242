// Operations that are served from the inbox of their descriptor.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backend/attempt.hpp"
#include "backend/batch.hpp"
#include "backend/message_control.hpp"
#include "backend/operation_table.hpp"

namespace coax::backend {

using detail::accepting_operation;
using detail::addressed_operation;
using detail::descriptor;
using detail::lease;
using detail::opcode;
using detail::operation;
using detail::ordered_queue;
using detail::unaccepted;

namespace {

void serve_connection(accepting_operation& op) noexcept {
    const unaccepted oldest = op.target->kept().connections.take();
    op.order = oldest.order;
    op.connection = oldest.handle;
    op.has_connection = true;
    op.target->system.getpeername(oldest.handle, op.peer);
}

/// Gives what came beside the bytes to an operation that can have it. Nothing may fail after that: descriptors would be lost.
void give_control(operation& op, lease& oldest) noexcept {
    if (!traits_of(op.code).control)
        return;
    auto& receiving = static_cast<detail::receiving_message_operation&>(op);
    // There is one of each descriptor: who looks only is told that there is more.
    if (contains(op.flags, message_flags::peek))
        receiving.control_cut = oldest.control_cut || oldest.control != nullptr;
    else
        take_control(receiving, oldest);
}

/// True: it has ended.
bool serve_bytes(operation& op, buffer_pool& pool) noexcept {
    ordered_queue<lease>& bytes = op.target->kept().bytes;
    lease& oldest = bytes.front();
    op.order = oldest.order;
    const bool pooled = traits_of(op.code).pooled;
    const bool peeks = contains(op.flags, message_flags::peek);
    const bool datagrams = op.target->kind == kind::datagram;
    if (traits_of(op.code).sender && datagrams)
        static_cast<addressed_operation&>(op).peer = oldest.peer;
    const std::size_t datagram = oldest.size_of_first();
    op.truncated = datagrams && (oldest.truncated || datagram > op.buffer.size);
    const bool alone =
        datagrams || traits_of(op.code).control; // what came together is given together, and nothing else
    const std::size_t there = alone ? datagram : op.target->kept_size(op.buffer.size);
    const std::size_t count = std::min(there, op.buffer.size);
    const bool goes_on = fills_buffer(op) && count < op.buffer.size;
    const bool whole_lease = oldest.size <= op.buffer.size && (!fills_buffer(op) || oldest.size == op.buffer.size);
    if (pooled && !peeks && whole_lease && !oldest.is_roomy()) {
        // The lease goes on to the receiver, without a copy.
        give_control(op, oldest);
        lease given = bytes.take();
        op.transferred = given.size;
        op.buffer.data = given.data;
        op.block = given.release();
        return true;
    }
    void* into = op.buffer.data;
    if (pooled) {
        op.block = pool.take(goes_on ? op.buffer.size : count);
        if (op.block == nullptr) {
            op.error = ENOMEM;
            return true;
        }
        into = op.block->data;
    }
    give_control(op, oldest);
    if (datagrams) {
        if (count != 0)
            std::memcpy(into, oldest.data, count);
        op.transferred = count;
        if (!peeks && datagram < oldest.size)
            oldest.consume(datagram);
        else if (!peeks)
            bytes.take();
        return true;
    }
    op.transferred = op.target->kept().copy(into, count, !peeks);
    return !goes_on;
}

} // namespace

bool serve_kept(operation& op, buffer_pool& pool) noexcept {
    descriptor& d = *op.target;
    if (d.kind == kind::datagram)
        d.leave_datagrams_to_parent();
    switch (traits_of(op.code).what) {
    case moves::nothing:
    case moves::bytes_out:
    case moves::datagrams_out:
        return false;
    case moves::connection_in:
        if (!d.has_kept_connections())
            return false;
        serve_connection(static_cast<accepting_operation&>(op));
        return true;
    case moves::datagrams_in:
        if (d.has_kept_bytes()) {
            take_kept(static_cast<detail::batch_operation&>(op));
            return true;
        }
        op.error = d.take_kept_error();
        return op.error != 0;
    case moves::bytes_in:
        break;
    }
    if (contains(op.flags, message_flags::out_of_band))
        return false;
    if (d.has_kept_bytes())
        return serve_bytes(op, pool);
    op.error = d.has_gap() ? ENOMEM : d.take_kept_error();
    return op.error != 0;
}

} // namespace coax::backend

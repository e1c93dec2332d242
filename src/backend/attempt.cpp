#include "backend/attempt.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>

#include "backend/backend.hpp"
#include "backend/batch.hpp"
#include "backend/message_control.hpp"
#include "backend/operation_table.hpp"
#include "backend/read_ahead.hpp"
#include "os/socket.hpp"

namespace coax::backend {

using detail::accepting_operation;
using detail::addressed_operation;
using detail::batch_block;
using detail::batch_operation;
using detail::descriptor;
using detail::message_operation;
using detail::opcode;
using detail::operation;
using detail::sending_message_operation;
using detail::vector_operation;

namespace {

progress ended_or_not(bool ended) noexcept { return ended ? progress::ended : progress::would_block; }

/// Notes what a single call did. False: it would have blocked.
bool note(operation& op, os::outcome result) noexcept {
    if (would_block(result.error))
        return false;
    op.error = result.error;
    if (result.error == 0)
        op.transferred += static_cast<std::size_t>(result.value);
    return true;
}

/// The same for a receive. Where the reading side is shut down and nothing is there, the input has ended, whatever the system says.
bool note_call(operation& op, os::outcome result) noexcept {
    if (!would_block(result.error))
        return note_received(op, static_cast<std::size_t>(result.value), result.error);
    if (!op.target->input_ended)
        return false;
    op.ended = op.transferred == 0;
    return true;
}

/// A receive that goes on until its buffer is full.
[[gnu::noinline]] progress fill(operation& op, void* data, bool short_is_all) noexcept {
    std::size_t room = step_limit;
    while (room != 0) {
        const std::size_t asked = std::min(op.buffer.size - op.transferred, room);
        const os::outcome result =
            os::recv(op.target->handle, static_cast<std::byte*>(data) + op.transferred, asked, op.flags);
        if (note_call(op, result))
            return progress::ended;
        if (would_block(result.error))
            return progress::would_block;
        const auto count = static_cast<std::size_t>(result.value);
        room -= count;
        note_progress(op);
        if (count < asked && short_is_all)
            return progress::would_block;
    }
    return progress::paused;
}

progress receive(operation& op, void* data, bool short_is_all) noexcept {
    if (contains(op.flags, message_flags::out_of_band))
        op.target->urgent_asked = true;
    if (fills_buffer(op))
        return fill(op, data, short_is_all);
    const std::size_t asked = op.target->kind == kind::stream ? std::min(op.buffer.size, step_limit) : op.buffer.size;
    return ended_or_not(note_call(op, os::recv(op.target->handle, data, asked, op.flags)));
}

bool accept(accepting_operation& op) noexcept {
    const os::outcome result = os::accept(op.target->handle, &op.peer);
    if (would_block(result.error))
        return false;
    op.error = result.error;
    op.connection = static_cast<native_handle>(result.value);
    op.has_connection = result.error == 0;
    return true;
}

[[gnu::noinline]] progress try_send(operation& op) noexcept {
    const bool stream = op.target->kind == kind::stream;
    std::size_t moved = 0;
    while (moved < step_limit) {
        const std::size_t size = stream ? std::min(op.buffer.size, step_limit - moved) : op.buffer.size;
        const os::outcome result = os::send(op.target->handle, op.buffer.data, size, op.flags);
        if (would_block(result.error))
            return progress::would_block;
        if (result.error != 0) {
            note_send_failure(op, result.error);
            return progress::ended;
        }
        const auto count = static_cast<std::size_t>(result.value);
        advance_buffer(op, count);
        moved += count;
        if (!op.whole || op.buffer.size == 0)
            return progress::ended;
        note_progress(op);
    }
    return progress::paused;
}

/// Sends no more than `most` bytes of a stream's pieces.
os::outcome send_some(const vector_operation& op, std::size_t most) noexcept {
    std::size_t count = 0;
    for (std::size_t size = 0; count != op.count && op.pieces[count].size <= most - size; ++count)
        size += op.pieces[count].size;
    if (count == 0)
        return os::send(op.target->handle, op.pieces->data, most, op.flags);
    return os::send_vector(op.target->handle, op.pieces, count, op.flags);
}

[[gnu::noinline]] progress try_send_pieces(vector_operation& op) noexcept {
    const bool stream = op.target->kind == kind::stream;
    std::size_t moved = 0;
    while (moved < step_limit) {
        const os::outcome result = stream ? send_some(op, step_limit - moved)
                                          : os::send_vector(op.target->handle, op.pieces, op.count, op.flags);
        if (would_block(result.error))
            return progress::would_block;
        if (result.error != 0) {
            note_send_failure(op, result.error);
            return progress::ended;
        }
        const auto count = static_cast<std::size_t>(result.value);
        advance_pieces(op, count);
        moved += count;
        if (op.count == 0)
            return progress::ended;
        note_progress(op);
    }
    return progress::paused;
}

/// Receives into the caller's buffer, or into a block, which stays with the operation only while there is something in it.
template <class Receive>
progress receive_into(operation& op, buffer_pool& pool, Receive receive) noexcept {
    const bool pooled = traits_of(op.code).pooled;
    if (pooled && op.block == nullptr)
        op.block = pool.take(op.buffer.size);
    if (pooled && op.block == nullptr) {
        op.error = ENOMEM;
        return progress::ended;
    }
    const progress made = receive(pooled ? op.block->data : op.buffer.data);
    if (pooled && op.transferred == 0) {
        buffer_pool::release(op.block);
        op.block = nullptr;
    } else if (pooled && made == progress::ended) {
        op.block = pool.shrink(op.block, op.transferred);
    }
    return made;
}

} // namespace

bool note_received(operation& op, std::size_t count, int error) noexcept {
    const bool has_part = op.transferred != 0;
    if (error != 0) {
        // The part is what it gives; the system tells this error only once.
        if (has_part)
            note_send_failure(op, error);
        op.error = has_part ? 0 : error;
        return true;
    }
    op.transferred += count;
    if (count == 0 && op.target->kind == kind::stream) {
        // Is it the peer's end? How a connection broke the system may have told a sender, and then tells nobody else.
        op.error = has_part ? 0 : op.target->take_failure();
        op.ended = !has_part && op.error == 0;
        return true;
    }
    return !fills_buffer(op) || op.transferred == op.buffer.size;
}

void note_send_failure(operation& op, int error) noexcept {
    op.error = error;
    switch (error) {
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
        op.target->note_failure(error);
        break;
    default: // it says nothing of the connection, or will be said again
        break;
    }
}

void note_activity(descriptor& d) noexcept {
    if (d.attached != nullptr)
        d.active_at = d.attached->now();
}

void advance_buffer(operation& op, std::size_t count) noexcept {
    op.transferred += count;
    op.buffer.data = static_cast<std::byte*>(op.buffer.data) + count;
    op.buffer.size -= count;
}

namespace {

template <class Operation>
void advance_pieces_of(Operation& op, std::size_t count) noexcept {
    op.transferred += count;
    while (op.count != 0 && count >= op.pieces->size) {
        count -= op.pieces->size;
        ++op.pieces;
        --op.count;
    }
    if (op.count != 0) {
        op.pieces->data = static_cast<std::byte*>(op.pieces->data) + count;
        op.pieces->size -= count;
    }
}

} // namespace

void advance_pieces(vector_operation& op, std::size_t count) noexcept { advance_pieces_of(op, count); }
void advance_pieces(sending_message_operation& op, std::size_t count) noexcept { advance_pieces_of(op, count); }

std::span<const detail::buffer_view> pieces_within(const sending_message_operation& op, std::size_t most,
                                                   detail::buffer_view& first) noexcept {
    std::size_t count = 0;
    std::size_t size = 0;
    for (; count != op.count && op.pieces[count].size <= most - size; ++count)
        size += op.pieces[count].size;
    if (size != 0 || count == op.count)
        return {op.pieces, count};
    first = {op.pieces[count].data, most};
    return {&first, 1};
}

namespace {

// Each call in a function of its own, so that an operation saves only the registers that its own call needs.
[[gnu::noinline]] progress try_accept(operation& op) noexcept {
    const native_handle handle = op.target->handle;
    // Whoever shares the socket may have made it blocking, and this call cannot say that it must not wait.
    if (op.target->may_have_duplicates() && !os::is_ready(handle, true, false)) {
        if (os::is_listening(handle))
            return progress::would_block;
        op.error = op.target->kind == kind::stream ? EINVAL : EOPNOTSUPP;
        return progress::ended;
    }
    return ended_or_not(accept(static_cast<accepting_operation&>(op)));
}

[[gnu::noinline]] progress try_connect(operation& op) noexcept {
    const native_handle handle = op.target->handle;
    if (op.target->may_have_duplicates())
        os::set_nonblocking(handle);
    const int error = os::connect(handle, static_cast<addressed_operation&>(op).peer);
    if (error == EINPROGRESS)
        return progress::connecting;
    if (would_block(error))
        return progress::would_block;
    op.error = error;
    return progress::ended;
}

progress receive_from(operation& op, buffer_pool& pool) noexcept {
    return receive_into(op, pool, [&](void* data) {
        address& peer = static_cast<message_operation&>(op).peer;
        return ended_or_not(
            note_call(op, os::recvfrom(op.target->handle, data, op.buffer.size, op.flags, peer, op.truncated)));
    });
}

/// Of datagrams more than one may be received.
[[gnu::noinline]] progress try_datagram(operation& op, buffer_pool& pool) noexcept {
    if (op.target->receives_runs && !contains(op.flags, message_flags::out_of_band))
        return receive_of_run(op, pool);
    if (batch_block* const staging = may_read_ahead(op) ? pool.staging() : nullptr)
        return receive_ahead(op, pool, *staging);
    const progress made = traits_of(op.code).sender
                              ? receive_from(op, pool)
                              : receive_into(op, pool, [&](void* data) { return receive(op, data, false); });
    if (made == progress::ended && op.error == 0)
        note_single(op, op.transferred);
    return made;
}

[[gnu::noinline]] progress try_recv(operation& op, buffer_pool& pool, bool short_is_all) noexcept {
    if (op.target->kind == kind::datagram) [[unlikely]]
        return try_datagram(op, pool);
    return receive_into(op, pool, [&](void* data) { return receive(op, data, short_is_all); });
}

[[gnu::noinline]] progress try_recvfrom(operation& op, buffer_pool& pool) noexcept {
    return op.target->kind == kind::datagram ? try_datagram(op, pool) : receive_from(op, pool);
}

[[gnu::noinline]] progress try_sendto(operation& op) noexcept {
    return ended_or_not(note(op, os::sendto(op.target->handle, op.buffer.data, op.buffer.size, op.flags,
                                            static_cast<addressed_operation&>(op).peer)));
}

[[gnu::noinline]] progress try_recvmsg(operation& op, buffer_pool& pool) noexcept {
    if (op.target->receives_runs && !contains(op.flags, message_flags::out_of_band)) [[unlikely]]
        return receive_of_run(op, pool);
    auto& receiving = static_cast<receiving_message_operation&>(op);
    return receive_into(op, pool, [&](void* data) {
        os::incoming_message message{data, op.buffer.size, receiving.room(), &receiving.peer};
        const os::outcome result = os::recvmsg(op.target->handle, message, op.flags);
        const bool ended = note_call(op, result);
        op.truncated = message.truncated;
        if (result.error == 0)
            note_control(receiving, message.control.size(), message.control_cut);
        return ended_or_not(ended);
    });
}

[[gnu::noinline]] progress try_sendmsg(sending_message_operation& op) noexcept {
    const bool stream = op.target->kind == kind::stream;
    std::size_t moved = 0;
    while (moved < step_limit) {
        const std::size_t most = stream ? step_limit - moved : SIZE_MAX;
        detail::buffer_view first = *op.pieces;
        const std::span<const detail::buffer_view> pieces = pieces_within(op, most, first);
        const os::outcome result = os::sendmsg(op.target->handle, pieces, op.control(), op.peer, op.flags);
        if (would_block(result.error))
            return progress::would_block;
        if (result.error != 0) {
            note_send_failure(op, result.error);
            return progress::ended;
        }
        const auto count = static_cast<std::size_t>(result.value);
        advance_pieces(op, count);
        moved += count;
        if (!op.whole || op.count == 0)
            return progress::ended;
        note_progress(op);
    }
    return progress::paused;
}

progress carry_out(operation& op, buffer_pool& pool, bool short_is_all) noexcept {
    switch (op.code) {
    case opcode::accept:
        return try_accept(op);
    case opcode::connect:
        return try_connect(op);
    case opcode::recv:
    case opcode::recv_pooled:
        return try_recv(op, pool, short_is_all);
    case opcode::recvfrom:
    case opcode::recvfrom_pooled:
        return try_recvfrom(op, pool);
    case opcode::send:
        return try_send(op);
    case opcode::sendto:
        return try_sendto(op);
    case opcode::send_vector:
        return try_send_pieces(static_cast<vector_operation&>(op));
    case opcode::recvmsg:
    case opcode::recvmsg_pooled:
        return try_recvmsg(op, pool);
    case opcode::sendmsg:
        return try_sendmsg(static_cast<sending_message_operation&>(op));
    case opcode::recv_batch:
        return receive_batch(static_cast<batch_operation&>(op), pool);
    case opcode::send_batch:
        return send_batch(static_cast<batch_operation&>(op));
    }
    op.error = EINVAL;
    return progress::ended;
}

/// The call itself would take fewer bytes than the socket's low-water mark: without waiting the system does not look at that.
[[gnu::noinline]] progress carry_out_above_mark(operation& op, buffer_pool& pool, bool short_is_all) noexcept {
    const bool marked = traits_of(op.code).what == moves::bytes_in && !fills_buffer(op) &&
                        !contains(op.flags, message_flags::out_of_band);
    if (marked && !os::is_ready(op.target->handle, true, false))
        return progress::would_block;
    return carry_out(op, pool, short_is_all);
}

} // namespace

progress attempt(operation& op, buffer_pool& pool, bool short_is_all) noexcept {
    return op.target->has_low_water_mark ? carry_out_above_mark(op, pool, short_is_all)
                                         : carry_out(op, pool, short_is_all);
}

bool finish_connect(operation& op) noexcept {
    op.error = os::connect_result(op.target->handle);
    if (op.error != 0)
        return true;
    // No error is not yet a connection: a socket that has not begun to connect reports itself as ready too, and such a report may come
    // late. A second call tells, and lets Linux note that the attempt is over.
    const int state = os::connect(op.target->handle, static_cast<addressed_operation&>(op).peer);
    if (state == EALREADY || state == EINPROGRESS || would_block(state))
        return false;
    op.error = state == EISCONN ? 0 : state;
    return true;
}

} // namespace coax::backend

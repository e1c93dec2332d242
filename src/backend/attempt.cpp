#include "backend/attempt.hpp"

#include <algorithm>
#include <cerrno>

#include "backend/backend.hpp"
#include "backend/operation_table.hpp"
#include "os/socket.hpp"

namespace coax::backend {

using detail::addressed_operation;
using detail::descriptor;
using detail::message_operation;
using detail::opcode;
using detail::operation;
using detail::vector_operation;

namespace {

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

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

/// What a receive gives: where the reading side is shut down and the system would wait for more all the same, the end.
os::outcome received(const operation& op, os::outcome result) noexcept {
    return op.target->input_ended && would_block(result.error) ? os::outcome{0, 0} : result;
}

/// Receiving until the buffer is full; bytes that came before an error or the end are what it gives.
bool receive(operation& op, void* data, std::size_t size) noexcept {
    const bool fill = fills_buffer(op);
    for (;;) {
        const os::outcome result =
            received(op, os::recv(op.target->handle, static_cast<std::byte*>(data) + op.transferred,
                                  size - op.transferred, op.flags));
        if (!fill)
            return note(op, result);
        if (would_block(result.error))
            return false;
        if (result.error != 0 || result.value == 0) {
            op.error = op.transferred == 0 ? result.error : 0;
            return true;
        }
        op.transferred += static_cast<std::size_t>(result.value);
        if (op.transferred == size)
            return true;
        note_progress(op);
    }
}

bool send(operation& op) noexcept {
    for (;;) {
        const os::outcome result = os::send(op.target->handle, op.buffer.data, op.buffer.size, op.flags);
        if (would_block(result.error))
            return false;
        if (result.error != 0) {
            op.error = result.error;
            return true;
        }
        advance_buffer(op, static_cast<std::size_t>(result.value));
        if (!op.whole || op.buffer.size == 0)
            return true;
        note_progress(op);
    }
}

bool send_pieces(vector_operation& op) noexcept {
    for (;;) {
        const os::outcome result = os::send_vector(op.target->handle, op.pieces, op.count, op.flags);
        if (would_block(result.error))
            return false;
        if (result.error != 0) {
            op.error = result.error;
            return true;
        }
        advance_pieces(op, static_cast<std::size_t>(result.value));
        if (op.count == 0)
            return true;
        note_progress(op);
    }
}

/// Runs a receive into a block, which stays with the operation only while there is something in it.
template <class Receive>
bool with_block(operation& op, buffer_pool& pool, Receive receive_into) noexcept {
    if (op.block == nullptr)
        op.block = pool.take(op.buffer.size);
    if (op.block == nullptr) {
        op.error = ENOMEM;
        return true;
    }
    const bool ended = receive_into(op.block->data);
    if (op.transferred == 0) {
        buffer_pool::release(op.block);
        op.block = nullptr;
    }
    return ended;
}

} // namespace

bool fills_buffer(const operation& op) noexcept {
    return contains(op.flags, message_flags::wait_all) && !contains(op.flags, message_flags::peek) &&
           op.target->kind == kind::stream && (op.code == opcode::recv || op.code == opcode::recv_pooled);
}

void note_progress(const operation& op) noexcept {
    if (op.target->watched && op.target->attached != nullptr)
        op.target->active_at = op.target->attached->now();
}

void advance_buffer(operation& op, std::size_t count) noexcept {
    op.transferred += count;
    op.buffer.data = static_cast<std::byte*>(op.buffer.data) + count;
    op.buffer.size -= count;
}

void advance_pieces(vector_operation& op, std::size_t count) noexcept {
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

progress attempt(operation& op, buffer_pool& pool) noexcept {
    const native_handle handle = op.target->handle;
    switch (op.code) {
    case opcode::accept:
        return ended_or_not(note(op, os::accept(handle, &static_cast<addressed_operation&>(op).peer)));
    case opcode::connect: {
        const int error = os::connect(handle, static_cast<addressed_operation&>(op).peer);
        if (error == EINPROGRESS)
            return progress::connecting;
        if (would_block(error))
            return progress::would_block;
        op.error = error;
        return progress::ended;
    }
    case opcode::recv:
        return ended_or_not(receive(op, op.buffer.data, op.buffer.size));
    case opcode::recv_pooled:
        return ended_or_not(with_block(op, pool, [&](void* data) { return receive(op, data, op.buffer.size); }));
    case opcode::recvfrom: {
        auto& message = static_cast<message_operation&>(op);
        return ended_or_not(note(op, received(op, os::recvfrom(handle, op.buffer.data, op.buffer.size, op.flags,
                                                               message.peer, op.truncated))));
    }
    case opcode::recvfrom_pooled: {
        auto& message = static_cast<message_operation&>(op);
        return ended_or_not(with_block(op, pool, [&](void* data) {
            return note(op,
                        received(op, os::recvfrom(handle, data, op.buffer.size, op.flags, message.peer, op.truncated)));
        }));
    }
    case opcode::send:
        return ended_or_not(send(op));
    case opcode::sendto:
        return ended_or_not(note(op, os::sendto(handle, op.buffer.data, op.buffer.size, op.flags,
                                                static_cast<addressed_operation&>(op).peer)));
    case opcode::send_vector:
        return ended_or_not(send_pieces(static_cast<vector_operation&>(op)));
    }
    op.error = EINVAL;
    return progress::ended;
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

bool serve_kept(operation& op, buffer_pool& pool) noexcept {
    descriptor& d = *op.target;
    if (op.code == opcode::accept) {
        if (!d.has_kept_connections())
            return false;
        const native_handle connection = d.take_connection(op.order);
        op.transferred = static_cast<std::size_t>(connection);
        os::getpeername(connection, static_cast<addressed_operation&>(op).peer);
        return true;
    }
    if (!reads(op) || !d.has_kept_bytes())
        return false;
    const std::size_t count = std::min(d.kept_size(), op.buffer.size);
    const bool goes_on = fills_buffer(op) && count < op.buffer.size;
    void* into = op.buffer.data;
    if (traits_of(op.code).pooled) {
        op.block = pool.take(goes_on ? op.buffer.size : count);
        if (op.block == nullptr) {
            op.error = ENOMEM;
            return true;
        }
        into = op.block->data;
    }
    op.transferred = d.copy_bytes(into, count, !contains(op.flags, message_flags::peek), op.order);
    return !goes_on;
}

} // namespace coax::backend

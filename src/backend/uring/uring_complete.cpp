// What completions mean for their operations.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "backend/attempt.hpp"
#include "backend/batch.hpp"
#include "backend/message_control.hpp"
#include "backend/operation_table.hpp"
#include "backend/read_ahead.hpp"
#include "backend/uring/uring_backend.hpp"
#include "backend/uring/uring_state.hpp"
#include "os/address.hpp"
#include "os/socket.hpp"

namespace coax::backend {

using detail::accepting_operation;
using detail::buffer_block;
using detail::message_operation;
using detail::sending_message_operation;
using detail::vector_operation;

namespace {

/// Whether the inbox has something for such an operation, were it no more than the news that something is missing.
bool finds_in_inbox(const operation& op) noexcept {
    const moves what = traits_of(op.code).what;
    if (op.order != 0) // it came from there
        return false;
    return ((what == moves::bytes_in || what == moves::datagrams_in) &&
            !contains(op.flags, message_flags::out_of_band) && (op.target->has_kept_bytes() || op.target->has_gap())) ||
           (what == moves::connection_in && op.target->has_kept_connections());
}

/// What is in the inbox stood before what this operation `got` from the system: that goes behind it, and the operation begins anew.
void queue_behind_inbox(operation& op, bool got) noexcept {
    if (op.code == opcode::accept) {
        auto& accepting = static_cast<accepting_operation&>(op);
        if (std::exchange(accepting.has_connection, false))
            op.target->keep(accepting.connection, op.target->next_order());
    } else if ((got || op.transferred != 0) && !contains(op.flags, message_flags::peek)) {
        op.target->keep_received(op);
    }
    drop_control(op);
    if (op.block != nullptr)
        buffer_pool::release(std::exchange(op.block, nullptr));
    note_send_failure(op, op.error); // of the connection; it comes behind what is in the inbox
    op.error = 0;
    op.transferred = 0;
    op.order = 0;
    op.ended = false;
}

/// An operation that was asked to end, and failed before the kernel heard of that, has done nothing: it ends for the reason it was given, as
/// on every backend. What the error says of the connection is for the next operation.
void prefer_reason(operation& op) noexcept {
    if (op.error == 0 || op.code == opcode::connect || op.code == opcode::accept)
        return;
    note_send_failure(op, op.error);
    op.error = ECANCELED;
}

void note_sender(message_operation& op) noexcept {
    const auto* header = std::launder(reinterpret_cast<const msghdr*>(op.header));
    os::commit_reported(op.peer, header->msg_namelen);
    op.truncated = (header->msg_flags & MSG_TRUNC) != 0;
    if (traits_of(op.code).control)
        note_control(static_cast<receiving_message_operation&>(op), header->msg_controllen,
                     (header->msg_flags & MSG_CTRUNC) != 0);
}

} // namespace

void uring_backend::complete(operation& op, int result, unsigned flags) noexcept {
    submission_state& submission = submission_of(op);
    submission.in_kernel = false;
    --uring_of(*op.target).in_kernel;
    if (submission.stop_asked)
        forget_stopping(op);
    const bool wanted = op.reason == stop_reason::none;
    bool again = false;
    if (result < 0 && (flags & IORING_CQE_F_BUFFER) != 0) {
        buffer_block& unused = pool().block(flags >> IORING_CQE_BUFFER_SHIFT);
        pool().lend(unused);
        buffer_pool::release(&unused);
        flags &= ~static_cast<unsigned>(IORING_CQE_F_BUFFER);
    }
    if (result == -EINTR || result == -EAGAIN || result == -ECANCELED) {
        if (wanted && result == -EAGAIN) { // the kernel will report nothing for it
            if (!try_by_the_clock(op))
                done(op);
            return;
        }
        // A signal hit the kernel's wait, or we have taken the receive back to serve it from the inbox.
        again = wanted;
        submission.connecting = submission.connecting || op.code == opcode::connect;
        if (!wanted)
            end_early(op, ECANCELED);
    } else if (submission.awaits_ready) {
        again = complete_ready(op, result);
        if (op.clocked)
            return;
    } else {
        again = complete_call(op, result, flags);
    }
    if (!wanted)
        prefer_reason(op);
    if (finds_in_inbox(op) && op.error != ECANCELED) {
        const bool got_datagram = !again && op.error == 0 && !op.ended && op.target->kind == kind::datagram;
        queue_behind_inbox(op, got_datagram);
        again = !serve_kept(op, pool()) && op.reason == stop_reason::none;
    }
    if (!again || start(op))
        done(op);
}

inline bool uring_backend::complete_call(operation& op, int result, unsigned flags) noexcept {
    switch (traits_of(op.code).what) {
    case moves::connection_in:
        return complete_accept(op, result, flags);
    case moves::bytes_in:
        return complete_receive(op, result, flags);
    case moves::bytes_out:
        return complete_send(op, result);
    case moves::nothing:
    case moves::datagrams_in:
    case moves::datagrams_out:
        break;
    }
    if (op.code == opcode::connect)
        return complete_connect(op, result);
    op.error = result < 0 ? -result : 0;
    return false;
}

bool uring_backend::complete_ready(operation& op, int result) noexcept {
    submission_state& submission = submission_of(op);
    if (result < 0) {
        end_early(op, -result);
        return false;
    }
    if (op.target->kind == kind::datagram && finds_in_inbox(op))
        return true; // that comes first
    submission.awaits_ready = is_batch(op);
    const std::size_t before = op.transferred;
    const bool ended = submission.connecting ? finish_connect(op) : attempt(op, pool()) == progress::ended;
    if (ended) {
        note_direct(op);
        return false;
    }
    if (lacks_memory(op) && op.reason == stop_reason::none) {
        static_cast<void>(try_by_the_clock(op)); // without memory for that it ends with an error
        return false;
    }
    if (op.reason != stop_reason::none) {
        end_early(op, ECANCELED);
        return false;
    }
    if (op.transferred != before) { // it goes on into the block that it has now
        submission.idle_wakes = 0;
        return true;
    }
    submission.awaits_ready = true;
    // An error condition that no call takes away would be reported again and again.
    constexpr std::uint8_t most_idle_wakes = 3;
    if ((result & POLLERR) == 0 || ++submission.idle_wakes < most_idle_wakes || submission.connecting)
        return true;
    submission.idle_wakes = 0;
    static_cast<void>(try_by_the_clock(op)); // without memory for that it ends with an error
    return false;
}

bool uring_backend::complete_accept(operation& op, int result, unsigned flags) noexcept {
    auto& accepting = static_cast<accepting_operation&>(op);
    submission_state& submission = submission_of(op);
    if (result >= 0) {
        accepting.connection = result;
        accepting.has_connection = true;
        os::commit_reported(accepting.peer, submission.peer_size);
        if (submission.plain_accept)
            accept_hints_ = false;
        uring_of(*op.target).backlog_drained = accept_hints_ && (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
        return false;
    }
    op.error = -result;
    if (op.reason != stop_reason::none)
        return false;
    const bool again =
        os::is_stale_connection(-result) || (result == -EINVAL && accept_hints_ && !submission.plain_accept);
    if (again)
        op.error = 0;
    // EINVAL: either the kernel does not know the flags, or the socket does not listen, which the next try tells.
    submission.plain_accept = submission.plain_accept || result == -EINVAL;
    return again;
}

bool uring_backend::complete_connect(operation& op, int result) noexcept {
    submission_state& submission = submission_of(op);
    op.error = result < 0 ? -result : 0;
    // It was begun before it was interrupted, and has gone on since.
    if (submission.connecting && result == -EISCONN)
        op.error = 0;
    if (!submission.connecting || result != -EALREADY)
        return false;
    submission.awaits_ready = op.reason == stop_reason::none;
    if (!submission.awaits_ready)
        op.error = ECANCELED;
    return submission.awaits_ready;
}

bool uring_backend::complete_receive(operation& op, int result, unsigned flags) noexcept {
    buffer_block* filled = nullptr;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        filled = &pool().block(flags >> IORING_CQE_BUFFER_SHIFT);
        pool().lend(*filled);
    }
    if (filled != nullptr && result > 0)
        op.block = filled;
    else if (filled != nullptr)
        buffer_pool::release(filled);
    if (result == -ENOBUFS && traits_of(op.code).pooled && op.block == nullptr) {
        // Every buffer is lent out. Data may not even be there: only when it is shall a block of the heap serve.
        submission_of(op).awaits_ready = op.reason == stop_reason::none;
        op.error = submission_of(op).awaits_ready ? 0 : ECANCELED;
        return submission_of(op).awaits_ready;
    }
    if (result < 0) {
        note_received(op, 0, -result);
        return false;
    }
    if (op.target->kind == kind::datagram)
        note_datagram(uring_of(*op.target));
    else
        note_received_by_ring(uring_of(*op.target), (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0);
    if (traits_of(op.code).sender)
        note_sender(static_cast<message_operation&>(op));
    note_single(op, static_cast<std::size_t>(result));
    if (note_received(op, static_cast<std::size_t>(result), 0)) {
        if (filled != nullptr && op.transferred == filled->capacity)
            receive_rest(op);
        return false;
    }
    note_progress(op);
    return op.reason == stop_reason::none && make_room_for_rest(op);
}

/// A buffer of the pool is full: what else is there comes by a direct call, into a larger block. Until there was data nobody had to hold one.
void uring_backend::receive_rest(operation& op) noexcept {
    const std::size_t size = std::min(op.buffer.size, step_limit);
    if (op.target->kind != kind::stream || uring_of(*op.target).drained || size <= op.transferred ||
        traits_of(op.code).control) // what is sent with other control data is not one message with this
        return;
    buffer_block* larger = pool().take_heap(size);
    if (larger == nullptr)
        return; // a receive may be short
    const std::size_t room = size - op.transferred;
    const os::outcome more = os::recv(op.target->handle, larger->data + op.transferred, room, op.flags);
    if (more.error == 0 && more.value > 0) {
        std::memcpy(larger->data, op.block->data, op.transferred);
        std::swap(op.block, larger);
        op.transferred += static_cast<std::size_t>(more.value);
        uring_of(*op.target).in_bulk = true;
        uring_of(*op.target).drained = static_cast<std::size_t>(more.value) < room;
    } else if (more.error == EAGAIN || more.error == EWOULDBLOCK) {
        uring_of(*op.target).drained = true;
    } else if (more.error != 0) {
        op.target->note_failure(more.error);
    }
    buffer_pool::release(larger);
}

/// For a receive that has to fill its buffer and has got a part: a block for all of it. False: there is no memory; the part is kept.
bool uring_backend::make_room_for_rest(operation& op) noexcept {
    if (op.block == nullptr || op.block->capacity >= op.buffer.size)
        return true;
    buffer_block* larger = pool().take_heap(op.buffer.size);
    if (larger == nullptr) {
        op.target->keep_received(op);
        op.transferred = 0;
        op.error = ENOMEM;
        return false;
    }
    std::memcpy(larger->data, op.block->data, op.transferred);
    buffer_pool::release(std::exchange(op.block, larger));
    return true;
}

bool uring_backend::complete_send(operation& op, int result) noexcept {
    if (result < 0) {
        note_send_failure(op, -result);
        return false;
    }
    bool rest;
    if (op.code == opcode::send_vector) {
        auto& pieces = static_cast<vector_operation&>(op);
        advance_pieces(pieces, static_cast<std::size_t>(result));
        rest = pieces.count != 0;
    } else if (op.code == opcode::sendmsg) {
        auto& pieces = static_cast<sending_message_operation&>(op);
        advance_pieces(pieces, static_cast<std::size_t>(result));
        rest = op.whole && pieces.count != 0;
    } else {
        advance_buffer(op, static_cast<std::size_t>(result));
        rest = op.whole && op.buffer.size != 0;
    }
    if (!rest)
        return false;
    if (op.reason != stop_reason::none) {
        op.error = ECANCELED;
        return false;
    }
    note_progress(op);
    return true;
}

} // namespace coax::backend

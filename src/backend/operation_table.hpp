// What is known of each operation beyond what one system call does: one row for each.
#pragma once

#include <cstddef>
#include <iterator>

#include <coax/address.hpp>
#include <coax/detail/operation.hpp>
#include <coax/kind.hpp>
#include <coax/message_flags.hpp>

#include "backend/descriptor.hpp"

namespace coax::backend {

/// Which of a descriptor's two queues an operation waits in.
enum class direction : unsigned char { reading, writing };

/// What an operation moves, so what its result counts. What comes in is kept for the next one where nobody is left to have it.
enum class moves : unsigned char { nothing, connection_in, bytes_in, bytes_out, datagrams_in, datagrams_out };

/// Eight bytes, so that a row is found without a multiplication.
struct alignas(8) operation_traits {
    detail::opcode code;
    direction queue;
    moves what;
    bool pooled; // the bytes come in a block of the pool
    bool sender; // it learns who sent them
    bool names;  // it carries an address to the system
    bool
        clocked; // with UNIX sockets it may wait for room at the peer, which the system does not report: it is tried again by the clock
    bool control; // it is one of coax/detail/message_operations.hpp: control data come or go with it
};

inline constexpr operation_traits operation_table[] = {
    // code                          queue               moves              pooled sender names  clocked control
    {detail::opcode::accept, direction::reading, moves::connection_in, false, false, false, false, false},
    {detail::opcode::connect, direction::writing, moves::nothing, false, false, true, true, false},
    {detail::opcode::recv, direction::reading, moves::bytes_in, false, false, false, false, false},
    {detail::opcode::recv_pooled, direction::reading, moves::bytes_in, true, false, false, false, false},
    {detail::opcode::recvfrom, direction::reading, moves::bytes_in, false, true, false, false, false},
    {detail::opcode::recvfrom_pooled, direction::reading, moves::bytes_in, true, true, false, false, false},
    {detail::opcode::send, direction::writing, moves::bytes_out, false, false, false, false, false},
    {detail::opcode::sendto, direction::writing, moves::bytes_out, false, false, true, true, false},
    {detail::opcode::send_vector, direction::writing, moves::bytes_out, false, false, false, false, false},
    {detail::opcode::recvmsg, direction::reading, moves::bytes_in, false, true, false, false, true},
    {detail::opcode::recvmsg_pooled, direction::reading, moves::bytes_in, true, true, false, false, true},
    {detail::opcode::sendmsg, direction::writing, moves::bytes_out, false, false, true, true, true},
    {detail::opcode::recv_batch, direction::reading, moves::datagrams_in, false, false, false, false, false},
    {detail::opcode::send_batch, direction::writing, moves::datagrams_out, false, false, false, true, false},
};

constexpr bool table_is_in_order() noexcept {
    for (std::size_t i = 0; i < std::size(operation_table); ++i)
        if (operation_table[i].code != static_cast<detail::opcode>(i))
            return false;
    return true;
}
static_assert(table_is_in_order(), "the rows stand in the order of the opcodes");
static_assert(std::size(operation_table) == static_cast<std::size_t>(detail::opcode::send_batch) + 1);

constexpr const operation_traits& traits_of(detail::opcode code) noexcept {
    return operation_table[static_cast<std::size_t>(code)];
}

constexpr bool reads(const detail::operation& op) noexcept { return traits_of(op.code).queue == direction::reading; }

/// The queue that an operation waits in.
inline detail::operation_queue& queue_of(const detail::operation& op) noexcept {
    return reads(op) ? op.target->reading : op.target->writing;
}

/// Whether a receive goes on until its buffer is full (`wait_all`, which means nothing beside `peek` and for datagrams).
inline bool fills_buffer(const detail::operation& op) noexcept {
    return contains(op.flags, message_flags::wait_all) && !contains(op.flags, message_flags::peek) &&
           traits_of(op.code).what == moves::bytes_in && !traits_of(op.code).sender && op.target->kind == kind::stream;
}

/// Whether it carries the name of a peer to the system: a message may go to whom the socket is connected.
inline bool names_peer(const detail::operation& op) noexcept {
    return traits_of(op.code).names && !static_cast<const detail::addressed_operation&>(op).peer.is_unnamed();
}

/// Whether the operation is a batch, which is always a direct call: a ring only waits for readiness.
inline bool is_batch(const detail::operation& op) noexcept { return op.code >= detail::opcode::recv_batch; }

/// Whether it is a batch that is sent, and for which the system had no memory.
inline bool lacks_memory(const detail::operation& op) noexcept {
    return op.code == detail::opcode::send_batch && static_cast<const detail::batch_operation&>(op).lacks_memory;
}

/// Whether the system reports nothing of what the operation waits for: room in the queue of another UNIX socket, memory for what is sent, or
/// bytes that are fewer than the socket's low-water mark, the last ones of a receive that fills its buffer.
inline bool waits_by_the_clock(const detail::operation& op) noexcept {
    return (traits_of(op.code).clocked &&
            ((op.target->family == family::local && (names_peer(op) || is_batch(op))) || lacks_memory(op))) ||
           (op.target->has_low_water_mark && fills_buffer(op));
}

} // namespace coax::backend

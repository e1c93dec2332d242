// One try at an operation, by direct system calls that never block.
#pragma once

#include <cerrno>
#include <cstddef>
#include <span>

#include <coax/detail/message_operations.hpp>

#include "backend/buffer_pool.hpp"
#include "backend/descriptor.hpp"
#include "backend/operation_table.hpp"

namespace coax::backend {

/// The most that one step moves of a stream, in bytes: about as much as is copied in a tenth of a millisecond. What is larger goes on in the
/// next turn, when others have had theirs.
inline constexpr std::size_t step_limit = std::size_t{256} << 10;

enum class progress : unsigned char {
    ended,       // well or with an error
    would_block, // it has to wait for readiness and be tried again; what it has done so far is noted in it
    paused,      // others have their turn before it goes on; nothing keeps it from going on at once
    connecting,  // a connection attempt goes on by itself: `finish_connect` when the socket is writable
};

/// Whether a call has done nothing because it would have to wait.
inline bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// Tries an operation. `short_is_all`: a receive that gives less than was asked for has emptied the socket.
progress attempt(detail::operation& op, buffer_pool& pool, bool short_is_all = false) noexcept;

/// After a connection attempt was under way and the socket became writable: true when the attempt has ended.
bool finish_connect(detail::operation& op) noexcept;

/// Serves an operation from what the descriptor keeps (connections, bytes). True: it has ended.
bool serve_kept(detail::operation& op, buffer_pool& pool) noexcept;

/// Notes what one receive gave: bytes (0 of a stream are its end) or an error. True: the operation has ended; false: it goes on until its
/// buffer is full.
bool note_received(detail::operation& op, std::size_t count, int error) noexcept;

/// Ends a send with an error of the system. A receive that finds the end of the stream afterwards says how the connection broke.
void note_send_failure(detail::operation& op, int error) noexcept;

/// Notes when bytes have moved. The clock is read, since the turn may have begun long ago.
void note_activity(detail::descriptor& d) noexcept;

/// An operation has moved some bytes, whether it goes on or has ended: notes in which direction and, where that matters, when.
inline void note_progress(const detail::operation& op) noexcept {
    op.target->peer_spoke_last = reads(op);
    if (op.target->watched)
        note_activity(*op.target);
}

/// Notes that `count` bytes of an operation's buffer or pieces are done.
void advance_buffer(detail::operation& op, std::size_t count) noexcept;
void advance_pieces(detail::vector_operation& op, std::size_t count) noexcept;
void advance_pieces(detail::sending_message_operation& op, std::size_t count) noexcept;

/// The next pieces of a message, no more than `most` bytes of them; of a larger first one `first` becomes the beginning.
std::span<const detail::buffer_view> pieces_within(const detail::sending_message_operation& op, std::size_t most,
                                                   detail::buffer_view& first) noexcept;

} // namespace coax::backend

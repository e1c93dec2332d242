// One try at an operation, by direct system calls that never block.
#pragma once

#include "backend/buffer_pool.hpp"
#include "backend/descriptor.hpp"

namespace coax::backend {

enum class progress : unsigned char {
    ended,       // well or with an error
    would_block, // it has to wait for readiness and be tried again; what it has done so far is noted in it
    connecting,  // a connection attempt goes on by itself: `finish_connect` when the socket is writable
};

/// Tries an operation.
progress attempt(detail::operation& op, buffer_pool& pool) noexcept;

/// After a connection attempt was under way and the socket became writable: true when the attempt has ended.
bool finish_connect(detail::operation& op) noexcept;

/// Serves an operation from what the descriptor keeps (connections, bytes). True: it has ended.
bool serve_kept(detail::operation& op, buffer_pool& pool) noexcept;

/// Whether a receive goes on until its buffer is full (`wait_all`, which means nothing beside `peek` and for datagrams).
bool fills_buffer(const detail::operation& op) noexcept;

/// Where it matters when the socket was last active: an operation that goes on has moved some bytes.
void note_progress(const detail::operation& op) noexcept;

/// Notes that `count` bytes of an operation's buffer or pieces are done.
void advance_buffer(detail::operation& op, std::size_t count) noexcept;
void advance_pieces(detail::vector_operation& op, std::size_t count) noexcept;

} // namespace coax::backend

// Datagrams that are received before anybody has asked for them: one call of the system takes what has come, instead of one for each.
#pragma once

#include "backend/attempt.hpp"
#include "os/datagrams.hpp"

namespace coax::backend {

/// Of a longer one the copy costs more than the call, in bytes.
inline constexpr std::size_t large_datagram = 2048;

/// Whether a receive may take more datagrams than the one that it gives. The others go into the inbox, so nobody else may wait for them
/// at the same socket. Large ones are not held in advance, nor are those that a UNIX socket may bring descriptors with.
inline bool may_read_ahead(const detail::operation& op) noexcept {
    const detail::descriptor& d = *op.target;
    return d.kind == kind::datagram && traits_of(op.code).what == moves::bytes_in && !traits_of(op.code).control &&
           !d.has_large && !d.receives_runs && d.family != family::local && op.flags == message_flags::none &&
           !d.may_have_duplicates() && os::receives_many();
}

/// One try at such a receive.
progress receive_ahead(detail::operation& op, buffer_pool& pool, detail::batch_block& staging) noexcept;

/// A datagram of so many bytes came by itself: others are received ahead again where it was no large one.
inline void note_single(const detail::operation& op, std::size_t size) noexcept {
    if (op.target->has_large && size < op.buffer.size && size <= large_datagram)
        op.target->has_large = false;
}

} // namespace coax::backend

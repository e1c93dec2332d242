// Batches of datagrams, and runs of them that the system has received as one.
#pragma once

#include "backend/attempt.hpp"

namespace coax::backend {

/// One try at a batch, as `attempt` makes it.
progress receive_batch(detail::batch_operation& op, buffer_pool& pool) noexcept;
progress send_batch(detail::batch_operation& op) noexcept;

/// A receive of a single datagram from a socket that takes in runs of them: the first one is given, the others go into the inbox.
progress receive_of_run(detail::operation& op, buffer_pool& pool) noexcept;

/// Gives entries what is in the inbox, behind those that there are.
void take_kept(detail::batch_operation& op) noexcept;

/// Whether a receive has got something and left nothing behind.
inline bool took_all(const detail::operation& op) noexcept {
    return op.emptied && op.error == 0 && op.transferred != 0;
}

/// Notes in the entries of a send that have not had their turn why they will not have it.
void note_unsent(detail::batch_operation& op, const std::error_code& why) noexcept;

} // namespace coax::backend

#include "backend/read_ahead.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace coax::backend {

using detail::addressed_operation;
using detail::batch_block;
using detail::buffer_block;
using detail::descriptor;
using detail::lease;
using detail::operation;

namespace {

/// The first one is the operation's. 0 or an errno value.
int give(operation& op, const datagram_entry& first, buffer_pool& pool) noexcept {
    const std::size_t count = std::min(first.data.size(), op.buffer.size);
    void* into = op.buffer.data;
    if (traits_of(op.code).pooled && count != 0) {
        op.block = pool.take(count);
        if (op.block == nullptr)
            return ENOMEM;
        into = op.block->data;
    }
    if (count != 0)
        std::memcpy(into, first.data.data(), count);
    op.transferred = count;
    op.truncated = first.truncated || first.data.size() > op.buffer.size;
    if (traits_of(op.code).sender)
        static_cast<addressed_operation&>(op).peer = first.peer;
    return 0;
}

/// The others wait in the inbox for those who ask. Where there is no memory for one it is lost, as the system loses it then.
void keep(descriptor& d, const batch_block& batch, std::size_t index) noexcept {
    const datagram_entry& entry = batch.entries[index];
    if (!d.make_room_to_keep())
        return;
    buffer_block* const block = buffer_pool::make_heap_block(entry.data.size());
    if (block == nullptr)
        return;
    if (!entry.data.empty())
        std::memcpy(block->data, entry.data.data(), entry.data.size());
    lease received(d.next_order(), block, block->data, entry.data.size());
    received.truncated = entry.truncated;
    received.peer = entry.peer;
    bool cut = false;
    if (const std::span<const std::byte> control = os::control_of(batch, index, cut); !control.empty() || cut) {
        try {
            received.control = std::make_unique<detail::kept_control>(d.system, control, cut);
        } catch (const std::bad_alloc&) {
            received.control_cut = true;
        }
    }
    d.keep(std::move(received));
}

} // namespace

progress receive_ahead(operation& op, buffer_pool& pool, batch_block& batch) noexcept {
    descriptor& d = *op.target;
    const os::outcome received = os::recv_batch(d.handle, d.family, batch);
    if (batch.size == 0) {
        if (!would_block(received.error)) {
            op.error = received.error;
            return progress::ended;
        }
        op.ended = d.input_ended;
        return d.input_ended ? progress::ended : progress::would_block;
    }
    op.emptied = received.error == 0 && batch.size < batch.capacity;
    op.order = d.next_order();
    op.error = give(op, batch.entries[0], pool);
    for (std::size_t i = 0; i < batch.size; ++i) {
        d.has_large = d.has_large || batch.entries[i].data.size() > large_datagram;
        if (i != 0)
            keep(d, batch, i);
    }
    if (received.error != 0 && !would_block(received.error))
        d.keep_error(received.error);
    return progress::ended;
}

} // namespace coax::backend

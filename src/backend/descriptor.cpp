#include "backend/descriptor.hpp"

#include <cstring>
#include <new>

#include "backend/buffer_pool.hpp"
#include "backend/message_control.hpp"
#include "backend/operation_table.hpp"

namespace coax::detail {

// Every connection has one, in a block of the heap: multiples of 16 bytes, 8 of which are the heap's own.
static_assert(sizeof(void*) != 8 || sizeof(native_handle) != 4 || sizeof(descriptor) <= 184);

void peer_name::set(const address& peer) noexcept {
    const std::size_t size = native_address::size(peer);
    clear();
    if (size <= inline_size) {
        std::memcpy(bytes_, native_address::data(peer), size);
        size_ = static_cast<unsigned char>(size);
    } else if (const address* const copy = new (std::nothrow) address(peer)) { // without memory only messages lose
        std::memcpy(bytes_, &copy, sizeof copy);
        size_ = elsewhere;
    }
}

address* peer_name::local() const noexcept {
    address* copy = nullptr;
    std::memcpy(&copy, bytes_, sizeof copy);
    return copy;
}

address peer_name::get() const noexcept {
    if (size_ == elsewhere)
        return *local();
    return size_ == 0 ? address() : native_address::make(bytes_, size_);
}

void descriptor::keep(native_handle connection, std::uint32_t order) noexcept {
    try {
        if (kept_ == nullptr)
            kept_ = std::make_unique<inbox>();
        kept_->connections.insert({order, connection});
    } catch (const std::bad_alloc&) {
        drop_connection(connection);
    }
}

void descriptor::drop_connection(native_handle connection) noexcept {
    // Not where a child may have it in its own inbox, and serve it: the option would be that of its connection too.
    if (family != coax::family::local && !os::has_forked())
        system.set_option(connection, option_id::linger, {1, 0});
    system.close(connection);
}

void descriptor::keep(lease&& bytes) noexcept {
    if (has_gap_) // nothing behind it is of use, and nobody can tell what stands before it
        return;
    try {
        if (kept_ == nullptr)
            kept_ = std::make_unique<inbox>();
        kept_->bytes.insert(std::move(bytes));
    } catch (const std::bad_alloc&) {
        has_gap_ = kind == coax::kind::stream;
    }
}

bool descriptor::make_room_to_keep() noexcept {
    try {
        if (kept_ == nullptr)
            kept_ = std::make_unique<inbox>();
        kept_->bytes.make_room();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void descriptor::keep_error(int error) noexcept {
    if (make_room_to_keep())
        kept_->error = error;
}

/// Backwards: each comes to stand in front of those that have the same place.
void descriptor::keep_batch(batch_operation& op, std::uint32_t place) noexcept {
    for (std::size_t i = op.transferred; i-- != 0;) {
        const datagram_entry& entry = op.batch->entries[i];
        const std::size_t details_at =
            (entry.data.size() + alignof(datagram_entry)) / alignof(datagram_entry) * alignof(datagram_entry);
        buffer_block* const block = backend::buffer_pool::make_heap_block(details_at + sizeof entry);
        if (block == nullptr)
            continue;
        if (!entry.data.empty())
            std::memcpy(block->data, entry.data.data(), entry.data.size());
        lease received(place, block, block->data, entry.data.size());
        received.truncated = entry.truncated;
        received.peer = entry.peer;
        received.details = new (block->data + details_at) datagram_entry(entry);
        keep(std::move(received));
    }
}

void descriptor::keep_received(operation& op) noexcept {
    const std::uint32_t place = op.order != 0 ? op.order : next_order();
    if (op.code == opcode::recv_batch) {
        keep_batch(static_cast<batch_operation&>(op), place);
        return;
    }
    buffer_block* block = std::exchange(op.block, nullptr);
    std::byte* first = static_cast<std::byte*>(op.buffer.data);
    if (block == nullptr) { // it lies in the caller's memory
        block = backend::buffer_pool::make_heap_block(op.transferred);
        if (block == nullptr) {
            backend::drop_control(op);
            has_gap_ = kind == coax::kind::stream;
            return;
        }
        if (op.transferred != 0)
            std::memcpy(block->data, first, op.transferred);
        first = block->data;
    } else if (first == nullptr) {
        first = block->data;
    }
    lease received(place, block, first, op.transferred);
    received.truncated = op.truncated;
    if (backend::traits_of(op.code).sender)
        received.peer = static_cast<addressed_operation&>(op).peer;
    backend::keep_control(op, received);
    keep(std::move(received));
}

void descriptor::drop_kept() noexcept {
    if (kept_ == nullptr)
        return;
    for (const unaccepted& connection : kept_->connections)
        drop_connection(connection.handle);
    kept_.reset();
}

} // namespace coax::detail

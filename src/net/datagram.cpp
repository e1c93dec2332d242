#include <coax/datagram.hpp>

#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

#include "os/datagrams.hpp"

namespace coax {

using detail::batch_block;

namespace {

constexpr std::size_t alignment = 64; // bytes: a line of the processor's cache

/// Of everything that has a place of its own in the block.
constexpr std::size_t aligned(std::size_t size) noexcept { return (size + alignment - 1) / alignment * alignment; }

/// The block is released as raw memory.
static_assert(std::is_trivially_destructible_v<datagram_entry>);

} // namespace

datagram_batch::datagram_batch(detail::count<"datagram_batch"> capacity, detail::count<"datagram_batch"> entry_size) {
    const std::size_t count = capacity;
    const std::size_t size = entry_size;
    if (count == 0)
        throw std::invalid_argument("datagram_batch: a capacity of zero");
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 4;
    if (count > most / (sizeof(datagram_entry) + os::batch_header_size) || (size != 0 && count > most / size))
        throw std::bad_alloc();
    const std::size_t entries_at = aligned(sizeof(batch_block));
    const std::size_t native_at = entries_at + aligned(count * sizeof(datagram_entry));
    const std::size_t buffers_at = native_at + aligned(count * os::batch_header_size);
    const std::size_t all = buffers_at + count * size;
    auto* const memory = static_cast<std::byte*>(::operator new(all, std::align_val_t(alignment)));
    block_ = new (memory) batch_block{0, count, size, nullptr, memory + buffers_at, memory + native_at, 0, all};
    block_->entries = reinterpret_cast<datagram_entry*>(memory + entries_at);
    std::uninitialized_default_construct_n(block_->entries, count);
    os::prepare_batch(*block_);
}

datagram_batch::~datagram_batch() {
    if (block_ != nullptr)
        ::operator delete(block_, block_->allocation, std::align_val_t(alignment));
}

void datagram_batch::resize(detail::count<"datagram_batch::resize"> size) {
    if (size > capacity())
        throw std::length_error("datagram_batch: more entries than its capacity");
    for (std::size_t i = this->size(); i < size; ++i) {
        block_->entries[i] = datagram_entry();
        block_->entries[i].data = {block_->buffer(i), block_->entry_size};
    }
    if (block_ != nullptr)
        block_->size = size;
}

datagram_entry& datagram_batch::add(bytes_view bytes, const address& peer) {
    if (bytes.size() > entry_size())
        throw std::length_error("datagram_batch: more bytes than an entry has room for");
    // Both may be of an entry that this one overwrites.
    const address to = peer;
    resize(size() + 1);
    datagram_entry& entry = block_->entries[size() - 1];
    if (bytes.size() != 0)
        std::memmove(entry.data.data(), bytes.data(), bytes.size());
    entry.data = entry.data.first(bytes.size());
    entry.peer = to;
    return entry;
}

} // namespace coax

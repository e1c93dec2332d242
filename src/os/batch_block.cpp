// The memory of a batch: what it says, its entries, what the system's calls take, and the bytes, one behind the other.
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>

#include "os/datagrams.hpp"

namespace coax::os {

namespace {

constexpr std::size_t alignment = 64; // bytes: a line of the processor's cache

/// Of everything that has a place of its own in the block.
constexpr std::size_t aligned(std::size_t size) noexcept { return (size + alignment - 1) / alignment * alignment; }

/// The block is released as raw memory.
static_assert(std::is_trivially_destructible_v<datagram_entry>);

} // namespace

batch_block* make_batch(std::size_t count, std::size_t size) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 4;
    if (count > most / (sizeof(datagram_entry) + batch_header_size) || (size != 0 && count > most / size))
        throw std::bad_alloc();
    const std::size_t entries_at = aligned(sizeof(batch_block));
    const std::size_t native_at = entries_at + aligned(count * sizeof(datagram_entry));
    const std::size_t buffers_at = native_at + aligned(count * batch_header_size);
    const std::size_t all = buffers_at + count * size;
    auto* const memory = static_cast<std::byte*>(::operator new(all, std::align_val_t(alignment)));
    auto* const block =
        new (memory) batch_block{0, count, size, nullptr, memory + buffers_at, memory + native_at, 0, all};
    block->entries = reinterpret_cast<datagram_entry*>(memory + entries_at);
    std::uninitialized_default_construct_n(block->entries, count);
    prepare_batch(*block);
    return block;
}

void batch_delete::operator()(batch_block* block) const noexcept {
    ::operator delete(block, block->allocation, std::align_val_t(alignment));
}

} // namespace coax::os

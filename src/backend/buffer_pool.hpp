// The buffers behind `recv(n)`: one slab per scheduler, leased to chunks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <coax/chunk.hpp>

#include "os/datagrams.hpp"

namespace coax::backend {
class buffer_pool;
}

namespace coax::detail {

/// Where the bytes of a chunk are. Blocks of the slab lie in an array beside it; a heap block stands in front of its bytes.
struct buffer_block {
    backend::buffer_pool* pool = nullptr; // null: a block of the heap that nobody keeps
    std::byte* data = nullptr;
    std::size_t capacity = 0;
    buffer_block* next = nullptr; // in the free list, or among those given back by other threads
    std::uint16_t id = 0;         // its place in the slab

    static constexpr std::uint16_t no_place =
        0xffff; // a large block of the heap, which the pool keeps for the next who asks
};

} // namespace coax::detail

namespace coax::backend {

using detail::buffer_block;

/// A cache of buffers, not a limit: where it is empty or its buffers are too small a heap block serves. Of the larger ones it keeps some when
/// they come back: to the system's allocator they are dear, which gives their memory back and has it cleared again.
///
/// It belongs to its scheduler's thread. Chunks may be destroyed anywhere and at any time: other threads put blocks on a
/// stack from which the owner takes them, and the slab lives until the last chunk is gone.
class buffer_pool {
public:
    struct retire {
        void operator()(buffer_pool* pool) const noexcept { pool->close(); }
    };
    using owner = std::unique_ptr<buffer_pool, retire>;

    /// `count` buffers (a power of two, at most 32768) of `size` bytes.
    static owner make(std::size_t count, std::size_t size);

    /// Takes the free blocks, and those that come back later; without one they are in the pool's own free list.
    struct recycler {
        virtual void recycle(buffer_block& block) noexcept = 0;

    protected:
        ~recycler() = default;
    };
    void set_recycler(recycler& sink) noexcept;

    /// Blocks are given back directly on the thread where this loop runs.
    void set_owner(const void* loop) noexcept { owner_.store(loop, std::memory_order_relaxed); }
    const void* loop() const noexcept { return owner_.load(std::memory_order_relaxed); }

    std::size_t count() const noexcept { return blocks_.size(); }
    std::size_t size() const noexcept { return size_; }
    std::size_t leased() const noexcept { return leased_; }
    std::uint64_t heap_blocks() const noexcept { return heap_blocks_; }
    buffer_block& block(std::size_t id) noexcept { return blocks_[id]; }

    /// A block for at least `size` bytes; null only when there is no memory at all.
    buffer_block* take(std::size_t size) noexcept;
    /// A block of the heap, though the slab may have free ones.
    buffer_block* take_heap(std::size_t size) noexcept;
    /// The bytes of a block that is much too large for them go to one that is not. The block, if there is none.
    buffer_block* shrink(buffer_block* block, std::size_t used) noexcept {
        return block->capacity <= size_ || used > size_ ? block : replace(block, used);
    }
    /// The same without a pool that counts it.
    static buffer_block* make_heap_block(std::size_t size) noexcept;
    /// Where datagrams are received whose size and number nobody knows, until the next ones are; null where there is no memory. Each entry
    /// has room for any datagram.
    detail::batch_block* staging() noexcept { return staging_ != nullptr ? staging_.get() : make_staging(); }
    /// A block that the recycler had has been filled.
    void lend(buffer_block&) noexcept { ++leased_; }

    /// Gives a block back, from any thread.
    static void release(buffer_block* block) noexcept;
    /// Takes in what other threads have given back.
    void collect() noexcept {
        if (returned_.load(std::memory_order_relaxed) != nullptr)
            collect_returned();
    }

private:
    buffer_pool(std::size_t count, std::size_t size);
    ~buffer_pool() = default;
    void free_large() noexcept;
    void recycle(buffer_block& block) noexcept;
    void take_back(buffer_block& block) noexcept;
    buffer_block* replace(buffer_block* block, std::size_t used) noexcept;
    buffer_block* take_large(std::size_t size) noexcept;
    void collect_returned() noexcept;
    void close() noexcept;
    detail::batch_block* make_staging() noexcept;
    static buffer_block* closed_mark() noexcept;

    struct slab_delete {
        void operator()(std::byte* slab) const noexcept;
    };

    std::size_t size_;
    std::unique_ptr<std::byte, slab_delete> slab_;
    std::vector<buffer_block> blocks_;
    buffer_block* free_ = nullptr;
    buffer_block* large_ = nullptr; // free ones, the one used last in front
    std::size_t large_bytes_ = 0;   // of those
    std::size_t large_leased_ = 0;
    std::unique_ptr<detail::batch_block, os::batch_delete> staging_;
    recycler* recycler_ = nullptr;
    std::size_t leased_ = 0;
    std::uint64_t heap_blocks_ = 0;
    std::atomic<const void*> owner_{nullptr};
    std::atomic<buffer_block*> returned_{nullptr};
    std::atomic<std::size_t> remaining_{0}; // after the scheduler's end: leases still out
};

} // namespace coax::backend

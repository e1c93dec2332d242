#include "backend/buffer_pool.hpp"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include <coax/detail/loop.hpp>

namespace coax::backend {
namespace {
constexpr std::size_t page = 4096;
constexpr std::size_t most_large_bytes = std::size_t{1} << 20; // that are kept, of all large blocks

bool is_large(const buffer_block& block) noexcept { return block.id == buffer_block::no_place; }
} // namespace

void buffer_pool::slab_delete::operator()(std::byte* slab) const noexcept {
    ::operator delete(slab, std::align_val_t(page));
}

buffer_pool::buffer_pool(std::size_t count, std::size_t size)
    : size_(size), slab_(static_cast<std::byte*>(::operator new(count* size, std::align_val_t(page)))), blocks_(count) {
    // The free list is a stack: the buffer used last, still in the processor's cache, is used next.
    for (std::size_t i = count; i-- > 0;) {
        buffer_block& block = blocks_[i];
        block.pool = this;
        block.data = slab_.get() + i * size;
        block.capacity = size;
        block.id = static_cast<std::uint16_t>(i);
        block.next = free_;
        free_ = &block;
    }
}

void buffer_pool::free_large() noexcept {
    while (large_ != nullptr) {
        buffer_block* const block = large_;
        large_ = block->next;
        std::free(block);
    }
    large_bytes_ = 0;
}

buffer_pool::owner buffer_pool::make(std::size_t count, std::size_t size) {
    return owner(new buffer_pool(count, size));
}

void buffer_pool::set_recycler(recycler& sink) noexcept {
    recycler_ = &sink;
    while (free_ != nullptr) {
        buffer_block& block = *free_;
        free_ = block.next;
        sink.recycle(block);
    }
}

buffer_block* buffer_pool::take(std::size_t size) noexcept {
    if (size > size_)
        return take_heap(size);
    if (free_ == nullptr)
        collect();
    if (free_ == nullptr)
        return take_heap(size);
    buffer_block* block = free_;
    free_ = block->next;
    ++leased_;
    return block;
}

buffer_block* buffer_pool::take_heap(std::size_t size) noexcept {
    collect();
    const bool large = size >= size_ && size <= most_large_bytes;
    buffer_block* block = large ? take_large(size) : nullptr;
    if (block == nullptr) {
        block = make_heap_block(size);
        if (block == nullptr)
            return nullptr;
        ++heap_blocks_;
    }
    if (large) {
        block->pool = this;
        block->id = buffer_block::no_place;
        ++large_leased_;
    }
    return block;
}

/// A free one that is not much larger than what is asked for.
buffer_block* buffer_pool::take_large(std::size_t size) noexcept {
    int looks = 8;
    for (buffer_block** link = &large_; *link != nullptr && looks-- != 0; link = &(*link)->next) {
        buffer_block* const block = *link;
        if (block->capacity >= size && block->capacity / 2 <= size) {
            *link = block->next;
            large_bytes_ -= block->capacity;
            return block;
        }
    }
    return nullptr;
}

buffer_block* buffer_pool::replace(buffer_block* block, std::size_t used) noexcept {
    buffer_block* const small = recycler_ == nullptr ? take(used) : make_heap_block(used);
    if (small == nullptr)
        return block;
    std::memcpy(small->data, block->data, used);
    release(block);
    return small;
}

buffer_block* buffer_pool::make_heap_block(std::size_t size) noexcept {
    if (size > std::numeric_limits<std::size_t>::max() / 2)
        return nullptr;
    void* memory = std::malloc(sizeof(buffer_block) + size);
    if (memory == nullptr)
        return nullptr;
    auto* block = new (memory) buffer_block;
    block->data = static_cast<std::byte*>(memory) + sizeof(buffer_block);
    block->capacity = size;
    return block;
}

detail::batch_block* buffer_pool::make_staging() noexcept {
    // As many as are worth it. Only what is filled is ever touched; the distance keeps their first lines apart in the processor's cache.
    constexpr std::size_t count = 16;
    constexpr std::size_t distance = 65536 + 5 * 64;
    try {
        staging_.reset(os::make_batch(count, distance));
    } catch (const std::bad_alloc&) {
    }
    return staging_.get();
}

/// One that was leased, on the owner's thread.
void buffer_pool::take_back(buffer_block& block) noexcept {
    if (!is_large(block)) {
        --leased_;
        recycle(block);
        return;
    }
    --large_leased_;
    if (large_bytes_ + block.capacity > most_large_bytes) // of sizes, maybe, that nobody asks for any more
        free_large();
    large_bytes_ += block.capacity;
    block.next = large_;
    large_ = &block;
}

void buffer_pool::recycle(buffer_block& block) noexcept {
    if (recycler_ != nullptr) {
        recycler_->recycle(block);
    } else {
        block.next = free_;
        free_ = &block;
    }
}

// A value of the stack that stands for "the scheduler is gone".
buffer_block* buffer_pool::closed_mark() noexcept {
    static buffer_block mark;
    return &mark;
}

void buffer_pool::release(buffer_block* block) noexcept {
    buffer_pool* pool = block->pool;
    if (pool == nullptr) {
        std::free(block);
        return;
    }
    const void* loop = detail::current_loop();
    if (loop != nullptr && loop == pool->owner_.load(std::memory_order_relaxed)) {
        pool->take_back(*block);
        return;
    }
    buffer_block* head = pool->returned_.load(std::memory_order_acquire);
    do {
        if (head == closed_mark()) {
            if (is_large(*block))
                std::free(block);
            if (pool->remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1)
                delete pool;
            return;
        }
        block->next = head;
    } while (!pool->returned_.compare_exchange_weak(head, block, std::memory_order_release, std::memory_order_acquire));
}

void buffer_pool::collect_returned() noexcept {
    buffer_block* block = returned_.exchange(nullptr, std::memory_order_acquire);
    while (block != nullptr) {
        buffer_block* next = block->next;
        take_back(*block);
        block = next;
    }
}

void buffer_pool::close() noexcept {
    owner_.store(nullptr, std::memory_order_relaxed);
    free_large();
    staging_.reset();
    // One more than the leases, so that nobody deletes the pool before those on the stack are counted.
    remaining_.store(leased_ + large_leased_ + 1, std::memory_order_relaxed);
    std::size_t back = 1;
    for (buffer_block *block = returned_.exchange(closed_mark(), std::memory_order_acq_rel), *next; block != nullptr;
         block = next, ++back) {
        next = block->next;
        if (is_large(*block))
            std::free(block);
    }
    if (remaining_.fetch_sub(back, std::memory_order_acq_rel) == back)
        delete this;
}

} // namespace coax::backend

namespace coax::detail {

buffer_block* allocate_block(std::size_t size, std::byte*& data) {
    buffer_block* const block = backend::buffer_pool::make_heap_block(size);
    if (block == nullptr)
        throw std::bad_alloc();
    data = block->data;
    return block;
}

void release_block(buffer_block* block) noexcept { backend::buffer_pool::release(block); }

} // namespace coax::detail

#include "backend/buffer_pool.hpp"

#include <cstdlib>
#include <limits>
#include <new>

#include <coax/detail/loop.hpp>

namespace coax::backend {
namespace {
constexpr std::size_t page = 4096;
}

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
    buffer_block* const block = make_heap_block(size);
    if (block != nullptr)
        ++heap_blocks_;
    return block;
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
        --pool->leased_;
        pool->recycle(*block);
        return;
    }
    buffer_block* head = pool->returned_.load(std::memory_order_acquire);
    do {
        if (head == closed_mark()) {
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
        --leased_;
        recycle(*block);
        block = next;
    }
}

void buffer_pool::close() noexcept {
    owner_.store(nullptr, std::memory_order_relaxed);
    // One more than the leases, so that nobody deletes the pool before those on the stack are counted.
    remaining_.store(leased_ + 1, std::memory_order_relaxed);
    std::size_t back = 1;
    for (buffer_block* block = returned_.exchange(closed_mark(), std::memory_order_acq_rel); block != nullptr;
         block = block->next)
        ++back;
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

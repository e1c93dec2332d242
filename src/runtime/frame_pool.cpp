#include <coax/detail/promise.hpp>

#include <new>

#include "os/thread_end.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define COAX_POOL_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COAX_POOL_FRAMES 0
#endif
#endif
#if !defined(COAX_POOL_FRAMES)
#define COAX_POOL_FRAMES 1
#endif

namespace coax::detail {

#if COAX_POOL_FRAMES

namespace {

// The blocks of a class are as large as what glibc's heap gives out: multiples of 16 bytes, 8 of which are its own. It aligns every block for
// anything, as the other heaps do.
constexpr std::size_t granule = 16;
constexpr std::size_t heap_header = 8;
constexpr std::size_t classes = 128; // up to 2 KiB
// Enough for a burst; beyond it memory goes back to the heap.
constexpr std::size_t kept_bytes_per_class = std::size_t{256} << 10;

struct free_block {
    free_block* next;
};

struct cache {
    struct list {
        free_block* first;
        std::size_t count;
    } lists[classes];
    std::ptrdiff_t live;
    bool registered; // its end is arranged for
    bool closed;
};

// Trivial to destroy, so that reaching it costs no check; it is emptied at the end of the thread.
constinit thread_local cache frames{};

void empty_cache() noexcept {
    frames.closed = true;
    for (auto& list : frames.lists) {
        while (list.first != nullptr) {
            free_block* next = list.first->next;
            ::operator delete(list.first);
            list.first = next;
        }
        list.count = 0;
    }
}

/// Where the end cannot be arranged for, nothing is kept.
[[gnu::noinline]] void arrange_end() noexcept {
    frames.registered = true;
    frames.closed = !os::at_thread_end(&empty_cache);
}

constexpr std::size_t class_of(std::size_t size) noexcept {
    return size <= granule - heap_header ? 0 : (size + heap_header - 1) / granule;
}
constexpr std::size_t size_of(std::size_t index) noexcept { return (index + 1) * granule - heap_header; }

} // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index < classes) {
        auto& list = frames.lists[index];
        if (free_block* block = list.first) {
            list.first = block->next;
            --list.count;
            ++frames.live;
            return block;
        }
    }
    void* block = ::operator new(index < classes ? size_of(index) : size);
    ++frames.live;
    return block;
}

void deallocate_frame(void* block, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    --frames.live;
    if (!frames.registered) [[unlikely]]
        arrange_end();
    if (index < classes && !frames.closed) {
        auto& list = frames.lists[index];
        if (list.count < kept_bytes_per_class / size_of(index)) {
            list.first = new (block) free_block{list.first};
            ++list.count;
            return;
        }
    }
    ::operator delete(block);
}

std::ptrdiff_t live_frames() noexcept { return frames.live; }

#else

// Under AddressSanitizer every frame is a block of its own, so that a use after its end is seen.
namespace {
constinit thread_local std::ptrdiff_t live = 0;
}

void* allocate_frame(std::size_t size) {
    void* block = ::operator new(size);
    ++live;
    return block;
}
void deallocate_frame(void* block, std::size_t) noexcept {
    --live;
    ::operator delete(block);
}

std::ptrdiff_t live_frames() noexcept { return live; }

#endif

} // namespace coax::detail

// The memory of coroutine frames.
#include "support/catch.hpp"

#include <coax/detail/promise.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#include <malloc.h>
#endif

using coax::detail::allocate_frame;
using coax::detail::deallocate_frame;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

/// A block that is filled with its own pattern, and checked before it is freed.
struct patterned {
    patterned(std::size_t of, unsigned char with) : block(allocate_frame(of)), size(of), pattern(with) {
        std::memset(block, pattern, size);
    }
    bool intact() const {
        const unsigned char* bytes = static_cast<const unsigned char*>(block);
        return std::all_of(bytes, bytes + size, [this](unsigned char byte) { return byte == pattern; });
    }
    void free() const { deallocate_frame(block, size); }

    void* block;
    std::size_t size;
    unsigned char pattern;
};

/// Frees its frame when the thread that made it ends.
struct late_owner {
    late_owner() noexcept = default;
    late_owner(const late_owner&) = delete;
    late_owner& operator=(const late_owner&) = delete;
    ~late_owner() {
        if (block != nullptr)
            deallocate_frame(block, size);
    }
    void* block = nullptr;
    std::size_t size = 0;
};

} // namespace

TEST_CASE("a frame of any size is aligned and all of it can be written") {
    for (std::size_t size = 1; size <= 5000; size += size < 700 ? 1 : 37) {
        void* const block = allocate_frame(size);
        REQUIRE(block != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(block) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
        std::memset(block, 0xa5, size);
        deallocate_frame(block, size);
    }
    void* const large = allocate_frame(std::size_t{1} << 24);
    std::memset(large, 1, std::size_t{1} << 24);
    deallocate_frame(large, std::size_t{1} << 24);
}

TEST_CASE("frames that live at the same time never overlap") {
    std::mt19937 random(20240917);
    std::uniform_int_distribution<std::size_t> any_size(1, 3000);
    std::vector<patterned> live;
    unsigned char next = 0;
    bool intact = true;
    for (int round = 0; round < 20'000; ++round) {
        if (live.size() < 100 || (live.size() < 1000 && random() % 2 == 0)) {
            live.emplace_back(any_size(random), ++next);
        } else {
            const std::size_t which = random() % live.size();
            std::swap(live[which], live.back());
            intact = intact && live.back().intact();
            live.back().free();
            live.pop_back();
        }
    }
    for (const patterned& block : live) {
        intact = intact && block.intact();
        block.free();
    }
    CHECK(intact);
}

TEST_CASE("a freed frame serves the next one of its size") {
    // Tools that look for uses after the end see more when blocks go back to the heap.
    if (sanitized)
        return;
    for (const std::size_t size : {64U, 200U, 368U, 512U}) {
        void* const first = allocate_frame(size);
        deallocate_frame(first, size);
        void* const second = allocate_frame(size);
        CHECK(first == second);
        deallocate_frame(second, size);
    }
}

TEST_CASE("a frame may be freed on another thread than its own") {
    constexpr int rounds = 50;
    constexpr unsigned char per_round = 200;
    bool intact = true;
    for (int round = 0; round < rounds; ++round) {
        std::vector<patterned> mine;
        for (unsigned char index = 0; index < per_round; ++index)
            mine.emplace_back(std::size_t{1} + index * 8U, index);
        std::vector<patterned> theirs;
        std::thread other([&] {
            for (const patterned& block : mine) {
                intact = intact && block.intact();
                block.free();
            }
            for (unsigned char index = 0; index < per_round; ++index)
                theirs.emplace_back(std::size_t{1} + index * 8U, index);
        });
        other.join();
        for (const patterned& block : theirs) {
            intact = intact && block.intact();
            block.free();
        }
    }
    CHECK(intact);
}

TEST_CASE("a frame may be freed while its thread is ending") {
    // Whichever of the two is destroyed first, the pool's own state or the owner: once the owner is made
    // before the pool is first used, once after.
    for (const bool owner_first : {true, false}) {
        std::thread ending([owner_first] {
            thread_local late_owner owner;
            if (!owner_first)
                deallocate_frame(allocate_frame(100), 100);
            owner.size = 300;
            owner.block = allocate_frame(owner.size);
        });
        ending.join();
    }
    SUCCEED("no crash, and the leak check at exit finds nothing");
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
TEST_CASE("a thread that ends gives its cached frames back") {
    const auto use_frames = [] {
        std::vector<void*> blocks;
        for (int index = 0; index < 1000; ++index)
            blocks.push_back(allocate_frame(400));
        for (void* const block : blocks)
            deallocate_frame(block, 400);
    };
    std::thread(use_frames).join();
    const std::size_t before = mallinfo2().uordblks;
    for (int thread = 0; thread < 100; ++thread)
        std::thread(use_frames).join();
    const std::size_t after = mallinfo2().uordblks;
    // Kept, they would be 40 MB.
    CHECK(after < before + 4'000'000);
}
#endif

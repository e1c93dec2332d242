#include "support/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

namespace {

std::atomic<std::size_t> count{0};
std::atomic<long> until_failure{0};          // 0: none is to fail, or it has failed
thread_local std::size_t before_failing = 0; // allocations of this thread that succeed before the failing ones
thread_local std::size_t left_to_fail = 0;

bool fails_here() noexcept {
    if (left_to_fail == 0)
        return false;
    if (before_failing != 0) {
        --before_failing;
        return false;
    }
    --left_to_fail;
    return true;
}

} // namespace

void support::fail_allocations(std::size_t after, std::size_t how_many) noexcept {
    before_failing = after;
    left_to_fail = how_many;
}
std::size_t support::failures_left() noexcept { return left_to_fail; }

std::size_t support::allocations() noexcept { return count.load(); }

support::failing_allocation::failing_allocation(long number) noexcept { until_failure = number; }
support::failing_allocation::~failing_allocation() { until_failure = 0; }
bool support::failing_allocation::has_failed() const noexcept { return until_failure <= 0; }

std::size_t support::held_bytes() noexcept {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    const auto heap = ::mallinfo2();
    return heap.uordblks + heap.hblkhd;
#else
    return 0;
#endif
}

// The forms for arrays and without exceptions call these.
void* operator new(std::size_t size) {
    count.fetch_add(1, std::memory_order_relaxed);
    if (until_failure.load(std::memory_order_relaxed) > 0 && until_failure.fetch_sub(1) == 1)
        throw std::bad_alloc();
    if (fails_here())
        throw std::bad_alloc();
    if (void* const block = std::malloc(size != 0 ? size : 1))
        return block;
    throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

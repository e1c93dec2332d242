// The allocation that fails: this program's own functions stand in front of the C library's, for all of it.
#include "faults.hpp"

#include <atomic>
#include <cerrno>
#include <string>

extern "C" {
void* __libc_malloc(std::size_t size);                    // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t size); // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* block, std::size_t size);      // NOLINT(bugprone-reserved-identifier)
}

namespace {

std::atomic<bool> armed{false};
std::atomic<std::size_t> passed{0};
std::atomic<std::size_t> first{0};
std::atomic<std::size_t> end{0};

bool fails() noexcept {
    if (!armed.load(std::memory_order_relaxed))
        return false;
    const std::size_t number = ++passed;
    if (number < first || number >= end)
        return false;
    errno = ENOMEM;
    return true;
}

} // namespace

const fault::kind fault::allocations{
    [](const plan& which) {
        passed = 0;
        first = which.first;
        end = which.first + which.failing;
        armed = true;
    },
    [] {
        armed = false;
        return passed.load() >= first.load();
    },
    [] { return "allocation " + std::to_string(first.load()); },
    [] { return std::size_t{1}; },
    3,
};

extern "C" void* malloc(std::size_t size) { return fails() ? nullptr : __libc_malloc(size); }
extern "C" void* calloc(std::size_t count, std::size_t size) { return fails() ? nullptr : __libc_calloc(count, size); }
extern "C" void* realloc(void* block, std::size_t size) { return fails() ? nullptr : __libc_realloc(block, size); }

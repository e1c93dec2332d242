#include "os/process.hpp"

#include <atomic>

#include <pthread.h>
#include <unistd.h>

namespace coax::os {
namespace {

std::atomic<unsigned> forks_counted{0};
std::atomic<bool> forked{false};

void note_child() noexcept {
    forked.store(true, std::memory_order_relaxed);
    forks_counted.fetch_add(1, std::memory_order_relaxed);
}

void note_parent() noexcept { forked.store(true, std::memory_order_relaxed); }

// Before main, so that no fork that could have duplicated a socket goes unnoticed.
const int registered = ::pthread_atfork(nullptr, &note_parent, &note_child);

} // namespace

unsigned forks() noexcept {
    (void)registered;
    return forks_counted.load(std::memory_order_relaxed);
}

bool has_forked() noexcept {
    (void)registered;
    return forked.load(std::memory_order_relaxed);
}

long process_id() noexcept { return ::getpid(); }

} // namespace coax::os

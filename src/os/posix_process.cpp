#include "os/process.hpp"

#include <atomic>

#include <pthread.h>
#include <unistd.h>

namespace coax::os {
namespace {

std::atomic<unsigned> count{0};

void note_fork() noexcept { count.fetch_add(1, std::memory_order_relaxed); }

} // namespace

unsigned forks() noexcept {
    static const int registered = ::pthread_atfork(nullptr, nullptr, &note_fork);
    (void)registered;
    return count.load(std::memory_order_relaxed);
}

long process_id() noexcept { return ::getpid(); }

} // namespace coax::os

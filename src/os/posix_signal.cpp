// The handler may run on any thread at any moment. It reads only lock-free atomics: a fixed table of subscriptions, each with a mask
// of the signals it wants, a mask of those that came, and the event to notify.

#include "os/signal.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <mutex>

#include <signal.h>

namespace coax::os {
namespace {

struct slot {
    std::atomic<bool> taken{false};
    std::atomic<std::uint64_t> wanted{0};
    std::atomic<std::uint64_t> arrived{0};
    std::atomic<wake_event*> wake{nullptr};
    // Handlers inside this slot now: its owner waits for them before its event goes away.
    std::atomic<int> busy{0};
};

constexpr int slot_count = 256;
slot slots[slot_count];
std::atomic<int> slots_used{0};

std::mutex dispositions_mutex;
unsigned users[signal_subscription::max_signal + 1];
struct sigaction previous[signal_subscription::max_signal + 1];

constexpr std::uint64_t bit(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

extern "C" void coax_note_signal(int signal) {
    const int saved = errno;
    const int used = slots_used.load();
    for (int i = 0; i < used; ++i) {
        slot& s = slots[i];
        s.busy.fetch_add(1);
        if ((s.wanted.load() & bit(signal)) != 0) {
            s.arrived.fetch_or(bit(signal));
            if (wake_event* wake = s.wake.load())
                wake->notify();
        }
        s.busy.fetch_sub(1);
    }
    errno = saved;
}

int take_slot(wake_event& wake) noexcept {
    for (int i = 0; i < slot_count; ++i) {
        bool expected = false;
        if (!slots[i].taken.compare_exchange_strong(expected, true))
            continue;
        slots[i].arrived.store(0);
        slots[i].wake.store(&wake);
        int used = slots_used.load();
        while (used <= i && !slots_used.compare_exchange_weak(used, i + 1)) {
        }
        return i;
    }
    return -1;
}

void free_slot(int index) noexcept {
    slot& s = slots[index];
    s.wanted.store(0);
    s.wake.store(nullptr);
    while (s.busy.load() != 0) {
    }
    s.taken.store(false);
}

int acquire_disposition(int signal) noexcept {
    const std::lock_guard lock(dispositions_mutex);
    if (users[signal] == 0) {
        struct sigaction action{};
        action.sa_handler = &coax_note_signal;
        action.sa_flags = SA_RESTART;
        sigfillset(&action.sa_mask); // without "::", as below: macOS has macros for it
        if (::sigaction(signal, &action, &previous[signal]) != 0)
            return errno;
    }
    ++users[signal];
    return 0;
}

void release_disposition(int signal) noexcept {
    const std::lock_guard lock(dispositions_mutex);
    if (--users[signal] == 0)
        ::sigaction(signal, &previous[signal], nullptr);
}

class mask_guard {
public:
    mask_guard() noexcept {
        sigset_t blocked;
        sigfillset(&blocked);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
            sigdelset(&blocked, fault);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &previous_);
    }
    mask_guard(const mask_guard&) = delete;
    mask_guard& operator=(const mask_guard&) = delete;
    ~mask_guard() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

private:
    sigset_t previous_;
};

} // namespace

void with_signals_blocked(function_ref<void()> body) {
    const mask_guard guard;
    body();
}

signal_subscription::~signal_subscription() {
    for (int signal = 1; signal <= max_signal; ++signal)
        while (counts_[signal] != 0)
            remove(signal);
}

int signal_subscription::add(int signal, wake_event& wake) noexcept {
    if (signal < 1 || signal > max_signal)
        return EINVAL;
    if (slot_ < 0) {
        slot_ = take_slot(wake);
        if (slot_ < 0)
            return EAGAIN;
    }
    if (counts_[signal] == 0) {
        slots[slot_].wanted.fetch_or(bit(signal));
        if (const int error = acquire_disposition(signal)) {
            slots[slot_].wanted.fetch_and(~bit(signal));
            if (total_ == 0) {
                free_slot(slot_);
                slot_ = -1;
            }
            return error;
        }
    }
    ++counts_[signal];
    ++total_;
    return 0;
}

void signal_subscription::remove(int signal) noexcept {
    if (--counts_[signal] == 0) {
        release_disposition(signal);
        slots[slot_].wanted.fetch_and(~bit(signal));
        slots[slot_].arrived.fetch_and(~bit(signal));
    }
    if (--total_ == 0) {
        free_slot(slot_);
        slot_ = -1;
    }
}

bool signal_subscription::any() const noexcept {
    return slot_ >= 0 && slots[slot_].arrived.load(std::memory_order_relaxed) != 0;
}

int signal_subscription::take() noexcept {
    if (slot_ < 0)
        return 0;
    const std::uint64_t arrived = slots[slot_].arrived.load();
    if (arrived == 0)
        return 0;
    const int signal = std::countr_zero(arrived) + 1;
    slots[slot_].arrived.fetch_and(~bit(signal));
    return signal;
}

} // namespace coax::os

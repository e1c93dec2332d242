// What takes the place of signals: the console's events, and std::raise. The system calls a console handler on a thread of its own, so
// locks are allowed where a POSIX handler must do without. But it holds one of its own meanwhile, which is also taken to change
// handlers: what a handler locks is never held by who changes them.
#include "os/signal.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <mutex>

#include <windows.h>

namespace coax::os {
namespace {

constexpr std::uint64_t bit(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

struct slot {
    bool taken = false;
    std::uint64_t wanted = 0;
    std::uint64_t arrived = 0;
    wake_event* wake = nullptr;
};

using handler = void (*)(int);

constexpr int slot_count = 256;

/// Never destroyed: the console's thread may come at the very end of the program.
struct registry {
    std::mutex mutex; // of the slots
    slot slots[slot_count];
    std::mutex dispositions_mutex;
    unsigned users[signal_subscription::max_signal + 1] = {};
    handler previous[signal_subscription::max_signal + 1] = {};
};

registry& all() {
    static registry& made = *new registry;
    return made;
}

/// Whether anybody wants it.
bool note(int signal) noexcept {
    registry& table = all();
    const std::lock_guard lock(table.mutex);
    bool wanted = false;
    for (slot& s : table.slots) {
        if ((s.wanted & bit(signal)) == 0)
            continue;
        wanted = true;
        s.arrived |= bit(signal);
        s.wake->notify();
    }
    return wanted;
}

/// For std::raise, which resets the disposition first.
extern "C" void coax_note_raised(int signal) {
    std::signal(signal, &coax_note_raised);
    note(signal);
}

BOOL WINAPI note_event(DWORD event) {
    switch (event) {
    case CTRL_C_EVENT:
        return note(SIGINT) ? TRUE : FALSE;
    case CTRL_BREAK_EVENT:
        return note(SIGTERM) ? TRUE : FALSE;
    case CTRL_CLOSE_EVENT:
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
        // The process ends when this returns, or after some seconds. Until then it can end in its own way.
        if (note(SIGTERM))
            ::Sleep(INFINITE);
        return FALSE;
    default:
        return FALSE;
    }
}

bool can_be_caught(int signal) noexcept { return signal == SIGINT || signal == SIGTERM || signal == SIGBREAK; }

/// For good: where nobody waits it passes the event on.
bool watch_console() noexcept {
    static const bool watched = ::SetConsoleCtrlHandler(&note_event, TRUE) != 0;
    return watched;
}

int acquire_disposition(int signal) noexcept {
    if (!watch_console())
        return EAGAIN;
    registry& table = all();
    const std::lock_guard lock(table.dispositions_mutex);
    if (table.users[signal] == 0) {
        const handler before = std::signal(signal, &coax_note_raised);
        if (before == SIG_ERR)
            return EINVAL;
        table.previous[signal] = before;
    }
    ++table.users[signal];
    return 0;
}

void release_disposition(int signal) noexcept {
    registry& table = all();
    const std::lock_guard lock(table.dispositions_mutex);
    if (--table.users[signal] == 0)
        std::signal(signal, table.previous[signal]);
}

int take_slot(wake_event& wake) noexcept {
    registry& table = all();
    const std::lock_guard lock(table.mutex);
    slot* const found =
        std::find_if(std::begin(table.slots), std::end(table.slots), [](const slot& each) { return !each.taken; });
    if (found == std::end(table.slots))
        return -1;
    *found = slot{true, 0, 0, &wake};
    return static_cast<int>(found - table.slots);
}

void free_slot(int index) noexcept {
    registry& table = all();
    const std::lock_guard lock(table.mutex);
    table.slots[index] = slot{};
}

void want(int index, int signal, bool on) noexcept {
    registry& table = all();
    const std::lock_guard lock(table.mutex);
    slot& s = table.slots[index];
    s.wanted = on ? s.wanted | bit(signal) : s.wanted & ~bit(signal);
    s.arrived &= ~bit(signal);
}

} // namespace

// Nothing interrupts a thread here.
void with_signals_blocked(function_ref<void()> body) { body(); }

signal_subscription::~signal_subscription() {
    for (int signal = 1; signal <= max_signal; ++signal)
        while (counts_[signal] != 0)
            remove(signal);
}

int signal_subscription::add(int signal, wake_event& wake) noexcept {
    if (!can_be_caught(signal))
        return EINVAL;
    if (slot_ < 0) {
        slot_ = take_slot(wake);
        if (slot_ < 0)
            return EAGAIN;
    }
    if (counts_[signal] == 0) {
        want(slot_, signal, true);
        if (const int error = acquire_disposition(signal)) {
            want(slot_, signal, false);
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
        want(slot_, signal, false);
    }
    if (--total_ == 0) {
        free_slot(slot_);
        slot_ = -1;
    }
}

bool signal_subscription::any() const noexcept {
    if (slot_ < 0)
        return false;
    registry& table = all();
    const std::lock_guard lock(table.mutex);
    return table.slots[slot_].arrived != 0;
}

int signal_subscription::take() noexcept {
    if (slot_ < 0)
        return 0;
    registry& table = all();
    const std::lock_guard lock(table.mutex);
    slot& s = table.slots[slot_];
    if (s.arrived == 0)
        return 0;
    const int signal = std::countr_zero(s.arrived) + 1;
    s.arrived &= ~bit(signal);
    return signal;
}

} // namespace coax::os

// Signals that somebody has subscribed to, and the waits for them.
#pragma once

#include <memory>

#include <coax/detail/waiter.hpp>

#include "os/system.hpp"

namespace coax::detail {

class core;
struct signal_wait;

/// What a `signal_set` has, and each scheduler for `wait_signal`. While somebody waits on it the loop delivers what comes.
struct signal_source {
    signal_source() noexcept = default;
    signal_source(const signal_source&) = delete;
    signal_source& operator=(const signal_source&) = delete;

    /// Notes these signals, of the system that is given at the first time. 0 or an errno value.
    int subscribe(os::system& from, os::signal_bits signals) noexcept;
    /// Notes none any more.
    void unsubscribe() noexcept;

    /// Lets a wait stand here, in this loop.
    void begin_wait(core& of, signal_wait& wait) noexcept;
    /// Takes it out again.
    void end_wait(signal_wait& wait) noexcept;
    /// What has come and is waited for.
    os::signal_bits due() const noexcept { return received->noted() & awaited; }
    /// Ends the waits whose signal has come.
    void deliver() noexcept;

    std::unique_ptr<os::signal_subscription> received; // null before the first one
    const void* handles_of = nullptr;                  // whose signals these are
    wait_queue waiting;
    os::signal_bits awaited = 0; // by all who wait
    core* on = nullptr;          // whose loop delivers; null while nobody waits

    signal_source* next = nullptr; // in that loop's list
    signal_source** link = nullptr;
};

} // namespace coax::detail

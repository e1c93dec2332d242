// Signals of the operating system, noted for those who wait.
#pragma once

#include <cstdint>
#include <memory>

#include <coax/function_ref.hpp>

#include "os/wake.hpp"

namespace coax::os {

/// Calls the function with signals blocked on this thread, and so for good on the threads that it starts. Not blocked are
/// those that a fault of the thread itself raises.
void with_signals_blocked(function_ref<void()> body);

/// A set of signals: bit n - 1 is signal n.
using signal_bits = std::uint64_t;
constexpr int max_signal = 64;
constexpr signal_bits bit_of(int signal) noexcept { return signal_bits{1} << (signal - 1); }

/// One party's share of the process's signals. As long as any party has a signal, it has our handler, which notes it for each of them.
/// A party is used by one thread at a time; at its end it removes what it has.
class signal_subscription {
public:
    signal_subscription() noexcept = default;
    signal_subscription(const signal_subscription&) = delete;
    signal_subscription& operator=(const signal_subscription&) = delete;
    virtual ~signal_subscription() = default;

    /// Notes these signals from now on. All or, with an errno value, no new ones. For those that are noted already it sees to it that the
    /// handler is in place: the program may have set another one, or this may be a forked child, which begins with none.
    virtual int add(signal_bits signals) noexcept = 0;

    /// Notes these no more. The last party of a signal in the process brings back the disposition from before; a signal that nobody has
    /// taken is sent again then, as if it had come only now.
    virtual void remove(signal_bits signals) noexcept = 0;

    /// Chooses what a signal notifies, or nothing. When it returns no handler uses the one from before.
    virtual void set_wake(waker* wake) noexcept = 0;

    /// What has come and was not taken; cheap.
    virtual signal_bits noted() const noexcept = 0;
    virtual void take(int signal) noexcept = 0;
    /// Undoes `take`.
    virtual void put_back(int signal) noexcept = 0;

    virtual signal_bits subscribed() const noexcept = 0;
};

/// One of the process's own signals. Throws `std::bad_alloc`.
std::unique_ptr<signal_subscription> subscribe();

} // namespace coax::os

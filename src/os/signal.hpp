// Signals of the operating system, counted for those who wait.
#pragma once

#include <cstdint>

#include <coax/detail/function_ref.hpp>

#include "os/wake.hpp"

namespace coax::os {

/// Calls the function with signals blocked on this thread, and so for good on the threads that it starts. Not blocked are
/// those that a fault of the thread itself raises.
void with_signals_blocked(function_ref<void()> body);

/// One scheduler's share of the process's signals. The handlers note a signal in every subscription that has it and notify its event.
class signal_subscription {
public:
    signal_subscription() noexcept = default;
    ~signal_subscription();
    signal_subscription(const signal_subscription&) = delete;
    signal_subscription& operator=(const signal_subscription&) = delete;

    /// Starts to receive a signal; calls nest. 0 or an errno value.
    int add(int signal, wake_event& wake) noexcept;
    /// Ends one `add`; the last one in the process brings back the previous disposition.
    void remove(int signal) noexcept;

    /// Whether any signal is noted; cheap.
    bool any() const noexcept;
    /// Takes one noted signal; 0 when there is none.
    int take() noexcept;

    static constexpr int max_signal = 64;

private:
    int slot_ = -1;
    unsigned total_ = 0;
    unsigned counts_[max_signal + 1] = {};
};

} // namespace coax::os

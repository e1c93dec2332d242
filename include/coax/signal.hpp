/// \file
/// Waiting for signals of the operating system.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstdint>

#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/result.hpp>

namespace coax {
namespace detail {

/// Waits for one of a set of signals.
class COAX_API signal_operation : public waiter {
public:
    static constexpr std::size_t max_signals = 8;

    template <std::same_as<int>... Signals>
        requires(sizeof...(Signals) >= 1 && sizeof...(Signals) <= max_signals)
    explicit signal_operation(Signals... signals) noexcept
        : waiter(&on_stop), signals_{signals...}, count_(sizeof...(Signals)) {}
    ~signal_operation();

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return suspend(environment_of(coroutine), coroutine);
    }
    bool suspend(environment around, std::coroutine_handle<> coroutine);
    int await_resume();
    result<int> await_result() noexcept;

    /// Whether the signal is one of the set; if so the wait ends with it.
    bool offer(int signal) noexcept;

    signal_operation* next_waiting = nullptr;
    signal_operation** link = nullptr;

private:
    static void on_stop(waiter& self, stop_reason why) noexcept;
    void unsubscribe() noexcept;

    int signals_[max_signals];
    std::size_t count_;
    std::size_t subscribed_ = 0;
    int received_ = 0;
    int error_ = 0;
};

struct wait_signal_fn {
    template <std::same_as<int>... Signals>
    [[nodiscard]] signal_operation operator()(Signals... signals) const noexcept {
        return signal_operation(signals...);
    }
};

} // namespace detail

/// `int which = co_await wait_signal(SIGINT, SIGTERM)`: waits until one of the signals (1 to 8 of them) is delivered to the process.
///
/// While at least one task waits for a signal it has our handler; afterwards its previous disposition is back. Every task that waits
/// for a signal, on every scheduler, hears of it. Errors: `io_error` (`invalid_argument` for a signal that cannot be caught).
///
/// On Windows SIGINT is Ctrl-C, and SIGTERM is Ctrl-Break, the console's end, logging off or shutting down; after those three the system
/// ends the process some seconds later. Nothing but these two and SIGBREAK can be waited for.
///
/// Cancellation: throws `cancelled`; a signal that has been received is reported instead. Source: sigaction(2), SetConsoleCtrlHandler.
inline constexpr detail::wait_signal_fn wait_signal{};

} // namespace coax

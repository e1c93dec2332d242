/// \file
/// Waiting for signals of the operating system.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <memory>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/sync_wait.hpp>

namespace coax {
namespace detail {

struct signal_source;

/// A set of signals by their numbers; bit n - 1 is signal n.
struct signal_numbers {
    template <std::same_as<int>... Signals>
    constexpr explicit signal_numbers(Signals... signals) noexcept {
        (add(signals), ...);
    }
    constexpr void add(int signal) noexcept {
        if (signal < 1 || signal > 64)
            invalid = true;
        else
            bits |= std::uint64_t{1} << (signal - 1);
    }

    std::uint64_t bits = 0;
    bool invalid = false; // a number that no signal has was among them
};

/// Waits for one of a set of signals.
struct COAX_API signal_wait : sync_wait {
    /// Null: the source that the scheduler has for `wait_signal`.
    signal_wait(signal_source* of, signal_numbers signals) noexcept
        : sync_wait(operation_name::wait_signal, its_kind), source(of), wanted(signals) {}
    ~signal_wait();

    bool suspend(environment around, awaiting_coroutine coroutine);
    bool conclude() noexcept { return sync_wait::conclude() && error == 0; }
    int value() const noexcept { return received; }
    failure failed() const noexcept;

    signal_source* source;
    signal_numbers wanted;
    int received = 0;
    int error = 0;
    bool shared = false; // others have received this signal as well

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
};

using signal_operation = awaited<signal_wait>;

struct wait_signal_fn {
    template <std::same_as<int>... Signals>
        requires(sizeof...(Signals) >= 1)
    [[nodiscard]] signal_operation operator()(Signals... signals) const noexcept {
        return signal_operation(nullptr, signal_numbers(signals...));
    }
};

} // namespace detail

/// Hears of signals from its construction to its destruction: what comes between two waits is kept for the next one.
///
///     signal_set signals(SIGHUP, SIGTERM);
///     while (co_await signals.wait() == SIGHUP)
///         co_await load_configuration();
///
/// Meanwhile the signals have the library's handler, however many sets and schedulers want them; each of them hears of each signal. One
/// that comes twice before it is waited for is one, as in the system itself. When the last one that wants a signal goes, the disposition
/// from before is back (unless the program has set another one), and a signal that nobody has taken is sent again: it does then what it
/// would have done without the set. So after `{ signal_set s(SIGINT); co_await s.wait(); }` the next Ctrl-C ends the process.
///
/// It may be made and destroyed outside of a run, and is waited on in one scheduler at a time. In a forked child the dispositions from before
/// are back until something is waited for there. Nobody may wait on it when it is destroyed. Source: sigaction(2), SetConsoleCtrlHandler.
///
/// On Windows SIGINT is Ctrl-C, and SIGTERM is Ctrl-Break, the console's end, logging off or shutting down; after those three the system
/// ends the process some seconds later. Nothing but these two and SIGBREAK can be waited for.
class COAX_API signal_set {
public:
    /// Throws `io_error` (`invalid_argument` for a signal that cannot be caught, `not_enough_memory`).
    template <std::same_as<int>... Signals>
        requires(sizeof...(Signals) >= 1)
    explicit signal_set(Signals... signals) : signal_set(detail::signal_numbers(signals...)) {}
    signal_set(const signal_set&) = delete;
    signal_set& operator=(const signal_set&) = delete;
    ~signal_set();

    /// `int which = co_await signals.wait()`: the next signal of the set. Of several that have come the one with the lowest number is
    /// first. Every task that waits hears of it; one that came while nobody did goes to the next wait.
    ///
    /// Cancellation: throws `cancelled`; a signal that has come is reported instead, and a later one is kept.
    [[nodiscard]] detail::signal_operation wait() noexcept;

private:
    explicit signal_set(detail::signal_numbers signals);

    std::unique_ptr<detail::signal_source> source_;
    detail::signal_numbers signals_;
};

/// `int which = co_await wait_signal(SIGINT, SIGTERM)`: waits until one of the signals is delivered to the process.
///
/// As if the scheduler had a `signal_set` to which the first wait for a signal adds it, until the `run` ends: a loop around `wait_signal`
/// misses nothing, whatever it does in between, and a second Ctrl-C waits for the next `wait_signal` or the end of the run. Errors:
/// `io_error` (`invalid_argument` for a signal that cannot be caught).
///
/// Cancellation: throws `cancelled`; a signal that has come is reported instead, and a later one is kept.
inline constexpr detail::wait_signal_fn wait_signal{};

} // namespace coax

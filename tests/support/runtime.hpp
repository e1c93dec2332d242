// What tests of running, waiting and cancelling share: how a wait ended, waiting for a condition, foreign coroutines.
#pragma once

#include <coax/coax.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace support {

// --- how a wait ended -------------------------------------------------------------------------------------------

enum class ending { none, value, cancelled, timeout, error };

inline std::ostream& operator<<(std::ostream& out, ending how) {
    constexpr const char* names[] = {"none", "value", "cancelled", "timeout", "error"};
    return out << names[static_cast<std::size_t>(how)];
}

/// Awaits what `make()` gives, and notes how that ended. `none` stands until it has.
template <class Make>
coax::task<> note(Make make, ending& how) {
    try {
        static_cast<void>(co_await make());
        how = ending::value;
    } catch (const coax::cancelled&) {
        how = ending::cancelled;
    } catch (const coax::timeout_error&) {
        how = ending::timeout;
    } catch (const coax::io_error&) {
        how = ending::error;
    }
}

/// Awaits what `make()` gives as often as it is told to, and says how each ended.
template <class Make>
coax::task<ending> ending_of(Make make) {
    ending how = ending::none;
    co_await note(std::move(make), how);
    co_return how;
}

/// The same where errors are told apart.
template <class Make>
coax::task<std::error_code> error_from(Make make) {
    try {
        static_cast<void>(co_await make());
    } catch (const coax::io_error& error) {
        co_return error.code();
    }
    co_return std::error_code();
}

// --- waiting for a condition ------------------------------------------------------------------------------------

/// How long a condition may take on the slowest machine; a failing test says so instead of hanging.
inline constexpr std::chrono::seconds patience{20};

/// Lets the loop turn until the condition holds.
template <class Condition>
coax::task<> until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error("what the test waits for never came");
        co_await coax::yield();
    }
}

/// Lets the loop turn until so many waits are suspended on it.
inline coax::task<> until_waiting(std::size_t count) {
    return until([count] { return coax::scheduler::current().stats().waiting == count; });
}

/// Keeps the processor busy: time passes, the loop does not turn.
inline void spin(std::chrono::steady_clock::duration time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

// --- counting objects -------------------------------------------------------------------------------------------

/// Counts itself: what a frame or a closure holds, to see that it is destroyed, once.
class counted {
public:
    explicit counted(int& alive) noexcept : alive_(&alive) { ++*alive_; }
    counted(const counted& other) noexcept : alive_(other.alive_) { ++*alive_; }
    counted& operator=(const counted&) = delete;
    ~counted() { --*alive_; }

private:
    int* alive_;
};

// --- sockets at their limits ------------------------------------------------------------------------------------

/// Sends until the socket takes no more, and goes on taking none where bytes move on from one end's buffer to the other's by and by;
/// says how many bytes that were. It leaves the socket without a limit.
inline coax::task<std::size_t> fill(coax::socket& full) {
    const std::string block(full.kind() == coax::kind::stream ? 65536 : 1024, 'f');
    const int tries = full.family() == coax::family::local ? 1 : 5;
    std::size_t total = 0;
    full.settimeout(std::chrono::seconds(0));
    for (int failed = 0;;) {
        const auto sent = co_await coax::as_result(full.send(block));
        if (sent) {
            total += *sent;
            failed = 0;
        } else if (++failed == tries) {
            break;
        } else {
            co_await coax::sleep_for(std::chrono::milliseconds(20));
        }
    }
    full.settimeout(std::nullopt);
    co_return total;
}

// --- foreign coroutines -----------------------------------------------------------------------------------------

/// A coroutine of no library: it runs at once, nobody waits for it, it frees itself.
struct fire_and_forget {
    struct promise_type {
        fire_and_forget get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        // A cancellation has nowhere to go from here; anything else is a mistake of the test.
        void unhandled_exception() const noexcept {
            try {
                throw;
            } catch (const coax::cancelled&) {
            }
        }
    };
};

/// A coroutine of no library that whoever holds it may destroy, whatever it waits for.
class destructible {
public:
    struct promise_type : fire_and_forget::promise_type {
        destructible get_return_object() noexcept {
            return destructible(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always final_suspend() const noexcept { return {}; }
    };

    destructible(destructible&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    destructible& operator=(destructible&&) = delete;
    ~destructible() { destroy(); }

    bool done() const { return coroutine_.done(); }
    void destroy() {
        if (coroutine_)
            std::exchange(coroutine_, nullptr).destroy();
    }

private:
    explicit destructible(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

    std::coroutine_handle<promise_type> coroutine_;
};

} // namespace support

/// \file
/// Mutual exclusion of tasks.
#pragma once

#include <coroutine>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/detail/waiter.hpp>

namespace coax {
class condition;

namespace detail {
struct condition_wait;
struct lock_wait;
} // namespace detail

/// A lock that is held across `co_await`. First come, first served: whoever unlocks hands the lock to the one that has waited longest.
///
/// Tasks of one thread need it only where they wait in the middle of what has to be done in one piece. For tasks of one scheduler's
/// thread; it belongs to no task, so a guard may be handed on and unlocked anywhere on the thread. It is not recursive. It must be
/// unlocked, with nobody waiting, when it is destroyed.
class COAX_API mutex {
public:
    /// Holds the lock and unlocks it when it goes out of scope.
    class [[nodiscard]] guard {
    public:
        /// Holds nothing.
        guard() noexcept {}
        /// Takes the lock over; what is moved from holds nothing.
        guard(guard&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
        /// The same, after unlocking what it held.
        guard& operator=(guard&& other) noexcept {
            guard old(std::move(*this));
            held_ = std::exchange(other.held_, nullptr);
            return *this;
        }
        /// Unlocks what it holds.
        ~guard() { unlock(); }

        /// Unlocks now. Does nothing when it holds nothing.
        void unlock() noexcept {
            if (mutex* const held = std::exchange(held_, nullptr))
                held->unlock();
        }

        /// Whether it holds the lock.
        bool owns_lock() const noexcept { return held_ != nullptr; }
        /// Whether it holds the lock.
        explicit operator bool() const noexcept { return owns_lock(); }

    private:
        friend condition;
        friend mutex;
        friend struct detail::condition_wait;
        friend struct detail::lock_wait;
        explicit guard(mutex& held) noexcept : held_(&held) {}

        mutex* held_ = nullptr;
    };

    /// Unlocked.
    mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;
    ~mutex();

    /// `const coax::mutex::guard held = co_await m.lock()`: waits until the lock is free and those who came before have had it.
    ///
    /// Cancellation: throws `cancelled`, and the lock is not taken; one who has been handed the lock gets it.
    [[nodiscard]] detail::awaited<detail::lock_wait> lock() noexcept;

    /// Takes the lock if it is free; otherwise the guard holds nothing.
    guard try_lock() noexcept { return take() ? guard(*this) : guard(); }

private:
    friend struct detail::condition_wait;
    friend struct detail::lock_wait;

    bool take() noexcept { return !std::exchange(locked_, true); }
    void unlock() noexcept;

    detail::wait_queue waiting_; // nobody while it is not locked
    bool locked_ = false;
};

namespace detail {

struct COAX_API lock_wait : sync_wait {
    explicit lock_wait(mutex& of) noexcept : sync_wait(operation_name::lock), target(of) {}
    ~lock_wait() {
        if (granted)
            target.unlock();
    }
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    mutex::guard value() noexcept {
        granted = false;
        return mutex::guard(target);
    }

    mutex& target;
};

using lock_operation = awaited<lock_wait>;

} // namespace detail

inline detail::lock_operation mutex::lock() noexcept { return detail::lock_operation(*this); }

} // namespace coax

/// \file
/// Waiting for a change of what a mutex protects.
#pragma once

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/refused.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/detail/waiter.hpp>
#include <coax/sync/mutex.hpp>
#include <coax/task.hpp>

namespace coax {
class condition;

namespace detail {

/// First in the queue of the condition; once notified or cancelled in that of the mutex, where nothing can end the wait but the lock.
struct COAX_API condition_wait : sync_wait {
    condition_wait(condition& on, mutex::guard& held) noexcept
        : sync_wait(operation_name::wait, its_kind), of(on), guard(held) {}
    ~condition_wait() {
        if (state != wait_state::idle || granted)
            destroyed();
    }
    /// Throws `std::logic_error` for a guard that does not hold the condition's mutex.
    bool suspend(environment around, awaiting_coroutine coroutine);
    /// Somebody takes it out of the condition's queue.
    void notify(bool alone) noexcept;
    bool conclude() noexcept;
    void value() const noexcept {}

    condition& of;
    mutex::guard& guard;
    bool notified_alone = false; // it was the only one to be notified

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    void lock_again() noexcept;
    void destroyed() noexcept;
};

/// A checkpoint and nothing else.
struct COAX_API checkpoint_wait : sync_wait {
    explicit checkpoint_wait(operation_name as) noexcept : sync_wait(as) {}
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    void value() const noexcept {}
};

using condition_wait_operation = awaited<condition_wait>;

template <class Predicate>
task<> wait_until_true(condition& on, mutex::guard& held, Predicate predicate);

} // namespace detail

/// Lets tasks that hold a mutex wait until another one has changed what it protects.
///
/// Notifying does not need the mutex. The waiting are woken in the order in which they came, and hold the mutex again when they go on.
/// For tasks of one scheduler's thread. Nobody may wait when it is destroyed; the mutex must outlive it.
class COAX_API condition {
public:
    /// Goes with this mutex.
    explicit condition(mutex& with) noexcept : mutex_(with) {}
    condition(const condition&) = delete;
    condition& operator=(const condition&) = delete;
    ~condition();

    /// `co_await changed.wait(held)`: unlocks the mutex, waits to be notified, and locks it again, all in the same guard. Others may
    /// have had the mutex in between, so look again at what you wait for. Throws `std::logic_error` when the guard does not hold the
    /// mutex of the condition.
    ///
    /// Cancellation: throws `cancelled`, once the mutex is locked again; waiting for the lock cannot be cut short. One who has been
    /// notified goes on, and a notification is never lost to a cancellation.
    [[nodiscard]] detail::condition_wait_operation wait(mutex::guard& held) noexcept {
        return detail::condition_wait_operation(*this, held);
    }

    /// `co_await changed.wait(held, [&] { return !items.empty(); })`: waits, as often as it takes, until the predicate holds. The mutex
    /// is locked whenever it is called. A named predicate must outlive the call. What the predicate throws comes out, with the mutex
    /// locked.
    ///
    /// Cancellation: as above; also when the predicate would hold at once.
    template <class Predicate>
        requires std::predicate<std::remove_reference_t<Predicate>&>
    task<> wait(mutex::guard& held, Predicate&& predicate) {
        detail::reject_unsafe_closure<Predicate>();
        return detail::wait_until_true<Predicate>(*this, held, std::forward<Predicate>(predicate));
    }

    /// Wakes the one that has waited longest; does nothing when nobody waits.
    void notify_one() noexcept;
    /// Wakes all who wait now.
    void notify_all() noexcept;

private:
    friend struct detail::condition_wait;
    template <class Predicate>
    friend task<> detail::wait_until_true(condition& on, mutex::guard& held, Predicate predicate);

    /// Throws `std::logic_error` unless the guard holds the mutex.
    void check(const mutex::guard& held) const;

    detail::wait_queue waiting_;
    mutex& mutex_;
};

namespace detail {

template <class Predicate>
task<> wait_until_true(condition& on, mutex::guard& held, Predicate predicate) {
    on.check(held);
    co_await awaited<checkpoint_wait>(operation_name::wait);
    while (!predicate())
        co_await on.wait(held);
}

} // namespace detail
} // namespace coax

/// \file
/// Sleeping and yielding.
#pragma once

#include <chrono>
#include <coroutine>
#include <type_traits>

#include <coax/cancelled.hpp>
#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/result.hpp>

namespace coax {
namespace detail {

/// Waits for a point in time.
class COAX_API sleep_operation : public waiter {
public:
    explicit sleep_operation(clock::duration time) noexcept : waiter(its_kind), when_(time.count()), relative_(true) {}
    explicit sleep_operation(clock::time_point when) noexcept
        : waiter(its_kind), when_(when.time_since_epoch().count()), relative_(false) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return suspend(environment_of(coroutine), coroutine);
    }
    bool suspend(environment around, awaiting_coroutine coroutine);
    void await_resume();
    result<void> await_result() noexcept;

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;

    std::int64_t when_;
    bool relative_;
};

/// Goes to the end of the ready queue.
class COAX_API yield_operation : public waiter {
public:
    yield_operation() noexcept : waiter(its_kind) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> coroutine) {
        suspend(environment_of(coroutine), coroutine);
    }
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept {
        belong_to(*around.on, *around.within, coroutine);
        owner->checkpoint();
        state = wait_state::ready;
        owner->push(*this);
        return true;
    }
    void await_resume() {
        state = wait_state::idle;
        if (within->cancelled()) [[unlikely]]
            throw_cancelled();
    }
    result<void> await_result() noexcept;

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;
    [[noreturn]] static void throw_cancelled();
};

struct sleep_for_fn {
    template <class Rep, class Period>
    [[nodiscard]] sleep_operation operator()(std::chrono::duration<Rep, Period> time) const noexcept {
        return sleep_operation(saturate(time));
    }
};

struct sleep_until_fn {
    [[nodiscard]] sleep_operation operator()(clock::time_point when) const noexcept { return sleep_operation(when); }
};

struct yield_fn {
    [[nodiscard]] yield_operation operator()() const noexcept { return {}; }
};

} // namespace detail

/// Suspends for at least the given duration, measured from the end of this turn of the loop, when all that is ready has run; none or a
/// negative one yields.
///
/// Cancellation: throws `cancelled`; nothing is lost.
inline constexpr detail::sleep_for_fn sleep_for{};

/// Suspends until the given time of `coax::clock`; one that has passed yields.
///
/// Cancellation: throws `cancelled`; nothing is lost.
inline constexpr detail::sleep_until_fn sleep_until{};

/// Lets everything else that is ready run first. A task that computes for long does so in slices, and yields in between: timers and
/// sockets are looked at again after a millisecond, or a slice or two that take longer.
///
/// Cancellation: throws `cancelled`; nothing is lost.
inline constexpr detail::yield_fn yield{};

} // namespace coax

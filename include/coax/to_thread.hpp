/// \file
/// Blocking work, on other threads.
#pragma once

#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/refused.hpp>
#include <coax/detail/thread_call.hpp>

namespace coax {

/// The type of `abandon_on_cancel`, the first argument of a `to_thread` that may be left behind.
struct abandon_on_cancel_t {
    /// There is one already, `abandon_on_cancel`.
    explicit abandon_on_cancel_t() = default;
};
/// `to_thread(abandon_on_cancel, fn, args…)`: a cancellation does not wait for the call; see `to_thread`.
inline constexpr abandon_on_cancel_t abandon_on_cancel{};

namespace detail {
struct to_thread_fn {
    template <class F, class... Args>
        requires std::is_invocable_v<F, Args...>
    auto operator()(F&& function, Args&&... arguments) const {
        reject_unsafe_closure<F>();
        (reject_unsafe_argument<Args>(), ...);
        return framed_thread_awaiter<thread_call<F, Args...>>(std::in_place, std::forward<F>(function),
                                                              std::forward<Args>(arguments)...);
    }

    template <class F, class... Args>
        requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto operator()(abandon_on_cancel_t, F&& function, Args&&... arguments) const {
        reject_unsafe_closure<F>();
        (reject_unsafe_argument<Args>(), ...);
        return owning_thread_awaiter<thread_call<std::decay_t<F>, std::decay_t<Args>...>>(
            job_place(), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
};
} // namespace detail

/// `co_await to_thread(fn, args…)`: calls `fn(args…)` on a thread of the scheduler's pool, while the loop goes on, and gives
/// its value or its reference, or rethrows its exception unchanged. For what blocks or computes for long: files, databases,
/// compression.
///
/// What is passed as an lvalue is used where it is, temporaries are kept in the wait; nothing is allocated. `fn` may be a
/// pointer to a member; a value has to be movable. `scheduler_options::worker_threads` calls run at once; more of them queue,
/// first in, first out. There is no scheduler on those threads, so nothing can be awaited there, and all signals are blocked
/// but those of faults. Await it in the expression that makes it.
///
/// Errors: `io_error` where not a single thread can be started (`resource_unavailable_try_again`).
///
/// Cancellation: a call that has not started is never made, and `cancelled` is thrown. One that has started is waited for,
/// however long that takes, and its outcome is reported; a time limit waits for it, too. If the waiting coroutine is
/// destroyed instead, the loop's thread blocks until the call is over.
///
/// `co_await to_thread(abandon_on_cancel, fn, args…)`: the same for a call that can be left behind. It owns decayed copies of
/// `fn` and of the arguments, in one block of memory, and uses each as an rvalue, as `std::thread` does.
///
/// Cancellation: throws `cancelled` at once. A call that has started goes on, past the end of the scheduler if need be, and
/// occupies its thread until it is over. Then its value or its exception is dropped, since nobody is left to hear of it, and
/// its copies are destroyed, all on that thread. A call that was over before is reported. What is still under way when the
/// program ends is in the position of a detached thread: it must not use what is destroyed then.
inline constexpr detail::to_thread_fn to_thread{};

} // namespace coax

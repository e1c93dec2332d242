/// \file
/// Blocking work, on other threads.
#pragma once

#include <coroutine>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/callable.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/thread_job.hpp>
#include <coax/result.hpp>

namespace coax {

/// The type of `abandon_on_cancel`, the first argument of a `to_thread` that may be left behind.
struct abandon_on_cancel_t {
    /// There is one already, `abandon_on_cancel`.
    explicit abandon_on_cancel_t() = default;
};
/// `to_thread(abandon_on_cancel, fn, args…)`: a cancellation does not wait for the call; see `to_thread`.
inline constexpr abandon_on_cancel_t abandon_on_cancel{};

namespace detail {

/// Waits for a job of the pool. What has the job calls `destroyed` in its destructor, while the job is still there.
class COAX_API thread_operation : public waiter, message {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return suspend(environment_of(coroutine), coroutine);
    }
    bool suspend(environment around, std::coroutine_handle<> coroutine);

protected:
    thread_operation() noexcept : waiter(&on_stop), message(&arrived) {}
    ~thread_operation() = default;

    /// After the coroutine has resumed: whether the call was made.
    bool conclude() noexcept {
        state = wait_state::idle;
        return error_ == 0 && reason == stop_reason::none;
    }
    /// Why it was not.
    failure failed() noexcept;
    /// Ends the wait of a coroutine that is destroyed.
    void destroyed() noexcept {
        if (state != wait_state::idle)
            abandon();
    }

    thread_job* job_ = nullptr; // null once it was left behind

private:
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void arrived(message& self) noexcept { static_cast<thread_operation&>(self).finish(); }

    int error_ = 0;
};

/// A call and what came of it. `F` and `Args` are references to what stays where it is, or types of what is kept here.
template <class F, class... Args>
class thread_call final : public thread_job {
    using given_type = std::invoke_result_t<F, Args...>;

public:
    /// A reference to an object that goes away with the call would be of no use: it is moved out.
    using value_type =
        std::conditional_t<std::is_lvalue_reference_v<given_type>, given_type, std::remove_cvref_t<given_type>>;
    static_assert(!std::is_object_v<value_type> || std::is_move_constructible_v<value_type>,
                  "what a call on another thread gives has to be movable");

    template <class Function, class... Arguments>
    explicit thread_call(function end, Function&& f, Arguments&&... arguments)
        : thread_job(&call, end), function_(std::forward<Function>(f)),
          arguments_(std::forward<Arguments>(arguments)...) {}

    result<value_type> take() noexcept {
        if constexpr (std::is_object_v<value_type> && !std::is_nothrow_move_constructible_v<value_type>) {
            try {
                return std::move(*outcome_);
            } catch (...) {
                return failure::from_current_exception();
            }
        } else {
            return std::move(*outcome_);
        }
    }

    static void free(thread_job& self) noexcept { delete static_cast<thread_call*>(&self); }

private:
    static void call(thread_job& self) noexcept {
        auto& me = static_cast<thread_call&>(self);
        try {
            if constexpr (std::is_void_v<value_type>) {
                std::apply(std::forward<F>(me.function_), std::move(me.arguments_));
                me.outcome_.emplace();
            } else {
                me.outcome_.emplace(std::apply(std::forward<F>(me.function_), std::move(me.arguments_)));
            }
        } catch (...) {
            me.outcome_.emplace(failure::from_current_exception());
        }
    }

    F function_;
    std::tuple<Args...> arguments_;
    std::optional<result<value_type>> outcome_;
};

/// What is the same wherever the call is kept.
template <class Call>
class thread_awaiter : public thread_operation {
public:
    using value_type = typename Call::value_type;

    value_type await_resume() {
        auto outcome = await_result();
        return std::move(outcome).value();
    }
    result<value_type> await_result() noexcept {
        if (!conclude()) [[unlikely]]
            return failed();
        return static_cast<Call*>(job_)->take();
    }

protected:
    thread_awaiter() noexcept {}
    ~thread_awaiter() = default;
};

/// With the call in itself, so in the coroutine's frame.
template <class Call>
class [[nodiscard]] framed_thread_awaiter final : public thread_awaiter<Call> {
public:
    template <class... Parts>
    explicit framed_thread_awaiter(std::in_place_t, Parts&&... parts) : call_(nullptr, std::forward<Parts>(parts)...) {
        this->job_ = &call_;
    }
    ~framed_thread_awaiter() { this->destroyed(); }

private:
    Call call_;
};

/// With the call in a block of its own, which the worker frees if it was left behind.
template <class Call>
class [[nodiscard]] owning_thread_awaiter final : public thread_awaiter<Call> {
public:
    template <class... Parts>
    explicit owning_thread_awaiter(job_place by, Parts&&... parts) {
        this->job_ = new Call(&Call::free, std::forward<Parts>(parts)...);
        this->job_->place = by;
    }
    ~owning_thread_awaiter() {
        this->destroyed();
        if (this->job_ != nullptr)
            Call::free(*this->job_);
    }
};

template <class Arg>
constexpr void reject_unsafe_argument() noexcept {
    if constexpr (!std::is_lvalue_reference_v<Arg>)
        reject_unsafe_aggregate<std::remove_cvref_t<Arg>>();
}

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

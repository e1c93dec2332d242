/// \file
/// Clean-up that has to wait for something.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <coax/cancel.hpp>
#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/detail/own_scope.hpp>
#include <coax/detail/quick.hpp>
#include <coax/detail/refused.hpp>
#include <coax/result.hpp>
#include <coax/task.hpp>
#include <coax/timeout.hpp>

namespace coax {
namespace detail {

/// A function that gives something to await: `[&]() -> task<> { … }`, `[&] { return conn.sendall("bye"); }`.
template <class F>
concept cleanup_function = requires(std::remove_reference_t<F>& cleanup) {
    { cleanup() } -> scoped_awaitable;
};

struct finally_fn {
    template <class T, cleanup_function Cleanup>
    task<T> operator()(task<T> body, Cleanup&& cleanup) const;
    template <class T, cleanup_function Cleanup, class Rep, class Period>
    task<T> operator()(task<T> body, Cleanup&& cleanup, std::chrono::duration<Rep, Period> limit) const;
    template <scoped_awaitable A, cleanup_function Cleanup>
        requires(!gives_result_awaiter<A>)
    task_on_temporaries<value_of<A>> operator()(A&& body, Cleanup&& cleanup) const;
    template <scoped_awaitable A, cleanup_function Cleanup, class Rep, class Period>
        requires(!gives_result_awaiter<A>)
    task_on_temporaries<value_of<A>> operator()(A&& body, Cleanup&& cleanup,
                                                std::chrono::duration<Rep, Period> limit) const;
};

} // namespace detail

/// `co_await finally(work(), [&]() -> task<> { co_await conn.sendall("bye"); }, 2s)`: awaits the task, then the clean-up, whether the
/// task ended with a value, an exception or a cancellation, and gives what the task gave. `co_await` is impossible in a `catch` block
/// and in a destructor; this is the place for it.
///
/// Instead of a task it takes an operation or an adapter, `finally(conn.recv(n), …)`, which is awaited in the expression that makes it.
/// The clean-up may give an operation instead of a task as well: `[&] { return conn.sendall("bye"); }`.
///
/// The clean-up is shielded, so it can wait although its scope is cancelled, and may have a time limit (`timeout_error` when it
/// passes). If only the clean-up fails, its exception is thrown; if both fail, the task's is, and the other one goes to the scheduler's
/// `on_suppressed`. A named clean-up must outlive the call.
///
/// Cancellation: that of the task; the clean-up runs all the same.
inline constexpr detail::finally_fn finally{};

// --- how it is done -------------------------------------------------------------------------------------------------

namespace detail {

/// Hands an exception that has to make way for another one to the scheduler's handler.
COAX_API void report_suppressed(loop& on, std::exception_ptr error) noexcept;

template <class Cleanup>
task<> run_cleanup(Cleanup& cleanup, std::optional<clock::duration> limit) {
    if (limit)
        static_cast<void>(co_await shield(with_timeout(*limit, cleanup())));
    else
        static_cast<void>(co_await shield(cleanup()));
}

/// `A` is a task, or a reference to what is awaited.
template <class A, class Cleanup>
task<value_of<A>> run_finally(A body, Cleanup cleanup, std::optional<clock::duration> limit) {
    const promise_base& self = co_await own_promise();
    inner_awaiter<A> inner(std::forward<A>(body));
    result<value_of<A>> outcome(failure(failure::cause::cancelled, operation_name::none));
    try {
        outcome = co_await outcome_awaiter<typename inner_awaiter<A>::awaiter_type>(inner.awaiter());
    } catch (...) { // it could not begin, or its value could not be moved
        outcome = failure::from_current_exception();
    }
    try {
        co_await run_cleanup(cleanup, limit);
    } catch (...) {
        if (outcome)
            throw;
        report_suppressed(*self.surroundings.on, std::current_exception());
    }
    co_return std::move(outcome).value();
}

template <class T, cleanup_function Cleanup>
task<T> finally_fn::operator()(task<T> body, Cleanup&& cleanup) const {
    reject_unsafe_closure<Cleanup>();
    return run_finally<task<T>, Cleanup>(std::move(body), std::forward<Cleanup>(cleanup), std::nullopt);
}

template <class T, cleanup_function Cleanup, class Rep, class Period>
task<T> finally_fn::operator()(task<T> body, Cleanup&& cleanup, std::chrono::duration<Rep, Period> limit) const {
    reject_unsafe_closure<Cleanup>();
    checked_limit(saturate(limit));
    return run_finally<task<T>, Cleanup>(std::move(body), std::forward<Cleanup>(cleanup), saturate(limit));
}

template <scoped_awaitable A, cleanup_function Cleanup>
    requires(!gives_result_awaiter<A>)
task_on_temporaries<value_of<A>> finally_fn::operator()(A&& body, Cleanup&& cleanup) const {
    reject_unsafe_closure<Cleanup>();
    return task_on_temporaries<value_of<A>>(
        run_finally<std::remove_reference_t<A>&, Cleanup>(body, std::forward<Cleanup>(cleanup), std::nullopt));
}

template <scoped_awaitable A, cleanup_function Cleanup, class Rep, class Period>
    requires(!gives_result_awaiter<A>)
task_on_temporaries<value_of<A>> finally_fn::operator()(A&& body, Cleanup&& cleanup,
                                                        std::chrono::duration<Rep, Period> limit) const {
    reject_unsafe_closure<Cleanup>();
    checked_limit(saturate(limit));
    return task_on_temporaries<value_of<A>>(
        run_finally<std::remove_reference_t<A>&, Cleanup>(body, std::forward<Cleanup>(cleanup), saturate(limit)));
}

} // namespace detail
} // namespace coax

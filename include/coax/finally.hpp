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
#include <coax/detail/callable.hpp>
#include <coax/detail/within.hpp>
#include <coax/task.hpp>
#include <coax/timeout.hpp>

namespace coax {
namespace detail {

/// Hands an exception that has to make way for another one to the scheduler's handler.
COAX_API void report_suppressed(loop& on, std::exception_ptr error) noexcept;

template <class Cleanup>
task<> run_cleanup(Cleanup& cleanup, std::optional<clock::duration> limit) {
    if (limit)
        co_await shield(with_timeout(*limit, cleanup()));
    else
        co_await shield(cleanup());
}

template <class T, class Cleanup>
task<T> run_finally(task<T> body, Cleanup cleanup, std::optional<clock::duration> limit) {
    const environment around = co_await environment_awaiter();
    std::exception_ptr failed;
    std::optional<std::conditional_t<std::is_void_v<T>, bool,
                                     std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>>
        value;
    try {
        if constexpr (std::is_void_v<T>)
            co_await std::move(body);
        else if constexpr (std::is_reference_v<T>)
            value = std::addressof(co_await std::move(body));
        else
            value.emplace(co_await std::move(body));
    } catch (...) {
        failed = std::current_exception();
    }
    try {
        co_await run_cleanup(cleanup, limit);
    } catch (...) {
        if (failed == nullptr)
            throw;
        report_suppressed(*around.on, std::current_exception());
    }
    if (failed != nullptr)
        std::rethrow_exception(failed);
    if constexpr (std::is_reference_v<T>)
        co_return **value;
    else if constexpr (!std::is_void_v<T>)
        co_return std::move(*value);
}

struct finally_fn {
    template <class T, class Cleanup>
        requires std::is_invocable_r_v<task<>, std::remove_reference_t<Cleanup>&>
    task<T> operator()(task<T> body, Cleanup&& cleanup) const {
        reject_unsafe_closure<Cleanup>();
        return run_finally<T, Cleanup>(std::move(body), std::forward<Cleanup>(cleanup), std::nullopt);
    }
    template <class T, class Cleanup, class Rep, class Period>
        requires std::is_invocable_r_v<task<>, std::remove_reference_t<Cleanup>&>
    task<T> operator()(task<T> body, Cleanup&& cleanup, std::chrono::duration<Rep, Period> limit) const {
        reject_unsafe_closure<Cleanup>();
        checked_limit(saturate(limit));
        return run_finally<T, Cleanup>(std::move(body), std::forward<Cleanup>(cleanup), saturate(limit));
    }
};

} // namespace detail

/// `co_await finally(work(), [&]() -> task<> { co_await conn.sendall("bye"); }, 2s)`: awaits the task, then the clean-up, whether the
/// task ended with a value, an exception or a cancellation, and gives what the task gave. `co_await` is impossible in a `catch` block
/// and in a destructor; this is the place for it.
///
/// The clean-up is shielded, so it can wait although its scope is cancelled, and may have a time limit (`timeout_error` when it
/// passes). If only the clean-up fails, its exception is thrown; if both fail, the task's is, and the other one goes to the scheduler's
/// `on_suppressed`. A named clean-up must outlive the call.
///
/// Cancellation: that of the task; the clean-up runs all the same.
inline constexpr detail::finally_fn finally{};

} // namespace coax

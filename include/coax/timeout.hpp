/// \file
/// Time limits around anything that can be awaited.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <coax/cancelled.hpp>
#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/error.hpp>
#include <coax/result.hpp>

namespace coax {
namespace detail {

template <class A>
class timeout_awaiter;

struct with_timeout_fn {
    template <class Rep, class Period, scoped_awaitable A>
    timeout_awaiter<A> operator()(std::chrono::duration<Rep, Period> limit, A&& awaitable) const;
};

struct with_deadline_fn {
    template <scoped_awaitable A>
    timeout_awaiter<A> operator()(clock::time_point deadline, A&& awaitable) const noexcept;
};

} // namespace detail

/// `co_await with_timeout(30s, conn.recv(n))`: what the awaitable gives, or `timeout_error` when the limit passed first. A limit
/// may be around anything: an operation, a task, `when_any`; limits nest, and the nearest one counts.
///
/// A result that is there when the loop looks beats the clock, so a limit of zero tries once. What is cut short unwinds first, clean-up
/// included, however long that takes. Only this limit's own expiry becomes a timeout, and it only where a `cancelled` arrives here: an
/// outer cancellation and an outer limit pass through. `timeout_error::transferred()` says how much of a `sendall` went out, directly inside
/// or in a task, but not through groups and branches. The limit counts from the end of this turn of the loop: what is computed
/// before that does not use it up. A negative duration throws `std::invalid_argument`, a huge one is no limit. Await it in the expression that makes it.
///
/// Cancellation: that of what it wraps.
inline constexpr detail::with_timeout_fn with_timeout{};

/// The same with the time at which the limit passes. One in the past still tries once.
///
/// Cancellation: that of what it wraps.
inline constexpr detail::with_deadline_fn with_deadline{};

// --- how it is done -------------------------------------------------------------------------------------------------

namespace detail {

/// Throws `std::invalid_argument` for a negative duration.
COAX_API time_limit checked_limit(clock::duration limit);

/// Waits as the inner awaiter does, in a scope that is cancelled at the deadline.
template <class A>
class [[nodiscard]] timeout_awaiter : public adapter<timeout_awaiter<A>> {
public:
    using value_type = value_of<A>;

    timeout_awaiter(time_limit limit, A&& inner) noexcept : limit_(limit), inner_(std::forward<A>(inner)) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
        scope_.open(*around.on, *around.within, limit_);
        return inner_.awaiter().suspend({around.on, &scope_}, coroutine);
    }
    value_type await_resume() {
        if constexpr (gives_result_awaiter<A>) {
            // What a task throws goes on unchanged, but for a cancellation of this very scope.
            try {
                scope_.close();
                return inner_.awaiter().await_resume();
            } catch (const cancelled& cut) {
                if (!scope_.timed_out())
                    throw;
                throw timeout_error(expired(failure(cut.reason())));
            }
        } else {
            return await_result().value();
        }
    }
    result<value_type> await_result() noexcept {
        scope_.close();
        auto outcome = inner_.awaiter().await_result();
        if (!outcome && outcome.error().why() == failure::cause::cancelled && scope_.timed_out())
            expired(outcome.error());
        return outcome;
    }

private:
    /// What was cut short keeps its name and its peer, also where a task awaited it.
    failure& expired(failure&& cut) const noexcept { return expired(cut); }
    failure& expired(failure& cut) const noexcept {
        if (limit_.relative)
            return cut.as_timeout(operation_name::with_timeout, static_cast<double>(limit_.nanoseconds) / 1e9);
        return cut.as_timeout(operation_name::with_deadline);
    }

    time_limit limit_;
    deadline_scope scope_;
    inner_awaiter<A> inner_;
};

template <class Rep, class Period, scoped_awaitable A>
timeout_awaiter<A> with_timeout_fn::operator()(std::chrono::duration<Rep, Period> limit, A&& awaitable) const {
    return timeout_awaiter<A>(checked_limit(saturate(limit)), std::forward<A>(awaitable));
}

template <scoped_awaitable A>
timeout_awaiter<A> with_deadline_fn::operator()(clock::time_point deadline, A&& awaitable) const noexcept {
    return timeout_awaiter<A>({deadline.time_since_epoch().count(), false}, std::forward<A>(awaitable));
}

} // namespace detail
} // namespace coax

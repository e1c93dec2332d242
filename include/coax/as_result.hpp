/// \file
/// `as_result`: awaits something and gives what comes of it as a value.
#pragma once

#include <exception>
#include <utility>

#include <coax/detail/awaiter.hpp>
#include <coax/result.hpp>

namespace coax {

namespace detail {
template <class A>
class as_result_awaiter;

struct as_result_fn {
    template <scoped_awaitable A>
    as_result_awaiter<A> operator()(A&& awaitable) const noexcept;
};
} // namespace detail

/// `co_await as_result(conn.recv(n))` gives `result<chunk>`: whatever comes of it but a cancellation is a value, and an error of an
/// operation is not thrown on its way. An exception of a task that is no I/O failure has `failure::cause::exception`; `value()`
/// and `raise()` throw it again unchanged. Await it in the expression that makes it.
///
/// Cancellation: that of what it wraps; `cancelled` is thrown, and not in the result.
inline constexpr detail::as_result_fn as_result{};

// --- how it is done -------------------------------------------------------------------------------------------------

namespace detail {

/// Waits as the inner awaiter does. Its value is the inner one's result; only a cancellation is none, and goes on.
template <class A>
class [[nodiscard]] as_result_awaiter : public adapter<as_result_awaiter<A>> {
public:
    using value_type = result<value_of<A>>;

    explicit as_result_awaiter(A&& inner) noexcept : inner_(std::forward<A>(inner)) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
        try {
            return inner_.awaiter().suspend(around, coroutine);
        } catch (...) { // it could not begin
            refused_ = std::current_exception();
            return false;
        }
    }
    value_type await_resume() {
        value_type outcome = take();
        if (is_cancelled(outcome))
            outcome.error().raise();
        return outcome;
    }
    result<value_type> await_result() noexcept {
        try {
            value_type outcome = take();
            if (is_cancelled(outcome))
                return std::move(outcome.error());
            return outcome;
        } catch (...) { // from moving the value
            return failure::from_current_exception();
        }
    }

private:
    static bool is_cancelled(const value_type& outcome) noexcept {
        return !outcome && outcome.error().why() == failure::cause::cancelled;
    }

    value_type take() {
        if (refused_ == nullptr) [[likely]]
            return inner_.awaiter().await_result();
        try {
            std::rethrow_exception(std::move(refused_));
        } catch (...) {
            return failure::from_current_exception();
        }
    }

    inner_awaiter<A> inner_;
    std::exception_ptr refused_;
};

template <scoped_awaitable A>
as_result_awaiter<A> as_result_fn::operator()(A&& awaitable) const noexcept {
    return as_result_awaiter<A>(std::forward<A>(awaitable));
}

} // namespace detail
} // namespace coax

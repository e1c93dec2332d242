/// \file
/// Cancelling from another thread, by a `std::stop_token`.
#pragma once

#include <coroutine>
#include <optional>
#include <stop_token>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/result.hpp>

namespace coax {
namespace detail {

/// The way of a request to stop from any thread to a scope. It outlives the scope: the request may be under way when that is left.
struct stop_messenger;

/// Makes one for a scope of this loop. Throws `std::bad_alloc`.
COAX_API stop_messenger* new_stop_messenger(loop& on, scope& target);
/// Sends it off; from any thread, once.
COAX_API void send_stop(stop_messenger& messenger) noexcept;
/// The scope is left. On the loop's thread, when nobody can send it any more.
COAX_API void dismiss(stop_messenger& messenger) noexcept;

/// Cancels a scope when the token says so.
class stop_subscription {
public:
    stop_subscription(std::stop_token token, loop& on, scope& target)
        : messenger_(new_stop_messenger(on, target)), callback_(std::in_place, std::move(token), sender{messenger_}) {}
    stop_subscription(const stop_subscription&) = delete;
    ~stop_subscription() {
        callback_.reset(); // waits for one that is being called on another thread
        dismiss(*messenger_);
    }

private:
    struct sender {
        stop_messenger* messenger;
        void operator()() const noexcept { send_stop(*messenger); }
    };

    stop_messenger* messenger_;
    std::optional<std::stop_callback<sender>> callback_;
};

/// Waits as the inner awaiter does, in a scope that a token cancels.
template <class A>
class [[nodiscard]] stop_token_awaiter : public adapter<stop_token_awaiter<A>> {
public:
    using value_type = value_of<A>;

    stop_token_awaiter(std::stop_token token, A&& inner) noexcept
        : token_(std::move(token)), inner_(std::forward<A>(inner)) {}

    bool suspend(environment around, std::coroutine_handle<> coroutine) {
        scope_.open(*around.within);
        if (token_.stop_requested())
            scope_.cancel();
        else if (token_.stop_possible())
            subscription_.emplace(std::move(token_), *around.on, scope_);
        return inner_.awaiter().suspend({around.on, &scope_}, coroutine);
    }
    value_type await_resume() {
        leave();
        return inner_.awaiter().await_resume();
    }
    result<value_type> await_result() noexcept {
        leave();
        return inner_.awaiter().await_result();
    }

private:
    void leave() noexcept {
        subscription_.reset();
        scope_.close();
    }

    std::stop_token token_;
    scope scope_;
    std::optional<stop_subscription> subscription_;
    held<A> inner_;
};

struct with_stop_token_fn {
    template <scoped_awaitable A>
    stop_token_awaiter<A> operator()(std::stop_token token, A&& awaitable) const noexcept {
        return stop_token_awaiter<A>(std::move(token), std::forward<A>(awaitable));
    }
};

} // namespace detail

/// `co_await with_stop_token(token, awaitable)`: what the awaitable gives, or `cancelled` when a stop was requested first, on this thread
/// or on any other. A token that was stopped before keeps it from beginning any I/O. The `cancelled` goes on until somebody catches it,
/// since whoever holds the token belongs to no scope. Await it in the expression that makes it.
///
/// It allocates one small block, for tokens that can be stopped.
///
/// Cancellation: that of what it wraps.
inline constexpr detail::with_stop_token_fn with_stop_token{};

} // namespace coax

/// \file
/// Cancelling from another thread, by a `std::stop_token`. With libc++, which has none without `-fexperimental-library`, this header is
/// empty without it; the library has to be built with that flag as well.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>
#include <version>

#include <coax/config.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/result.hpp>

#if !defined(_LIBCPP_VERSION) || defined(__cpp_lib_jthread)
#include <stop_token>

namespace coax {
namespace detail {

/// The way of a request to stop, from any thread, to a scope.
struct stop_messenger;

/// From now on the scope of this loop is cancelled when the token says so. Throws `std::bad_alloc`.
COAX_API stop_messenger* subscribe(std::stop_token token, loop& on, scope& target);
/// The scope is left. On the loop's thread.
COAX_API void unsubscribe(stop_messenger& messenger) noexcept;

class stop_subscription {
public:
    stop_subscription(std::stop_token token, loop& on, scope& target)
        : messenger_(subscribe(std::move(token), on, target)) {}
    stop_subscription(const stop_subscription&) = delete;
    ~stop_subscription() { unsubscribe(*messenger_); }

private:
    stop_messenger* messenger_;
};

/// Waits as the inner awaiter does, in a scope that a token cancels.
template <class A>
class [[nodiscard]] stop_token_awaiter : public adapter<stop_token_awaiter<A>> {
public:
    using value_type = value_of<A>;

    stop_token_awaiter(std::stop_token token, A&& inner) noexcept
        : token_(std::move(token)), inner_(std::forward<A>(inner)) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
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
    inner_awaiter<A> inner_;
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
#endif

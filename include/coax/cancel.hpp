/// \file
/// Cancelling a part of a program, and keeping a part from being cancelled.
#pragma once

#include <coroutine>
#include <type_traits>
#include <utility>

#include <coax/cancelled.hpp>
#include <coax/config.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/detail/own_scope.hpp>
#include <coax/detail/refused.hpp>
#include <coax/result.hpp>
#include <coax/task.hpp>

namespace coax {

class cancel_scope;

namespace detail {

template <class A>
class shield_awaiter;

template <class Body>
task<bool> run_cancel_scope(Body body);

struct with_cancel_scope_fn {
    template <class Body>
        requires std::is_invocable_r_v<task<>, std::remove_reference_t<Body>&, cancel_scope&>
    task<bool> operator()(Body&& body) const {
        reject_unsafe_closure<Body>();
        return run_cancel_scope<Body>(std::forward<Body>(body));
    }
};

struct shield_fn {
    template <scoped_awaitable A>
    shield_awaiter<A> operator()(A&& awaitable) const noexcept;
};

} // namespace detail

/// `bool cut = co_await with_cancel_scope([&](cancel_scope& s) -> task<> { … s.cancel() … })`: runs the body in a scope of its own, and
/// says whether that was cut short by the scope's own cancellation. A named body must outlive the call.
///
/// Everything that the body awaits is in the scope, through tasks, groups and `when_all` and `when_any`.
///
/// Cancellation: one from outside passes through as `cancelled`, also when the scope was cancelled as well.
inline constexpr detail::with_cancel_scope_fn with_cancel_scope{};

/// A part of a program that can be cancelled as a whole. Made by `with_cancel_scope` only; used on its scheduler's thread.
class cancel_scope {
public:
    cancel_scope(const cancel_scope&) = delete;
    cancel_scope& operator=(const cancel_scope&) = delete;

    /// Cancels everything in the scope: each wait in it ends with `cancelled`, and so does every later one, until the scope is left.
    /// Calling it again changes nothing.
    void cancel() noexcept { scope_.cancel(); }

    /// Whether waits in the scope are refused, because of `cancel` or of a cancellation from outside.
    bool cancelled() const noexcept { return scope_.cancelled(); }

private:
    template <class Body>
    friend task<bool> detail::run_cancel_scope(Body body);

    cancel_scope() noexcept = default;

    detail::scope scope_;
};

/// `co_await shield(awaitable)`: holds a cancellation and the deadlines from outside off until the awaitable has ended. The next
/// checkpoint after it meets them. Meant for short work that must not be left half done; give it a limit of its own,
/// `shield(with_timeout(2s, …))`: nobody else can end it, and what never ends keeps its group, and so the run, from ending. Await it in
/// the expression that makes it.
///
/// Cancellation: none. (What is left when the main task has ended, foreign coroutines, is cancelled through shields.)
inline constexpr detail::shield_fn shield{};

// --- how it is done -------------------------------------------------------------------------------------------------

namespace detail {

template <class Body>
task<bool> run_cancel_scope(Body body) {
    const promise_base& self = co_await own_promise();
    cancel_scope opened;
    opened.scope_.open(*self.surroundings.within);
    try {
        task<> work = body(opened);
        co_await scoped_awaiter<void>(std::move(work).operator co_await(), opened.scope_);
    } catch (const coax::cancelled&) {
        if (!opened.scope_.absorbs())
            throw;
        co_return true;
    }
    co_return false;
}

/// Waits as the inner awaiter does, in a scope that an outer cancellation does not reach.
template <class A>
class [[nodiscard]] shield_awaiter : public adapter<shield_awaiter<A>> {
public:
    using value_type = value_of<A>;

    explicit shield_awaiter(A&& inner) noexcept : inner_(std::forward<A>(inner)) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
        scope_.open(*around.within, true);
        return inner_.awaiter().suspend({around.on, &scope_}, coroutine);
    }
    value_type await_resume() {
        scope_.close();
        return inner_.awaiter().await_resume();
    }
    result<value_type> await_result() noexcept {
        scope_.close();
        return inner_.awaiter().await_result();
    }

private:
    scope scope_;
    inner_awaiter<A> inner_;
};

template <scoped_awaitable A>
shield_awaiter<A> shield_fn::operator()(A&& awaitable) const noexcept {
    return shield_awaiter<A>(std::forward<A>(awaitable));
}

} // namespace detail
} // namespace coax

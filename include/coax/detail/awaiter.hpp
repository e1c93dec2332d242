// What can be awaited within a scope of one's own: the library's operations, its adapters, and tasks.
#pragma once

#include <concepts>
#include <coroutine>
#include <memory>
#include <type_traits>
#include <utility>

#include <coax/detail/loop.hpp>

namespace coax {
template <class T>
class result;
}

namespace coax::detail {

/// An awaiter of the library: it can be started with a given environment (false: it has ended at once), and it gives its outcome as an
/// exception or as a value.
template <class A>
concept result_awaiter = requires(A& awaiter, environment around, std::coroutine_handle<> coroutine) {
    { awaiter.suspend(around, coroutine) } -> std::same_as<bool>;
    awaiter.await_resume();
    { awaiter.await_result() } noexcept;
};

/// What gives such an awaiter when it is awaited, as a task does.
template <class A>
concept gives_result_awaiter = !std::is_lvalue_reference_v<A> && requires(A&& awaitable) {
    { std::move(awaitable).operator co_await() } -> result_awaiter;
};

/// What can carry a scope. Awaitables of other libraries cannot: nothing could end their wait.
template <class A>
concept scoped_awaitable = result_awaiter<std::remove_reference_t<A>> || gives_result_awaiter<A>;

/// An awaitable inside an adapter, deduced as `A&&`. An operation cannot move and stays where it is, in the expression that awaits the
/// adapter; a task moves in.
template <class A>
class held {
public:
    using awaiter_type = std::remove_reference_t<A>;

    explicit held(A&& inner) noexcept : inner_(std::addressof(inner)) {}
    awaiter_type& awaiter() noexcept { return *inner_; }

private:
    awaiter_type* inner_;
};

template <gives_result_awaiter A>
class held<A> {
public:
    using awaiter_type = decltype(std::declval<A>().operator co_await());

    explicit held(A&& inner) noexcept : owned_(std::move(inner)), awaiter_(std::move(owned_).operator co_await()) {}
    held(held&&) = delete;
    awaiter_type& awaiter() noexcept { return awaiter_; }

private:
    A owned_;
    awaiter_type awaiter_;
};

/// What `co_await` gives of it.
template <class A>
using value_of = decltype(std::declval<typename held<A>::awaiter_type&>().await_resume());

/// The part of an adapter that is the same in all. `Derived` has `suspend`, `await_resume` and `await_result`.
template <class Derived>
class adapter {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return static_cast<Derived*>(this)->suspend(environment_of(coroutine), coroutine);
    }

protected:
    adapter() noexcept = default;
    ~adapter() = default;
    adapter(const adapter&) = delete;
    adapter& operator=(const adapter&) = delete;
};

} // namespace coax::detail

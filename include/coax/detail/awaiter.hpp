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
concept result_awaiter = requires(A& awaiter, environment around, awaiting_coroutine coroutine) {
    { awaiter.suspend(around, coroutine) } -> std::same_as<bool>;
    awaiter.await_resume();
    { awaiter.await_result() } noexcept;
};

/// What gives such an awaiter when it is awaited, as a task does.
template <class A>
concept gives_result_awaiter =
    !std::is_lvalue_reference_v<A> && !result_awaiter<std::remove_reference_t<A>> && requires(A&& awaitable) {
        { std::move(awaitable).operator co_await() } -> result_awaiter;
    };

/// The base of what refers to temporaries of the expression that makes it: it can be awaited there, and not under a name.
struct awaited_where_written {};

/// What can carry a scope. Awaitables of other libraries cannot: nothing could end their wait.
template <class A>
concept scoped_awaitable =
    (result_awaiter<std::remove_reference_t<A>> &&
     !(std::is_lvalue_reference_v<A> && std::is_base_of_v<awaited_where_written, std::remove_reference_t<A>>)) ||
    gives_result_awaiter<A>;

/// An awaitable inside an adapter, deduced as `A&&`. An operation cannot move and stays where it is, in the expression that awaits the
/// adapter; a task moves in.
template <class A>
class inner_awaiter {
public:
    using awaiter_type = std::remove_reference_t<A>;

    explicit inner_awaiter(A&& inner) noexcept : inner_(std::addressof(inner)) {}
    awaiter_type& awaiter() noexcept { return *inner_; }

private:
    awaiter_type* inner_;
};

template <gives_result_awaiter A>
class inner_awaiter<A> {
public:
    using awaiter_type = decltype(std::declval<A>().operator co_await());

    explicit inner_awaiter(A&& inner) noexcept
        : owned_(std::move(inner)), awaiter_(std::move(owned_).operator co_await()) {}
    inner_awaiter(inner_awaiter&&) = delete;
    awaiter_type& awaiter() noexcept { return awaiter_; }

private:
    A owned_;
    awaiter_type awaiter_;
};

/// What `co_await` gives of it.
template <class A>
using value_of = decltype(std::declval<typename inner_awaiter<A>::awaiter_type&>().await_resume());

/// Awaits what stays where it is. An `operator co_await` that gave a reference to it would be simpler, but g++ 12 copies what such a
/// reference refers to.
template <class A>
class awaiting {
public:
    explicit awaiting(A& what) noexcept : what_(what) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return what_.suspend(environment_of(coroutine), coroutine);
    }
    decltype(auto) await_resume() { return what_.await_resume(); }

private:
    A& what_;
};

/// What the compiler names where something that has a name is awaited and must not be: the operation in it, or the bytes, went with the
/// statement that made it. Write it into the `co_await` expression, or make a task of it.
class await_it_in_the_expression_that_makes_it;

/// The part of an adapter that is the same in all. `Derived` has `suspend`, `await_resume` and `await_result`.
template <class Derived>
class adapter : public awaited_where_written {
public:
    awaiting<Derived> operator co_await() && noexcept { return awaiting<Derived>(static_cast<Derived&>(*this)); }
    await_it_in_the_expression_that_makes_it operator co_await() const& = delete;

protected:
    adapter() noexcept = default;
    ~adapter() = default;
    adapter(const adapter&) = delete;
    adapter& operator=(const adapter&) = delete;
};

/// Waits as the inner awaiter does, and gives its outcome, whatever that is, as a value.
template <class Awaiter>
class outcome_awaiter : public adapter<outcome_awaiter<Awaiter>> {
public:
    explicit outcome_awaiter(Awaiter& inner) noexcept : inner_(inner) {}
    bool suspend(environment around, awaiting_coroutine coroutine) { return inner_.suspend(around, coroutine); }
    auto await_resume() noexcept { return inner_.await_result(); }

private:
    Awaiter& inner_;
};

/// An operation that refers to a temporary argument of the call that makes it.
template <class Operation>
class [[nodiscard]] on_temporaries : public Operation, public awaited_where_written {
public:
    using Operation::Operation;

    awaiting<on_temporaries> operator co_await() && noexcept { return awaiting<on_temporaries>(*this); }
    await_it_in_the_expression_that_makes_it operator co_await() const& = delete;
};

} // namespace coax::detail

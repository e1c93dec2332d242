/// \file
/// `task<T>`: a coroutine that starts when it is awaited.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/promise.hpp>

namespace coax {

template <class T>
class task;
template <class T>
class result;

namespace detail {

/// What the compiler names where a task that has a name is awaited without `std::move`.
class a_task_is_awaited_once_so_move_it;

/// Throws `std::logic_error`: a task that was moved from or already awaited.
[[noreturn]] COAX_API void throw_empty_task();

template <class T>
class task_promise final : public promise_base {
public:
    task_promise() noexcept {}
    ~task_promise() {
        if (has_value_)
            std::destroy_at(std::addressof(value_));
    }
    task<T> get_return_object() noexcept;

    template <class U>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
        std::construct_at(std::addressof(value_), std::forward<U>(value));
        has_value_ = true;
    }
    T take() {
        note_end();
        rethrow();
        return std::move(value_);
    }

private:
    union {
        T value_;
    };
    bool has_value_ = false;
};

template <class T>
class task_promise<T&> final : public promise_base {
public:
    task<T&> get_return_object() noexcept;
    void return_value(T& value) noexcept { value_ = std::addressof(value); }
    T& take() {
        note_end();
        rethrow();
        return *value_;
    }

private:
    T* value_ = nullptr;
};

template <>
class task_promise<void> final : public promise_base {
public:
    task<void> get_return_object() noexcept;
    void return_void() noexcept {}
    void take() {
        note_end();
        rethrow();
    }
};

/// Starts a task and takes its result.
template <class T>
class [[nodiscard]] task_awaiter {
public:
    using handle_type = std::coroutine_handle<task_promise<T>>;

    explicit task_awaiter(handle_type child) noexcept : child_(child) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> parent) {
        return suspend(environment_of(parent), parent);
    }
    bool suspend(environment around, awaiting_coroutine parent) {
        if (!child_ || child_.promise().surroundings.on != nullptr) [[unlikely]]
            throw_empty_task();
        child_.promise().surroundings = around;
        return child_.promise().start(child_, parent);
    }
    T await_resume() { return child_.promise().take(); }
    result<T> await_result() noexcept;

private:
    handle_type child_;
};

} // namespace detail

/// A coroutine that runs when it is awaited, once, on the scheduler of the coroutine that awaits it, within the same cancel
/// scope. Its value, its reference or its exception goes to the awaiter. A task that is never awaited never runs; its arguments
/// are destroyed with it.
///
/// Starting a task and taking its result are not checkpoints.
template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T; ///< what awaiting it gives: an object, a reference or `void`

    /// No coroutine. Awaiting it throws `std::logic_error`.
    task() noexcept = default;
    /// Takes the coroutine over; there is none left in `other`.
    task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    /// Takes the coroutine over, and destroys the one that it had; there is none left in `other`.
    task& operator=(task&& other) noexcept {
        task replaced(std::exchange(coroutine_, std::exchange(other.coroutine_, nullptr)));
        return *this;
    }
    /// Destroys the coroutine, wherever it stands.
    ~task() {
        if (coroutine_)
            coroutine_.destroy();
    }

    /// Whether there is a coroutine: false when moved from.
    explicit operator bool() const noexcept { return static_cast<bool>(coroutine_); }

    /// Whether it has been awaited or spawned already.
    bool has_started() const noexcept { return coroutine_ && coroutine_.promise().surroundings.on != nullptr; }

    /// `co_await std::move(work)`, `co_await work()`: runs the coroutine to its end and gives its value, or throws its exception unchanged.
    /// Throws `std::logic_error` for a task without a coroutine, or one that has started.
    ///
    /// Cancellation: no checkpoint of its own; what the task awaits is in the scope of the one who awaits it.
    detail::task_awaiter<T> operator co_await() && noexcept { return detail::task_awaiter<T>(coroutine_); }
    /// A task is awaited once, and gone then: one that has a name is awaited as `co_await std::move(work)`.
    detail::a_task_is_awaited_once_so_move_it operator co_await() const& = delete;

    /// Gives the coroutine away; for the library's own runners.
    std::coroutine_handle<promise_type> release() noexcept { return std::exchange(coroutine_, nullptr); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

    std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
template <class T>
task<T&> task_promise<T&>::get_return_object() noexcept {
    return task<T&>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace detail
} // namespace coax

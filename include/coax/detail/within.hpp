// For coroutines of the library that open a scope: their own environment, and a task awaited within that scope.
#pragma once

#include <coroutine>
#include <utility>

#include <coax/detail/loop.hpp>
#include <coax/task.hpp>

namespace coax::detail {

/// Gives the coroutine's environment without suspending.
class environment_awaiter {
public:
    environment_awaiter() noexcept {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) {
        around_ = environment_of(handle);
        return false;
    }
    environment await_resume() const noexcept { return around_; }

private:
    environment around_;
};

/// Awaits a task within another scope.
template <class T>
class scoped_awaiter {
public:
    scoped_awaiter(task_awaiter<T> inner, scope& within) noexcept : inner_(inner), within_(within) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> parent) {
        return inner_.suspend({environment_of(parent).on, &within_}, parent);
    }
    T await_resume() { return inner_.await_resume(); }

private:
    task_awaiter<T> inner_;
    scope& within_;
};

} // namespace coax::detail

// For tasks of the library that open a scope: where they run, and a task awaited within that scope.
#pragma once

#include <coroutine>
#include <utility>

#include <coax/detail/loop.hpp>
#include <coax/detail/promise.hpp>
#include <coax/task.hpp>

namespace coax::detail {

/// Gives a task its own promise, without suspending. It says where the task runs.
class own_promise {
public:
    own_promise() noexcept {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
        promise_ = &self.promise();
        return false;
    }
    promise_base& await_resume() const noexcept { return *promise_; }

private:
    promise_base* promise_ = nullptr;
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

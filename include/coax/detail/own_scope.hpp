// What runs in a scope of its own: a task that is awaited there, and several coroutines.
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/promise.hpp>
#include <coax/error.hpp>
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

class branch_set;

struct branch : promise_base::supervisor {
    enum class ending : unsigned char { none, value, failed, cancelled };

    branch() noexcept;
    branch(const branch&) = delete;
    ~branch() {
        if (coroutine)
            coroutine.destroy();
    }

    std::coroutine_handle<task_promise<void>> coroutine; // null once it has ended
    branch_set* set = nullptr;
    ending how = ending::none;
};

/// Which ending of a branch decides, and cancels the others.
enum class branch_policy : unsigned char {
    all, // the first failure
    any, // the first ending
};

/// Runs branches in a scope of their own until all have ended.
class COAX_API branch_set : ready_node {
public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    explicit branch_set(branch_policy policy) noexcept : policy_(policy) {}
    branch_set(const branch_set&) = delete;
    ~branch_set();

    /// Starts them in their order. False: all have ended already.
    bool start(environment around, awaiting_coroutine parent, branch* branches, std::size_t count) noexcept;
    /// The parent has resumed.
    void close() noexcept {
        reported_ = false;
        scope_.close();
    }

    /// The branch that decided; `none` if each of them ended without deciding anything.
    std::size_t decisive() const noexcept { return decisive_; }
    /// Hands a failure that has to make way for the decisive one to the scheduler.
    void report(const failure& suppressed) noexcept;

private:
    friend struct branch;

    static void branch_ended(promise_base::supervisor& of, promise_base& promise) noexcept;

    scope scope_;
    loop* on_ = nullptr;
    branch* branches_ = nullptr;
    std::size_t running_ = 0;
    std::size_t decisive_ = none;
    branch_policy policy_;
    bool starting_ = false;
    bool reported_ = false; // the parent is in the ready queue
};

inline branch::branch() noexcept : supervisor{&branch_set::branch_ended, nullptr} {}

/// Throws `std::invalid_argument`: `when_any` of nothing would never end.
[[noreturn]] COAX_API void throw_nothing_to_wait_for();

} // namespace coax::detail

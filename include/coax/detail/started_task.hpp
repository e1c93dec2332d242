// What a task that was started by `task_group::start` shares with its handle and with those who join it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/promise.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/error.hpp>
#include <coax/result.hpp>
#include <coax/task.hpp>

namespace coax {
class task_group;
}

namespace coax::detail {

/// It lives as long as anybody refers to it: the coroutine that runs the task, the handle, a join that waits. The latter two are its
/// *owners*: as long as there is one, a failure waits here to be joined; where there is none, it is the group's.
class COAX_API started_task {
public:
    explicit started_task(task_group& of) noexcept;
    started_task(const started_task&) = delete;
    started_task& operator=(const started_task&) = delete;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* block, std::size_t size) noexcept { deallocate_frame(block, size); }

    void add_owner() noexcept {
        ++owners_;
        ++references_;
    }
    void remove_owner() noexcept;
    void add_reference() noexcept { ++references_; }
    void remove_reference() noexcept {
        if (--references_ == 0)
            delete this;
    }

    scope& within() noexcept { return scope_; }
    void cancel() noexcept {
        if (!over_)
            scope_.cancel();
    }
    bool over() const noexcept { return over_; }
    bool joined() const noexcept { return joined_; }

    /// The task has ended, and what it owned is gone; its outcome is here. Whoever joins it resumes later. Gives what the group is to hear:
    /// a failure that nobody can join.
    std::exception_ptr end(bool failed) noexcept;
    /// The group is left, or goes: a failure that has not been joined is its own.
    std::exception_ptr leave_to_group() noexcept;

    wait_queue& joining() noexcept { return joining_; }
    void mark_joined() noexcept {
        joined_ = true;
        unlink();
    }

    virtual failure& error() noexcept = 0;
    virtual bool succeeded() const noexcept = 0;

protected:
    virtual ~started_task();

private:
    void unlink() noexcept;

    task_group& group_;
    scope scope_;
    wait_queue joining_;
    // Among the group's failures that have not been joined.
    started_task* next_ = nullptr;
    started_task** link_ = nullptr;
    std::size_t references_ = 0;
    std::size_t owners_ = 0;
    bool over_ = false;
    bool joined_ = false;
};

/// What `join` says of a task that was cut short.
inline failure cancelled_task() noexcept {
    return failure(std::make_error_code(std::errc::operation_canceled), operation_name::join);
}

template <class T>
class started_task_of final : public started_task {
public:
    using started_task::started_task;
    failure& error() noexcept override { return outcome.error(); }
    bool succeeded() const noexcept override { return outcome.has_value(); }

    result<T> outcome{cancelled_task()};
};

/// The part of the coroutine that runs the task. Where it is destroyed in the middle the task has been cut short.
template <class T>
class started_task_run {
public:
    explicit started_task_run(started_task_of<T>& state) noexcept : state_(&state) { state.add_reference(); }
    started_task_run(started_task_run&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    started_task_run& operator=(started_task_run&&) = delete;
    ~started_task_run() {
        if (state_ == nullptr)
            return;
        if (!state_->over())
            state_->end(false);
        state_->remove_reference();
    }
    started_task_of<T>& operator*() const noexcept { return *state_; }

private:
    started_task_of<T>* state_;
};

/// Awaits a task within a scope and gives its outcome.
template <class T>
class scoped_outcome {
public:
    scoped_outcome(task<T>& work, scope& within) noexcept
        : inner_(std::move(work).operator co_await()), within_(within) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> parent) {
        return inner_.suspend({environment_of(parent).on, &within_}, parent);
    }
    result<T> await_resume() noexcept { return inner_.await_result(); }

private:
    task_awaiter<T> inner_;
    scope& within_;
};

template <class T>
task<> run_started(started_task_run<T> run, task<T> work) {
    started_task_of<T>& state = *run;
    std::exception_ptr for_group;
    bool failed = false;
    try {
        result<T> outcome = co_await scoped_outcome<T>(work, state.within());
        if (outcome || outcome.error().why() != failure::cause::cancelled) {
            failed = !outcome;
            state.outcome = std::move(outcome);
        } else if (!state.within().absorbs()) {
            for_group = outcome.error().to_exception();
        }
    } catch (...) { // from moving the value
        failed = true;
        state.outcome = failure::from_current_exception();
    }
    work = task<T>();
    if (const std::exception_ptr left = state.end(failed))
        for_group = left;
    if (for_group)
        std::rethrow_exception(for_group);
}

/// Keeps a callable and its arguments for as long as the task that it makes, and with them what they are converted to for the call.
template <class T, class F, class... Args>
task<T> run_kept(F function, Args... arguments) {
    if constexpr (std::is_member_pointer_v<F>)
        co_return co_await std::invoke(function, std::move(arguments)...);
    else
        co_return co_await function(std::move(arguments)...);
}

template <class F, class... Args>
using started_value = typename std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>::value_type;

struct COAX_API join_wait : sync_wait {
    explicit join_wait(started_task* of) noexcept : sync_wait(operation_name::join), target(of) {
        if (target != nullptr)
            target->add_owner();
    }
    ~join_wait() {
        if (state != wait_state::idle)
            abandon();
        if (target != nullptr)
            target->remove_owner();
    }
    /// Throws `std::logic_error` where there is no task, or it has been joined.
    bool suspend(environment around, awaiting_coroutine coroutine);
    bool conclude() noexcept;
    failure failed() noexcept;

    started_task* target;
    bool too_late = false; // another join has taken the outcome
};

template <class T>
struct join_value_wait : join_wait {
    explicit join_value_wait(started_task_of<T>* of) noexcept : join_wait(of) {}
    T value() noexcept(!std::is_object_v<T> || std::is_nothrow_move_constructible_v<T>) {
        auto& outcome = static_cast<started_task_of<T>*>(target)->outcome;
        if constexpr (std::is_object_v<T>)
            return std::move(*outcome);
        else if constexpr (std::is_reference_v<T>)
            return *outcome;
    }
};

template <class T>
using join_operation = awaited<join_value_wait<T>>;

} // namespace coax::detail

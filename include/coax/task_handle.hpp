/// \file
/// A task that was started in a group, to be joined or cancelled.
#pragma once

#include <utility>

#include <coax/config.hpp>
#include <coax/detail/started_task.hpp>

namespace coax {

/// One task of a group: `auto handle = group.start(fn, args…)`, later `co_await handle.join()`.
///
/// The handle answers for the task's failure: `join` throws it, and nobody else hears of it. A failure that is not joined is the group's, as
/// that of a spawned task: at once where the handle is gone when the task fails, else when the handle goes, and at the latest when the
/// group is left. So what must end its siblings when it fails is spawned, or joined without waiting for anything else first.
///
/// For the thread of the group. It may be moved, and may outlive the group.
template <class T = void>
class [[nodiscard]] task_handle {
public:
    using value_type = T; ///< what the task gives: an object, a reference or `void`

    /// No task.
    task_handle() noexcept = default;
    /// Takes the task over; `other` has none any more.
    task_handle(task_handle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    /// Takes the task over, and leaves the one that it had to its group.
    task_handle& operator=(task_handle&& other) noexcept {
        task_handle replaced(std::exchange(state_, std::exchange(other.state_, nullptr)), nullptr);
        return *this;
    }
    /// Leaves the task to its group: it goes on, and a failure of it is a failure of the group.
    ~task_handle() {
        if (state_ != nullptr)
            state_->remove_owner();
    }

    /// Whether there is a task: false when moved from.
    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// Whether the task has ended, in whatever way.
    bool done() const noexcept { return state_ != nullptr && state_->over(); }

    /// `co_await handle.join()`: waits until the task has ended, and what it owned is gone; gives its value, or throws its exception
    /// unchanged. A task that was cut short, by `cancel` or with its group, is `io_error` with `std::errc::operation_canceled`: nobody has
    /// cancelled the one who joins. `co_await as_result(handle.join())` only waits, whatever came of it.
    ///
    /// The outcome is given once; joining again is `std::logic_error`.
    ///
    /// Cancellation: throws `cancelled`; the task is not concerned, and can be joined again.
    [[nodiscard]] detail::join_operation<T> join() & noexcept { return detail::join_operation<T>(state_); }

    /// Cancels the task, and nothing else: every wait in it throws `cancelled`, and its group goes on. A task that has ended stays as it is.
    void cancel() noexcept {
        if (state_ != nullptr)
            state_->cancel();
    }

private:
    friend class task_group;

    explicit task_handle(detail::started_task_of<T>& state) noexcept : state_(&state) { state.add_owner(); }
    task_handle(detail::started_task_of<T>* owned, std::nullptr_t) noexcept : state_(owned) {}

    detail::started_task_of<T>* state_ = nullptr;
};

} // namespace coax

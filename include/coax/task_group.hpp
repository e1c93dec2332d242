/// \file
/// Groups of tasks that are joined: the only way to start a task that is not awaited on the spot.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <coax/cancelled.hpp>
#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/own_scope.hpp>
#include <coax/detail/refused.hpp>
#include <coax/detail/started_task.hpp>
#include <coax/error.hpp>
#include <coax/function_ref.hpp>
#include <coax/task.hpp>
#include <coax/task_handle.hpp>

namespace coax {

class task_group;

/// How a group treats its failures.
struct task_group_options {
    /// Called for each failure after the first. The default is the scheduler's handler. It must not throw.
    function_ref<void(std::exception_ptr)> on_suppressed = {};
    /// Every failure is kept, and two or more are thrown together as `group_error`.
    bool collect_failures = false;
};

namespace detail {
struct task_group_access;

struct with_task_group_fn {
    template <class Body>
        requires std::is_invocable_r_v<task<>, std::remove_reference_t<Body>&, task_group&>
    task<> operator()(Body&& body, task_group_options options = {}) const;
};
} // namespace detail

/// `co_await with_task_group([&](task_group& g) -> task<> { g.spawn(…); … })`: runs the body, and leaves only when the body and every
/// child have ended.
///
/// The first failure, of the body or of a child, cancels the rest and is rethrown unchanged; further ones go to `on_suppressed`, or with
/// `collect_failures` all come together in a `group_error`. After `g.cancel()` the group is left normally. A named body must outlive
/// the group.
///
/// Cancellation: cancelling the scope around cancels the body and the children; `cancelled` is thrown once all have ended, if
/// it cut any of them short.
inline constexpr detail::with_task_group_fn with_task_group{};

/// Tasks that run at the same time and end together. Made by `with_task_group` only.
class COAX_API task_group : detail::promise_base::supervisor {
public:
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// `group.spawn(serve_one(std::move(conn)))`: starts the task now, within the group's scope; it runs until it first waits. Its failure
    /// cancels the group. What the task refers to has to outlive it: the captures of a lambda lie in the lambda and not in the task, so
    /// one that is written into the call is given to the next form instead of being called.
    void spawn(task<> child);

    /// `group.spawn(fn, args…)`: starts `fn(args…)`, a task, and keeps copies of `fn` and of the arguments until it has ended, as
    /// `std::thread` does; `std::ref` passes a reference on. So `group.spawn([conn = std::move(conn)]() mutable -> task<> { … })` is right,
    /// and calling that lambda is not.
    template <class F, class... Args>
        requires std::is_invocable_r_v<task<>, std::decay_t<F>&, std::decay_t<Args>...>
    void spawn(F&& function, Args&&... arguments) {
        spawn(detail::run_kept<void, std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(function),
                                                                             std::forward<Args>(arguments)...));
    }

    /// `auto handle = group.start(fn, args…)`: the same for a task that is joined or cancelled by itself: `co_await handle.join()` gives
    /// its value or its exception, `handle.cancel()` cuts it short. Keeps what `spawn` keeps.
    template <class F, class... Args>
        requires std::is_invocable_r_v<task<detail::started_value<F, Args...>>, std::decay_t<F>&, std::decay_t<Args>...>
    task_handle<detail::started_value<F, Args...>> start(F&& function, Args&&... arguments) {
        return start(detail::run_kept<detail::started_value<F, Args...>, std::decay_t<F>, std::decay_t<Args>...>(
            std::forward<F>(function), std::forward<Args>(arguments)...));
    }
    /// The same for a task that has been made already.
    template <class T>
    task_handle<T> start(task<T> child);

    /// Cancels the body and every child; the group is then left normally.
    void cancel() noexcept { scope_.cancel(); }
    /// Whether waits in the group are refused: after `cancel`, after a failure, or because of a cancellation from outside.
    bool cancelled() const noexcept { return scope_.cancelled(); }

    /// Children that have not ended.
    std::size_t size() const noexcept { return children_; }

private:
    friend struct detail::task_group_access;

    task_group(detail::promise_base& of, const task_group_options& options)
        : supervisor{&child_ended, &of}, on_(*of.surroundings.on), options_(options) {
        scope_.open(*of.surroundings.within);
    }
    ~task_group();

    static void child_ended(supervisor& self, detail::promise_base& child) noexcept;
    void fail(std::exception_ptr error) noexcept;
    void finish();

    detail::loop& on_;
    detail::scope scope_;
    task_group_options options_;
    std::size_t children_ = 0;
    detail::promise_base::list running_; // the same children
    detail::started_task* unjoined_ = nullptr;
    detail::ready_node joiner_;
    enum class join : unsigned char {
        none,
        waiting,
        reported
    } join_ = join::none; // reported: it is in the ready queue
    std::exception_ptr first_;
    std::vector<std::exception_ptr> collected_;
    std::optional<failure> cut_short_; // where the first one was whom a cancellation cut short
};

/// Several failures of one group that was asked to collect them, in the order in which they came.
class COAX_API group_error : public std::exception {
public:
    /// Of at least two failures.
    explicit group_error(std::vector<std::exception_ptr> failures) : failures_(std::move(failures)) {}
    ~group_error() override;
    /// The same text for all; the failures have their own.
    const char* what() const noexcept override;
    /// The exceptions, the one that came first in front.
    const std::vector<std::exception_ptr>& failures() const noexcept { return failures_; }

private:
    std::vector<std::exception_ptr> failures_;
};

// --- how it is done -------------------------------------------------------------------------------------------------

template <class T>
task_handle<T> task_group::start(task<T> child) {
    if (!child || child.has_started())
        detail::throw_empty_task();
    task_handle<T> handle(*new detail::started_task_of<T>(*this));
    spawn(detail::run_started<T>(detail::started_task_run<T>(*handle.state_), std::move(child)));
    return handle;
}

namespace detail {

struct COAX_API task_group_access {
    /// A group in the frame of `with_task_group`.
    struct holder {
        holder(promise_base& of, const task_group_options& options) : group(of, options) {}
        task_group group;
    };

    /// Waits until every child has ended. Not a checkpoint: the children are cancelled by themselves.
    class join_awaiter {
    public:
        explicit join_awaiter(task_group& group) noexcept : group_(group) {}
        bool await_ready() const noexcept { return group_.children_ == 0; }
        void await_suspend(std::coroutine_handle<> parent) noexcept {
            group_.joiner_.handle = parent;
            group_.join_ = task_group::join::waiting;
        }
        void await_resume() const noexcept { group_.join_ = task_group::join::none; }

    private:
        task_group& group_;
    };

    static scope& scope_of(task_group& group) noexcept { return group.scope_; }
    /// The started tasks whose failures have not been joined.
    static started_task*& unjoined(task_group& group) noexcept { return group.unjoined_; }
    static void fail(task_group& group, std::exception_ptr error) noexcept { group.fail(std::move(error)); }
    /// The body or a child threw what is being handled.
    static void body_failed(task_group& group) noexcept;
    /// Throws what the group has to report.
    static void finish(task_group& group) { group.finish(); }
};

template <class Body>
task<> run_task_group(Body body, task_group_options options) {
    promise_base& self = co_await own_promise();
    task_group_access::holder holder(self, options);
    task_group& group = holder.group;
    try {
        task<> work = body(group);
        co_await scoped_awaiter<void>(std::move(work).operator co_await(), task_group_access::scope_of(group));
    } catch (...) {
        task_group_access::body_failed(group);
    }
    // Between the end of the last child and this coroutine's turn somebody may have spawned another one.
    while (group.size() != 0)
        co_await task_group_access::join_awaiter(group);
    task_group_access::finish(group);
}

template <class Body>
    requires std::is_invocable_r_v<task<>, std::remove_reference_t<Body>&, task_group&>
task<> with_task_group_fn::operator()(Body&& body, task_group_options options) const {
    reject_unsafe_closure<Body>();
    return run_task_group<Body>(std::forward<Body>(body), options);
}

} // namespace detail
} // namespace coax

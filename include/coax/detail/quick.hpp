// What becomes a task only where it has to wait, and what can only be awaited where it is made.
#pragma once

#include <coroutine>
#include <type_traits>
#include <utility>

#include <coax/detail/awaiter.hpp>
#include <coax/detail/loop.hpp>
#include <coax/result.hpp>
#include <coax/task.hpp>

namespace coax::detail {

/// A task that refers to temporary arguments of the call that made it.
template <class T>
class [[nodiscard]] task_on_temporaries : public adapter<task_on_temporaries<T>> {
public:
    using value_type = T;

    explicit task_on_temporaries(task<T> work) noexcept : inner_(std::move(work)) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
        return inner_.awaiter().suspend(around, coroutine);
    }
    T await_resume() { return inner_.awaiter().await_resume(); }
    result<T> await_result() noexcept { return inner_.awaiter().await_result(); }

private:
    inner_awaiter<task<T>> inner_;
};

struct nothing {};

/// When awaited it tries `quick(value)`, which costs no frame and does not suspend, and where that says false, runs the task that `slow()`
/// makes. Where a task is wanted (`group.spawn`, a vector of them) it becomes one.
template <class T, class Quick, class Slow>
class [[nodiscard]] quick_operation {
public:
    using value_type = T;

    quick_operation(Quick quick, Slow slow) noexcept : quick_(std::move(quick)), slow_(std::move(slow)) {}
    quick_operation(const quick_operation&) = delete;
    quick_operation& operator=(const quick_operation&) = delete;

    bool await_ready() { return quick_(value_); }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return start(environment_of(coroutine), coroutine);
    }
    bool suspend(environment around, awaiting_coroutine coroutine) {
        return !quick_(value_) && start(around, coroutine);
    }
    T await_resume() {
        if (task_) [[unlikely]]
            return awaiter_.await_resume();
        if constexpr (!std::is_void_v<T>)
            return std::move(value_);
    }
    result<T> await_result() noexcept {
        if (task_) [[unlikely]]
            return awaiter_.await_result();
        if constexpr (std::is_void_v<T>)
            return {};
        else
            return std::move(value_);
    }

    operator task<T>() && { return slow_(); }

private:
    bool start(environment around, awaiting_coroutine coroutine) {
        task_ = slow_();
        awaiter_ = std::move(task_).operator co_await();
        return awaiter_.suspend(around, coroutine);
    }

    Quick quick_;
    Slow slow_;
    std::conditional_t<std::is_void_v<T>, nothing, T> value_{};
    task<T> task_;
    task_awaiter<T> awaiter_{nullptr};
};

template <class T, class Quick, class Slow>
quick_operation<T, Quick, Slow> quick_or(Quick quick, Slow slow) noexcept {
    return quick_operation<T, Quick, Slow>(std::move(quick), std::move(slow));
}

/// The same on temporary arguments: it is awaited in the expression that makes it, and becomes no task.
template <class T, class Quick, class Slow>
class [[nodiscard]] quick_operation_on_temporaries : public on_temporaries<quick_operation<T, Quick, Slow>> {
public:
    using on_temporaries<quick_operation<T, Quick, Slow>>::on_temporaries;
    operator task<T>() && = delete;
};

template <class T, class Quick, class Slow>
quick_operation_on_temporaries<T, Quick, Slow> quick_on_temporaries(Quick quick, Slow slow) noexcept {
    return quick_operation_on_temporaries<T, Quick, Slow>(std::move(quick), std::move(slow));
}

} // namespace coax::detail

// Tasks that can only be awaited where they are made.
#pragma once

#include <coroutine>
#include <utility>

#include <coax/detail/awaiter.hpp>
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

} // namespace coax::detail

// Who waits.
#pragma once

#include <coroutine>
#include <type_traits>

namespace coax::detail {

class promise_base;

/// The coroutine that awaits something, and its promise if it is a task. Two words, which are passed in registers.
struct awaiting_coroutine {
    awaiting_coroutine() noexcept = default;
    template <class Promise>
        requires(!std::is_void_v<Promise>) // whose promise is no longer known
    awaiting_coroutine(std::coroutine_handle<Promise> coroutine) noexcept : handle(coroutine) {
        if constexpr (std::is_base_of_v<promise_base, Promise>)
            promise = &coroutine.promise();
    }

    std::coroutine_handle<> handle;
    promise_base* promise = nullptr; // null for a foreign coroutine
};

} // namespace coax::detail

// How the outcome of an operation reaches the coroutine that awaits it.
#pragma once

#include <coroutine>
#include <system_error>
#include <type_traits>
#include <utility>

#include <coax/detail/loop.hpp>
#include <coax/error.hpp>
#include <coax/result.hpp>

namespace coax::detail {

/// Lets a coroutine begin an operation that can `suspend`.
template <class Operation>
class suspending : public Operation {
public:
    using Operation::Operation;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        return this->suspend(environment_of(coroutine), coroutine);
    }
};

/// Makes an awaitable of an operation that knows afterwards whether it succeeded (`conclude`), its `value()`, and otherwise how it
/// `failed()`.
template <class Operation>
class [[nodiscard]] awaited : public suspending<Operation> {
public:
    using suspending<Operation>::suspending;
    using value_type = decltype(std::declval<Operation&>().value());

    value_type await_resume() {
        if (!this->conclude()) [[unlikely]]
            this->failed().raise();
        return this->value();
    }
    result<value_type> await_result() noexcept {
        if (!this->conclude()) [[unlikely]]
            return this->failed();
        if constexpr (std::is_void_v<value_type>) {
            return {};
        } else if constexpr (noexcept(this->value())) {
            return this->value();
        } else {
            try {
                return this->value();
            } catch (...) {
                return failure(std::make_error_code(std::errc::not_enough_memory), this->name);
            }
        }
    }
};

} // namespace coax::detail

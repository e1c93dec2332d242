/// \file
/// A value that is set once, from any thread, and awaited by many tasks.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/result.hpp>

namespace coax {
namespace detail {

template <class T>
using one_shot_value = std::optional<std::conditional_t<std::is_void_v<T>, char, T>>;

/// Gives the value, or the exception in its place.
template <class T>
class [[nodiscard]] one_shot_operation : public suspending<one_shot_wait> {
public:
    using value_type = std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<const T>>;

    one_shot_operation(one_shot_state& of, const one_shot_value<T>& value) noexcept
        : suspending<one_shot_wait>(of), value_(value) {}

    value_type await_resume() {
        if (!conclude()) [[unlikely]]
            failed().raise();
        throw_error();
        if constexpr (!std::is_void_v<T>)
            return *value_;
    }
    result<value_type> await_result() noexcept {
        if (!conclude()) [[unlikely]]
            return failed();
        try {
            throw_error();
        } catch (...) {
            return failure::from_current_exception();
        }
        if constexpr (std::is_void_v<T>)
            return {};
        else
            return *value_;
    }

private:
    const one_shot_value<T>& value_;
};

} // namespace detail

/// A value that does not exist yet: somebody sets it, once, and whoever awaits it gets a reference to it, then and ever after.
///
///     coax::one_shot<std::string> answer;
///     std::thread worker([&] { answer.set(compute()); });
///     std::cout << co_await answer.get();
///
/// Unlike the other primitives it may be used from any thread and by tasks of several schedulers at once. It may be destroyed as soon as
/// `get` or `ready` says that it is set, even if `set` has not returned yet; before that nobody may wait for it. `one_shot<>` has no value.
template <class T = void>
class one_shot {
public:
    one_shot() noexcept = default;
    one_shot(const one_shot&) = delete;
    one_shot& operator=(const one_shot&) = delete;

    /// Sets the value, and wakes all who wait for it. False: it was set before, and this one is dropped. What moving the value throws comes
    /// out, and nothing is set. From any thread.
    template <std::convertible_to<T> U = T>
        requires(!std::is_void_v<T>)
    bool set(U&& value) {
        if (!state_.claim())
            return false;
        try {
            value_.emplace(std::forward<U>(value));
        } catch (...) {
            state_.give_up();
            throw;
        }
        state_.announce();
        return true;
    }
    /// \overload
    bool set() noexcept
        requires(std::is_void_v<T>)
    {
        if (!state_.claim())
            return false;
        state_.announce();
        return true;
    }

    /// Sets an exception in its place: `get` throws it, in each who awaits it. False: it was set before. From any thread.
    bool set_exception(std::exception_ptr error) noexcept {
        if (!state_.claim())
            return false;
        state_.error = std::move(error);
        state_.announce();
        return true;
    }

    /// Whether it is set now. From any thread.
    bool ready() const noexcept { return state_.ready(); }

    /// `const T& value = co_await answer.get()`: waits until the value is set. The reference is good as long as the `one_shot` lives. An
    /// exception that was set comes out of each wait.
    ///
    /// Cancellation: throws `cancelled`; one who has been told of the value gets it.
    [[nodiscard]] detail::one_shot_operation<T> get() noexcept { return detail::one_shot_operation<T>(state_, value_); }

private:
    mutable detail::one_shot_state state_;
    detail::one_shot_value<T> value_;
};

} // namespace coax

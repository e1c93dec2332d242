// What every kind of `result` can do with its value or its failure: the calls of `std::expected` that go on with it.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include <coax/error.hpp>

namespace coax {
template <class T>
class result;
}

namespace coax::detail {

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

/// What `function` makes of the value in a result of this type.
template <class Self, class F>
decltype(auto) call_with_value(Self&& self, F&& function) {
    if constexpr (std::is_void_v<typename std::remove_cvref_t<Self>::value_type>)
        return std::invoke(std::forward<F>(function));
    else
        return std::invoke(std::forward<F>(function), *std::forward<Self>(self));
}
template <class Self, class F>
using made_of_value = decltype(call_with_value(std::declval<Self>(), std::declval<F>()));

/// The calls of `std::expected` that go on with the value or with the failure, for each kind of result. A result that has a name keeps
/// what it has; of a temporary it is moved on.
template <class Derived>
class result_calls {
public:
    /// `r.and_then(f)`: what `f(value)` gives, a result, or the failure.
    template <class F>
    auto and_then(F&& function) & {
        return and_then_of(self(), std::forward<F>(function));
    }
    /// \overload
    template <class F>
    auto and_then(F&& function) const& {
        return and_then_of(self(), std::forward<F>(function));
    }
    /// \overload
    template <class F>
    auto and_then(F&& function) && {
        return and_then_of(std::move(self()), std::forward<F>(function));
    }

    /// `r.transform(f)`: a result that holds what `f(value)` gives, or the failure.
    template <class F>
    auto transform(F&& function) & {
        return transform_of(self(), std::forward<F>(function));
    }
    /// \overload
    template <class F>
    auto transform(F&& function) const& {
        return transform_of(self(), std::forward<F>(function));
    }
    /// \overload
    template <class F>
    auto transform(F&& function) && {
        return transform_of(std::move(self()), std::forward<F>(function));
    }

    /// `r.or_else(f)`: the value, or what `f(failure)` gives, a result of the same type.
    template <class F>
    Derived or_else(F&& function) && {
        static_assert(std::is_same_v<std::invoke_result_t<F, failure>, Derived>,
                      "`or_else` gives a result of the same type");
        if (self())
            return std::move(self());
        return std::invoke(std::forward<F>(function), std::move(self().error()));
    }

private:
    friend Derived;
    result_calls() noexcept = default;

    Derived& self() noexcept { return static_cast<Derived&>(*this); }
    const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }

    template <class Self, class F>
    static auto and_then_of(Self&& from, F&& function) -> std::remove_cvref_t<made_of_value<Self, F>> {
        static_assert(is_result<std::remove_cvref_t<made_of_value<Self, F>>>, "what `and_then` calls gives a result");
        if (from)
            return call_with_value(std::forward<Self>(from), std::forward<F>(function));
        return std::forward<Self>(from).error();
    }
    template <class Self, class F>
    static auto transform_of(Self&& from, F&& function) -> result<std::remove_cv_t<made_of_value<Self, F>>> {
        if (!from)
            return std::forward<Self>(from).error();
        if constexpr (std::is_void_v<made_of_value<Self, F>>) {
            call_with_value(std::forward<Self>(from), std::forward<F>(function));
            return {};
        } else {
            return call_with_value(std::forward<Self>(from), std::forward<F>(function));
        }
    }
};

} // namespace coax::detail

// Guards against temporaries that a compiler mishandles inside a `co_await` expression: closures and aggregates.
#pragma once

#include <type_traits>

namespace coax::detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12
inline constexpr bool await_destroys_twice = true;
#else
inline constexpr bool await_destroys_twice = false;
#endif

/// Refuses, on the compilers concerned, a temporary closure whose destruction does something.
template <class F>
constexpr void reject_unsafe_closure() noexcept {
    static_assert(!await_destroys_twice || std::is_lvalue_reference_v<F> ||
                      std::is_trivially_destructible_v<std::remove_reference_t<F>>,
                  "this compiler destroys a temporary closure inside a co_await expression twice: capture by "
                  "reference, or give the "
                  "lambda a name and pass that");
}

/// Refuses, on the compilers concerned, what may be a temporary aggregate whose destruction does something.
template <class T>
constexpr void reject_unsafe_aggregate() noexcept {
    static_assert(!await_destroys_twice || !std::is_aggregate_v<T> || std::is_trivially_destructible_v<T>,
                  "this compiler destroys a temporary aggregate inside a co_await expression twice: give the type a "
                  "constructor");
}

} // namespace coax::detail

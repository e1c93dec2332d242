// What is refused where it is written: numbers that cannot be negative, and temporaries that a compiler mishandles.
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <coax/config.hpp>

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

/// Of whatever is given: clang asks before it looks whether the call is possible at all.
template <class N>
constexpr bool is_negative(const N& value) noexcept {
    if constexpr (std::signed_integral<N>)
        return value < 0;
    else
        return false;
}

// clang refuses a negative constant where it is written.
#if defined(__clang__)
#define COAX_REFUSE_NEGATIVE(value) \
    __attribute__((diagnose_if(::coax::detail::is_negative(value), "a negative number", "error")))
#else
#define COAX_REFUSE_NEGATIVE(value)
#endif

/// Throws `std::invalid_argument` that names the call and the value.
[[noreturn]] COAX_API void throw_negative(const char* call, long long value);
/// The same for what is beyond all memory.
[[noreturn]] COAX_API void throw_too_large(const char* call, unsigned long long value);

/// The name of a call, as a template argument.
template <std::size_t N>
struct call_name {
    consteval call_name(const char (&name)[N]) noexcept {
        for (std::size_t i = 0; i < N; ++i)
            text[i] = name[i];
    }
    char text[N]{};
};

/// A `std::size_t` parameter of that call which takes any whole number, and throws `std::invalid_argument` for a negative one: as a
/// `std::size_t` it would be enormous. A number that cannot be negative is not checked.
template <call_name Of>
class count {
public:
    template <class N>
        requires(std::is_convertible_v<N, std::size_t> && !std::is_same_v<N, bool> && !std::is_floating_point_v<N>)
    constexpr count(N value) noexcept(!may_be_wrong<N>) COAX_REFUSE_NEGATIVE(value)
        : value_(static_cast<std::size_t>(value)) {
        if constexpr (std::signed_integral<N>) {
            if (value < 0) [[unlikely]]
                throw_negative(Of.text, static_cast<long long>(value));
        } else if constexpr (std::is_enum_v<N>) {
            value_ = count(static_cast<std::underlying_type_t<N>>(value));
        }
        if constexpr (std::integral<N> && sizeof(N) > sizeof(std::size_t)) {
            if (static_cast<unsigned long long>(value) > std::numeric_limits<std::size_t>::max()) [[unlikely]]
                throw_too_large(Of.text, static_cast<unsigned long long>(value));
        }
    }

    constexpr operator std::size_t() const noexcept { return value_; }

private:
    template <class N>
    static constexpr bool may_be_wrong = !std::unsigned_integral<N> ||
                                         sizeof(N) > sizeof(std::size_t); // an enumeration may be signed

    std::size_t value_;
};

} // namespace coax::detail

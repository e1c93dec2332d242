/// \file
/// `function_ref`: a callback in an options struct.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace coax {
namespace detail {

/// What the compiler names where a temporary callable would have to be referred to.
struct this_callable_needs_a_name {};

template <class F>
inline constexpr bool is_function_or_pointer = std::is_function_v<std::remove_pointer_t<std::remove_reference_t<F>>>;

/// A callable that is written into the call, as lambdas are.
template <class F>
inline constexpr bool is_temporary_callable = !std::is_lvalue_reference_v<F> && !is_function_or_pointer<F>;

/// Bytes of a callable that is kept: four references or pointers.
inline constexpr std::size_t kept_callable_size = 4 * sizeof(void*);

template <class F>
inline constexpr bool can_be_kept = std::is_trivially_copyable_v<F> && std::is_trivially_destructible_v<F> &&
                                    sizeof(F) <= kept_callable_size && alignof(F) <= alignof(void*);

} // namespace detail

/// Only with a function type, see below.
template <class Signature>
class function_ref;

/// Something to call. `serve_options options{.on_error = [&](…) {…}};` and `options.on_error = count_errors;`: a lambda that is written
/// into the initializer or the call is copied, a callable that has a name is referred to.
///
/// It needs no destruction, so options may be written into a `co_await` expression, where g++ 12 would destroy a `std::function` twice.
/// Therefore it keeps only what is small and trivial: a temporary with up to four captures by reference, or as many pointers and numbers.
/// Another temporary does not compile, since there would be nobody to own it: give it a name that lives as long as it may be called.
template <class R, class... Args>
class function_ref<R(Args...)> {
public:
    /// Refers to nothing; it must not be called.
    constexpr function_ref() noexcept = default;

    /// Refers to a callable that has a name and outlives every call. A function is referred to itself, also through a pointer; a null
    /// pointer makes it empty.
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && !detail::is_temporary_callable<F> &&
                 std::is_invocable_r_v<R, F&, Args...>)
    constexpr function_ref(F&& callable) noexcept {
        using target = std::remove_reference_t<F>;
        if constexpr (detail::is_function_or_pointer<target>) {
            using pointer = std::decay_t<target>;
            const pointer function = callable;
            if (function == nullptr)
                return;
            function_ = reinterpret_cast<void (*)()>(function);
            call_ = [](const function_ref& self, Args... args) -> R {
                return static_cast<R>(reinterpret_cast<pointer>(self.function_)(std::forward<Args>(args)...));
            };
        } else {
            object_ = const_cast<void*>(static_cast<const void*>(std::addressof(callable)));
            call_ = [](const function_ref& self, Args... args) -> R {
                return static_cast<R>((*static_cast<target*>(self.object_))(std::forward<Args>(args)...));
            };
        }
    }

    /// Keeps a copy of a small temporary, which is called as a constant.
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && detail::is_temporary_callable<F> &&
                 std::is_invocable_r_v<R, const F&, Args...> && detail::can_be_kept<F>)
    function_ref(F&& callable) noexcept {
        ::new (static_cast<void*>(kept_)) F(callable);
        call_ = [](const function_ref& self, Args... args) -> R {
            return static_cast<R>((*std::launder(reinterpret_cast<const F*>(self.kept_)))(std::forward<Args>(args)...));
        };
    }

    /// Any other temporary would be gone when it is called.
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && detail::is_temporary_callable<F> &&
                 std::is_invocable_r_v<R, F&, Args...> &&
                 !(detail::can_be_kept<F> && std::is_invocable_r_v<R, const F&, Args...>))
    function_ref(F&& callable, detail::this_callable_needs_a_name = {}) = delete;

    /// Whether it refers to something.
    constexpr explicit operator bool() const noexcept { return call_ != nullptr; }
    /// Calls it; it must refer to something.
    R operator()(Args... args) const { return call_(*this, std::forward<Args>(args)...); }

private:
    union {
        std::byte kept_[detail::kept_callable_size] = {};
        void* object_;
        void (*function_)();
    };
    R (*call_)(const function_ref&, Args...) = nullptr;
};

} // namespace coax

/// \file
/// A non-owning reference to something callable: two words, trivially destructible.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace coax {
namespace detail {

template <class F>
inline constexpr bool is_function_or_pointer = std::is_function_v<std::remove_pointer_t<F>>;

} // namespace detail

/// Only with a function type, see below.
template <class Signature>
class function_ref;

/// Refers to a callable that outlives the call it is passed to; empty when default-constructed.
/// Options use it for callbacks: an options struct inside a `co_await` expression must be trivially destructible.
///
/// A lambda that is written in the call lives as long as the call: `serve(listener, handler, {.on_error = [&](…) {…}})`, awaited there.
/// Options that have a name need callables that have one. `options.on_error = [&](…) {…};` would refer to nothing after the
/// semicolon, and does not compile; as an initializer, `serve_options options{.on_error = [&](…) {…}};`, it is the same mistake.
template <class R, class... Args>
class function_ref<R(Args...)> {
public:
    /// Refers to nothing; it must not be called.
    constexpr function_ref() noexcept = default;

    /// Refers to this callable, which must outlive every call. A function is referred to itself, also through a pointer; a null pointer
    /// makes it empty.
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && std::is_invocable_r_v<R, F&, Args...>)
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

    /// A temporary does not outlive the assignment.
    template <class F>
        requires(!std::is_lvalue_reference_v<F> && !std::is_same_v<std::remove_cv_t<F>, function_ref> &&
                 !detail::is_function_or_pointer<F>)
    function_ref& operator=(F&& temporary) = delete;

    /// Whether it refers to something.
    constexpr explicit operator bool() const noexcept { return call_ != nullptr; }
    /// Calls it; it must refer to something.
    R operator()(Args... args) const { return call_(*this, std::forward<Args>(args)...); }

private:
    union {
        void* object_ = nullptr;
        void (*function_)();
    };
    R (*call_)(const function_ref&, Args...) = nullptr;
};

} // namespace coax

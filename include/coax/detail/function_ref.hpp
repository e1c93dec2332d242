/// \file
/// A non-owning reference to something callable: two words, trivially destructible.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace coax {

/// Only with a function type, see below.
template <class Signature>
class function_ref;

/// Refers to a callable that outlives the call it is passed to; empty when default-constructed.
/// Options use it for callbacks: an options struct inside a `co_await` expression must be trivially destructible.
template <class R, class... Args>
class function_ref<R(Args...)> {
public:
    /// Refers to nothing; it must not be called.
    constexpr function_ref() noexcept = default;

    /// Refers to this callable, which must outlive every call; a function is referred to itself.
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && std::is_invocable_r_v<R, F&, Args...>)
    constexpr function_ref(F&& callable) noexcept {
        using target = std::remove_reference_t<F>;
        if constexpr (std::is_function_v<target>) {
            function_ = reinterpret_cast<void (*)()>(&callable);
            call_ = [](const function_ref& self, Args... args) -> R {
                return static_cast<R>(reinterpret_cast<target*>(self.function_)(std::forward<Args>(args)...));
            };
        } else {
            object_ = const_cast<void*>(static_cast<const void*>(std::addressof(callable)));
            call_ = [](const function_ref& self, Args... args) -> R {
                return static_cast<R>((*static_cast<target*>(self.object_))(std::forward<Args>(args)...));
            };
        }
    }

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

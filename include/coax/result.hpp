/// \file
/// `result<T>`: what an awaited operation gave, or why it failed, as a value.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <version>
#if defined(__cpp_lib_expected)
#include <expected>
#endif

#include <coax/detail/awaiter.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/result_calls.hpp>
#include <coax/error.hpp>
#include <coax/task.hpp>

namespace coax {

/// The value of an operation, or the reason why there is none.
template <class T>
class [[nodiscard]] result : public detail::result_calls<result<T>> {
    static_assert(std::is_object_v<T>, "a result holds an object, a reference or void");

public:
    using value_type = T; ///< the type of the value

    /// A value.
    result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(value)), has_value_(true) {}
    /// No value, for this reason.
    result(failure reason) noexcept : failure_(std::move(reason)), has_value_(false) {}
    /// Moves the value or the failure; `other` keeps what moving leaves of it.
    result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(other.has_value_) {
        if (has_value_)
            std::construct_at(std::addressof(value_), std::move(other.value_));
        else
            std::construct_at(std::addressof(failure_), std::move(other.failure_));
    }
    /// The same. Where moving the value throws, that exception is thrown, and stays as the failure.
    result& operator=(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        if (this == &other)
            return *this;
        if constexpr (std::is_nothrow_move_constructible_v<T>) {
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        } else {
            // A move that throws leaves this exception behind, as the failure.
            std::destroy_at(this);
            try {
                std::construct_at(this, std::move(other));
            } catch (...) {
                std::construct_at(this, failure::from_current_exception());
                throw;
            }
        }
        return *this;
    }
    ~result() {
        if (has_value_)
            std::destroy_at(std::addressof(value_));
        else
            std::destroy_at(std::addressof(failure_));
    }

    /// Whether the operation succeeded.
    bool has_value() const noexcept { return has_value_; }
    /// Whether the operation succeeded.
    explicit operator bool() const noexcept { return has_value_; }

    /// The value; throws the failure as its exception where there is none.
    T& value() & {
        check();
        return value_;
    }
    /// \overload
    const T& value() const& {
        check();
        return value_;
    }
    /// \overload
    T&& value() && {
        check();
        return std::move(value_);
    }

    /// The value; there must be one.
    T& operator*() & noexcept { return value_; }
    /// \overload
    const T& operator*() const& noexcept { return value_; }
    /// \overload
    T&& operator*() && noexcept { return std::move(value_); }
    /// A member of the value; there must be one.
    T* operator->() noexcept { return std::addressof(value_); }
    /// \overload
    const T* operator->() const noexcept { return std::addressof(value_); }

    /// The value, or `other` where there is none, whatever the failure is.
    template <class U>
    T value_or(U&& other) && {
        return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(other));
    }
    /// \overload
    template <class U>
    T value_or(U&& other) const& {
        return has_value_ ? value_ : static_cast<T>(std::forward<U>(other));
    }

#if defined(__cpp_lib_expected)
    /// The same as `std::expected`.
    operator std::expected<T, failure>() && {
        if (has_value_)
            return std::move(value_);
        return std::unexpected(std::move(failure_));
    }
    /// \overload
    operator std::expected<T, failure>() const& {
        if (has_value_)
            return value_;
        return std::unexpected(failure_);
    }
#endif

    /// The failure; there must be one.
    failure& error() noexcept { return failure_; }
    /// \overload
    const failure& error() const noexcept { return failure_; }

private:
    void check() const {
        if (!has_value_)
            failure_.raise();
    }

    union {
        T value_;
        failure failure_;
    };
    bool has_value_;
};

/// The outcome of an operation without a value.
template <>
class [[nodiscard]] result<void> : public detail::result_calls<result<void>> {
public:
    using value_type = void; ///< there is no value

    /// Success.
    result() noexcept : empty_(), has_value_(true) {}
    /// No value, for this reason.
    result(failure reason) noexcept : failure_(std::move(reason)), has_value_(false) {}
    /// Moves the value or the failure; `other` keeps what moving leaves of it.
    result(result&& other) noexcept : empty_(), has_value_(other.has_value_) {
        if (!has_value_)
            std::construct_at(std::addressof(failure_), std::move(other.failure_));
    }
    /// The same.
    result& operator=(result&& other) noexcept {
        if (this != &other) {
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        }
        return *this;
    }
    ~result() {
        if (!has_value_)
            std::destroy_at(std::addressof(failure_));
    }

    /// Whether the operation succeeded.
    bool has_value() const noexcept { return has_value_; }
    /// Whether the operation succeeded.
    explicit operator bool() const noexcept { return has_value_; }
    /// Throws the failure as its exception if there is one.
    void value() const {
        if (!has_value_)
            failure_.raise();
    }
#if defined(__cpp_lib_expected)
    /// The same as `std::expected`.
    operator std::expected<void, failure>() const {
        if (has_value_)
            return {};
        return std::unexpected(failure_);
    }
#endif
    /// The failure; there must be one.
    failure& error() noexcept { return failure_; }
    /// \overload
    const failure& error() const noexcept { return failure_; }

private:
    union {
        char empty_;
        failure failure_;
    };
    bool has_value_;
};

/// The outcome of an operation that gives a reference.
template <class T>
class [[nodiscard]] result<T&> : public detail::result_calls<result<T&>> {
public:
    using value_type = T&; ///< the type of the value

    /// A value: a reference to this.
    result(T& value) noexcept : target_(std::addressof(value)) {}
    /// No value, for this reason.
    result(failure reason) noexcept : target_(std::move(reason)) {}

    /// Whether the operation succeeded.
    bool has_value() const noexcept { return target_.has_value(); }
    /// Whether the operation succeeded.
    explicit operator bool() const noexcept { return target_.has_value(); }
    /// What is referred to; throws the failure as its exception where there is none.
    T& value() const { return *target_.value(); }
    /// What is referred to; there must be a value.
    T& operator*() const noexcept { return **target_; }
    /// A member of what is referred to; there must be a value.
    T* operator->() const noexcept { return *target_; }
    /// What is referred to, or `other` where there is none, whatever the failure is.
    T& value_or(T& other) const noexcept { return target_ ? **target_ : other; }
    /// The failure; there must be one.
    failure& error() noexcept { return target_.error(); }
    /// \overload
    const failure& error() const noexcept { return target_.error(); }

private:
    result<T*> target_;
};

// --- how it is done -------------------------------------------------------------------------------------------------

namespace detail {

template <class T>
result<T> task_awaiter<T>::await_result() noexcept {
    try {
        if constexpr (std::is_void_v<T>) {
            child_.promise().take();
            return {};
        } else {
            return child_.promise().take();
        }
    } catch (...) {
        return failure::from_current_exception();
    }
}

} // namespace detail
} // namespace coax

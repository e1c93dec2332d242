/// \file
/// `unique_handle`: a handle of the system that is closed when it goes.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>

#include <coax/config.hpp>

namespace coax {

/// Owns a handle of the system: a file, a socket, a pipe. Received descriptors are these; `socket::adopt` makes a socket of one.
class [[nodiscard]] unique_handle {
public:
    /// None.
    unique_handle() noexcept = default;
    /// Owns this handle from now on.
    explicit unique_handle(native_handle owned) noexcept : handle_(owned) {}
    /// Takes the handle over.
    unique_handle(unique_handle&& other) noexcept : handle_(other.release()) {}
    /// The same, after closing its own.
    unique_handle& operator=(unique_handle&& other) noexcept {
        if (this != &other) {
            close();
            handle_ = other.release();
        }
        return *this;
    }
    /// Closes it.
    ~unique_handle() { close(); }

    /// Whether there is one.
    explicit operator bool() const noexcept { return handle_ != none; }
    /// The handle, still owned; -1 where there is none.
    native_handle get() const noexcept { return handle_; }
    /// Gives the handle away.
    native_handle release() noexcept { return std::exchange(handle_, none); }
    /// Closes it now.
    void close() noexcept {
        if (handle_ != none)
            close_it();
    }

private:
    static constexpr native_handle none = static_cast<native_handle>(-1);
    COAX_API void close_it() noexcept;

    native_handle handle_ = none;
};

/// Handles to send, borrowed: one, or all of an array, a vector or a span of them. They stay open until the operation has ended.
class handles_view {
public:
    /// None.
    constexpr handles_view() noexcept = default;
    /// This one, such as `listener.fileno()`.
    template <std::same_as<native_handle> Handle>
    constexpr handles_view(Handle one) noexcept : one_(one), size_(1) {}
    /// This one.
    handles_view(const unique_handle& one) noexcept : one_(one.get()), size_(1) {}
    /// All of them.
    template <class Range>
        requires requires(const Range& range) {
            { std::data(range) } -> std::convertible_to<const native_handle*>;
            { std::size(range) } -> std::convertible_to<std::size_t>;
        }
    constexpr handles_view(const Range& range) noexcept : many_(std::data(range)), size_(std::size(range)) {}

    /// The handles; valid as long as this view and what it was made of.
    constexpr std::span<const native_handle> get() const noexcept { return {many_ != nullptr ? many_ : &one_, size_}; }

private:
    native_handle one_{};
    const native_handle* many_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace coax

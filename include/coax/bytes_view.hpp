/// \file
/// `bytes_view`: bytes to send.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>

#include <coax/config.hpp>

namespace coax {
namespace detail {

template <class T>
inline constexpr bool is_byte_like =
    std::is_same_v<T, std::byte> || std::is_same_v<T, char> || std::is_same_v<T, unsigned char> ||
    std::is_same_v<T, signed char> || std::is_same_v<T, char8_t>;

/// Elements of string literals, of which a constant array is a string.
template <class T>
inline constexpr bool is_text = std::is_same_v<T, char> || std::is_same_v<T, char8_t>;

/// Contiguous bytes or characters: `std::span`, `std::string`, `std::vector<std::byte>`, `coax::chunk`, …
template <class R>
concept byte_range = requires(R& range) {
    requires is_byte_like<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(range))>>>;
    { std::size(range) } -> std::convertible_to<std::size_t>;
};

/// What the compiler names where an array of `char` that can be written to is to be sent.
struct say_how_many_bytes_of_the_buffer {};

} // namespace detail

/// Bytes to send, borrowed: `sendall("text")`, `sendall(some_string)`, `sendall(std::span(buffer, n))`. They must stay as they are until the
/// operation has ended.
///
/// A string literal and any other constant array of `char` or `char8_t` is its text, up to the first terminator, and so is what a pointer to
/// `char` points at. An array of them that is not constant is a buffer, and nobody knows how much of it is meant: it does not
/// compile. `std::span(buffer, n)` says how much.
class bytes_view {
public:
    /// No bytes.
    constexpr bytes_view() noexcept = default;
    /// `size` bytes, beginning at `data`.
    constexpr bytes_view(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
    /// The characters up to the terminator, which there must be.
    // A template, so that an array is not taken for a pointer: it may lack the terminator.
    template <class T>
        requires(std::is_same_v<T, const char*> || std::is_same_v<T, char*>)
    constexpr bytes_view(const T& string) noexcept : data_(string), size_(std::string_view(string).size()) {}
    /// The characters of an array up to the first terminator, or all of them: a string literal is its text.
    template <class T, std::size_t N>
        requires(detail::is_text<T>)
    constexpr bytes_view(const T (&string)[N]) noexcept : data_(string), size_(0) {
        while (size_ < N && string[size_] != T())
            ++size_;
    }
    /// Text or a buffer with any bytes in it: the caller has to say.
    template <class T, std::size_t N>
        requires(detail::is_text<T>)
    bytes_view(T (&buffer)[N], detail::say_how_many_bytes_of_the_buffer = {}) = delete;
    /// All of a contiguous range of bytes or characters: `std::span`, `std::string`, `std::vector<std::byte>`, `coax::chunk`, …
    template <class R>
        requires(detail::byte_range<const std::remove_reference_t<R>> && !std::is_array_v<std::remove_reference_t<R>> &&
                 !std::is_same_v<std::remove_cvref_t<R>, bytes_view>)
    constexpr bytes_view(R&& range) noexcept : data_(std::data(range)), size_(std::size(range)) {}
    /// All elements of an array of another type: raw bytes.
    template <class T, std::size_t N>
        requires(detail::is_byte_like<std::remove_cv_t<T>> && !detail::is_text<std::remove_cv_t<T>>)
    constexpr bytes_view(T (&bytes)[N]) noexcept : data_(bytes), size_(N) {}

    /// Where the bytes are.
    constexpr const void* data() const noexcept { return data_; }
    /// How many bytes there are.
    constexpr std::size_t size() const noexcept { return size_; }

private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

/// One piece of a gathered send. It has the layout of POSIX struct iovec, so that an array of them goes to the system as it is.
struct buffer_view {
    void* data;
    std::size_t size; // bytes
};

/// Views do not own what they show: that stays when they go.
template <class T>
inline constexpr bool is_borrowed = std::is_pointer_v<T> || std::ranges::enable_borrowed_range<T>;
template <>
inline constexpr bool is_borrowed<bytes_view> = true;

/// An argument, deduced as `R&&`, whose bytes go with the expression that it is written in: `std::string("x")`.
template <class R>
concept temporary_bytes =
    !std::is_lvalue_reference_v<R> && std::convertible_to<R, bytes_view> && !is_borrowed<std::remove_cv_t<R>>;

/// An argument, deduced as `R&&`, that can be received into: an array, a span, a string, a vector of bytes or characters.
template <class R>
concept receive_buffer =
    byte_range<std::remove_reference_t<R>> &&
    !std::is_const_v<std::remove_pointer_t<decltype(std::data(std::declval<std::remove_reference_t<R>&>()))>> &&
    (std::is_lvalue_reference_v<R> || std::ranges::enable_borrowed_range<std::remove_cv_t<R>>);

/// The memory of such a buffer, all of it.
template <class R>
std::span<std::byte> writable_bytes(R& buffer) noexcept {
    return {static_cast<std::byte*>(static_cast<void*>(std::data(buffer))), std::size(buffer)};
}

} // namespace detail
} // namespace coax

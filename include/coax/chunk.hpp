/// \file
/// Received bytes, and bytes to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>

namespace coax {
namespace detail {

/// The memory under a chunk: a buffer of a scheduler's pool, or a block of the heap.
struct buffer_block;

/// A block of the heap for so many bytes, and where they are. Throws `std::bad_alloc`.
COAX_API buffer_block* allocate_block(std::size_t size, std::byte*& data);

/// Gives a block back, from any thread.
COAX_API void release_block(buffer_block* block) noexcept;

template <class T>
inline constexpr bool is_byte_like =
    std::is_same_v<T, std::byte> || std::is_same_v<T, char> || std::is_same_v<T, unsigned char> ||
    std::is_same_v<T, signed char> || std::is_same_v<T, char8_t>;

/// Elements of string literals, of which an array is a string.
template <class T>
inline constexpr bool is_text = std::is_same_v<T, char> || std::is_same_v<T, char8_t>;

/// Contiguous bytes or characters: `std::span`, `std::string`, `std::vector<std::byte>`, `coax::chunk`, …
template <class R>
concept byte_range = requires(R& range) {
    requires is_byte_like<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(range))>>>;
    { std::size(range) } -> std::convertible_to<std::size_t>;
};

} // namespace detail

/// Bytes to send, borrowed: they must stay as they are until the operation has ended. An array of `char` or
/// `char8_t`, or a pointer to `char`, counts as its string, without the terminator.
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

/// Received bytes: a lease on a pooled buffer, given back when the chunk is destroyed. It may outlive its scheduler and may be
/// destroyed on another thread; leases that are held starve nobody.
///
/// As a `bool` it says whether this is *not* the end of the stream: an empty datagram is true, and so is a receive of length 0.
class [[nodiscard]] chunk {
public:
    using value_type = std::byte; ///< bytes

    /// No bytes, at the end of the stream.
    chunk() noexcept = default;
    /// `size` bytes of memory that are to be written, for layers that are byte streams themselves; true. Throws `std::bad_alloc`.
    static chunk allocate(std::size_t size) {
        std::byte* data = nullptr;
        detail::buffer_block* const block = detail::allocate_block(size, data);
        return chunk(block, data, size, true);
    }
    /// For the library: `size` bytes at `data` in this block; `open` is false at the end of the stream.
    chunk(detail::buffer_block* block, std::byte* data, std::size_t size, bool open) noexcept
        : data_(data), size_(size & most), open_(open), block_(block) {}
    /// Takes the lease over; what is moved from is as a chunk made from nothing.
    chunk(chunk&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(other.size_), open_(other.open_),
          block_(std::exchange(other.block_, nullptr)) {
        other.size_ = 0;
        other.open_ = false;
    }
    /// The same, after giving its own buffer back.
    chunk& operator=(chunk&& other) noexcept {
        if (this != &other) {
            if (block_ != nullptr)
                detail::release_block(block_);
            data_ = std::exchange(other.data_, nullptr);
            size_ = other.size_;
            open_ = other.open_;
            other.size_ = 0;
            other.open_ = false;
            block_ = std::exchange(other.block_, nullptr);
        }
        return *this;
    }
    /// Gives the buffer back.
    ~chunk() {
        if (block_ != nullptr)
            detail::release_block(block_);
    }

    /// Whether this is *not* the end of the stream. It may be empty and true.
    explicit operator bool() const noexcept { return open_; }

    /// Where the bytes are. They may be changed: nobody else has them. Valid as long as the lease, which moves with the chunk.
    std::byte* data() noexcept { return data_; }
    /// \overload
    const std::byte* data() const noexcept { return data_; }
    /// How many bytes there are.
    std::size_t size() const noexcept { return size_; }
    /// Whether there are none, which does not say that the stream has ended.
    bool empty() const noexcept { return size_ == 0; }
    /// The first byte.
    std::byte* begin() noexcept { return data_; }
    /// Behind the last byte.
    std::byte* end() noexcept { return data_ + size_; }
    /// \overload
    const std::byte* begin() const noexcept { return data_; }
    /// \overload
    const std::byte* end() const noexcept { return data_ + size_; }

    /// Keeps only the first bytes: so many, or all where there are no more.
    void truncate(std::size_t size) noexcept { size_ = (size < size_ ? size : size_) & most; }

    /// The bytes as characters; valid as long as the chunk.
    std::string_view text() const noexcept {
        return {static_cast<const char*>(static_cast<const void*>(data_)), size_};
    }

private:
    std::byte* data_ = nullptr;
    static constexpr int size_bits = std::numeric_limits<std::size_t>::digits - 1; // no memory is larger
    static constexpr std::size_t most = std::numeric_limits<std::size_t>::max() >> 1;
    std::size_t size_ : size_bits = 0;
    std::size_t open_ : 1 = false;
    detail::buffer_block* block_ = nullptr;
};

} // namespace coax

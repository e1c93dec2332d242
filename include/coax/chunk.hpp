/// \file
/// Received bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coax/bytes_view.hpp>
#include <coax/config.hpp>

namespace coax {
namespace detail {

/// The memory under a chunk: a buffer of a scheduler's pool, or a block of the heap.
struct buffer_block;

/// A block of the heap for so many bytes, and where they are. Throws `std::bad_alloc`.
COAX_API buffer_block* allocate_block(std::size_t size, std::byte*& data);

/// Gives a block back, from any thread.
COAX_API void release_block(buffer_block* block) noexcept;

} // namespace detail

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

// The bytes that a stream has received and nobody has read yet.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/slice.hpp>

namespace coax::detail {

/// What is unread lies in one piece: in the chunk in which it arrived, or, once it has to be put together from several receives, in
/// memory of its own. It grows only by what has arrived, never by what was announced.
class COAX_API input_buffer {
public:
    input_buffer() noexcept = default;
    input_buffer(input_buffer&& other) noexcept;
    input_buffer& operator=(input_buffer&& other) noexcept;
    ~input_buffer() = default;

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::span<const std::byte> unread() const noexcept { return {first_, size_}; }

    /// Takes bytes out; they stay where they are until the next receive.
    void consume(std::size_t count) noexcept {
        first_ += count;
        size_ -= count;
        scanned_ -= scanned_ < count ? scanned_ : count;
    }
    /// The same, and gives them.
    std::span<const std::byte> take(std::size_t count) noexcept {
        const std::span<const std::byte> bytes(first_, count);
        consume(count);
        return bytes;
    }

    // What a read takes out; false: there is not enough yet.
    bool has_some(std::size_t most, slice& out) noexcept {
        if (empty() && most != 0)
            return false;
        out = slice(take(most < size_ ? most : size_));
        return true;
    }
    bool has_all(std::size_t count, slice& out) noexcept {
        if (size_ < count)
            return false;
        out = slice(take(count));
        return true;
    }
    bool has_one(std::string_view separator, std::size_t limit, slice& out) {
        const std::size_t count = find(separator, limit);
        if (count == 0)
            return false;
        out = slice(take(count));
        return true;
    }

    /// With nothing unread: gives all memory back, before a wait that may be long.
    void release_buffer() noexcept;
    /// With nothing unread: goes on with what has been received into a chunk.
    void take_over(chunk&& received) noexcept;

    /// Room behind the unread bytes, at least `least`, in memory of their own; where that has to be got, for at least `wanted`.
    /// Throws `std::bad_alloc`.
    std::span<std::byte> make_room(std::size_t least, std::size_t wanted);
    std::span<std::byte> make_room(std::size_t least) { return make_room(least, least); }
    /// So many bytes have been received into the room.
    void added(std::size_t count) noexcept { size_ += count; }
    /// Adds bytes behind the unread ones. Throws `std::bad_alloc`.
    void append(std::span<const std::byte> bytes);

    /// How long the unread bytes are up to the first separator, and with it; 0 where none ends within the first `limit` bytes. What has been
    /// looked at is not looked at again, but for the beginning of a separator at the end. Throws `std::bad_alloc`.
    std::size_t find(std::string_view separator, std::size_t limit);

private:
    std::byte* first_ = nullptr; // the unread bytes
    std::size_t size_ = 0;
    std::size_t scanned_ = 0; // in so many of them no separator begins
    std::size_t capacity_ = 0;
    std::unique_ptr<std::byte[]> own_;
    chunk chunk_;
    std::string scanned_for_;
};

} // namespace coax::detail

// What a buffered stream is made of that does not depend on what it stands on.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>
#include <coax/slice.hpp>
#include <coax/sync/mutex.hpp>

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

class COAX_API output_buffer {
public:
    explicit output_buffer(std::size_t capacity) noexcept : capacity_(capacity) {}
    output_buffer(output_buffer&& other) noexcept;
    output_buffer& operator=(output_buffer&& other) noexcept;
    ~output_buffer() = default;

    bool empty() const noexcept { return size_ == 0; }
    bytes_view pending() const noexcept { return {own_.get() + begin_, size_}; }

    bool has_room_for(std::size_t count) const noexcept { return count <= capacity_ - size_; }
    /// Copies bytes for which there is room. Throws `std::bad_alloc`.
    void append(bytes_view bytes);
    /// So many of the pending bytes went out. Once all have, the memory is given back.
    void sent(std::size_t count) noexcept;

private:
    std::size_t capacity_;
    std::size_t begin_ = 0;
    std::size_t size_ = 0;
    std::unique_ptr<std::byte[]> own_;
};

inline std::string_view text_of(bytes_view bytes) noexcept {
    return {static_cast<const char*>(bytes.data()), bytes.size()};
}

/// A source that is referred to. It can be moved and assigned, which a reference as a member cannot.
template <class Source>
struct stream_reference {
    explicit stream_reference(Source& source) noexcept : target(&source) {}
    Source* target;
};

struct COAX_API stream_state {
    stream_state(std::size_t receive_size, std::size_t write_size) noexcept
        : output(write_size), buffer_size(receive_size == 0 ? 1 : receive_size) {}
    // Nobody waits: the locks are free.
    stream_state(stream_state&& other) noexcept;
    stream_state& operator=(stream_state&& other) noexcept;
    ~stream_state() = default;

    /// Whether a read can be served from the buffer. If not, taking the turn says why.
    bool readable() const noexcept { return !reading && !closed && !lost; }
    /// Whether these bytes went into the buffer, with nobody before them.
    bool takes_at_once(bytes_view bytes) {
        if (closed || broken || !output.has_room_for(bytes.size()))
            return false;
        const mutex::guard turn = writing.try_lock();
        if (!turn)
            return false;
        output.append(bytes);
        return true;
    }
    void check_writable(operation_name as) const {
        if (closed || broken) [[unlikely]]
            throw_unusable(as);
    }
    /// Throws `std::logic_error` for a second reader, otherwise `io_error`: `bad_file_descriptor` when closed, or
    /// `stream_errc::broken_stream`.
    [[noreturn]] void throw_unreadable(operation_name as) const;
    [[noreturn]] void throw_unusable(operation_name as) const;

    input_buffer input;
    output_buffer output;
    mutex writing;
    std::size_t buffer_size;
    bool reading = false; // a task does
    bool ended = false;   // nothing more comes
    bool closed = false;
    bool lost = false;   // there was no memory to keep what had been received
    bool broken = false; // nobody knows how much of the pending bytes went out
};

/// Only one task reads at a time.
class reading_turn {
public:
    reading_turn(stream_state& of, operation_name as) : state_(of) {
        if (!state_.readable()) [[unlikely]]
            state_.throw_unreadable(as);
        state_.reading = true;
    }
    reading_turn(const reading_turn&) = delete;
    reading_turn& operator=(const reading_turn&) = delete;
    ~reading_turn() { state_.reading = false; }

private:
    stream_state& state_;
};

/// A read into the caller's memory, which takes all or nothing: unless it becomes whole, what it has goes back into the buffer.
class COAX_API partial_read {
public:
    partial_read(stream_state& from, std::span<std::byte> into) noexcept;
    partial_read(const partial_read&) = delete;
    partial_read& operator=(const partial_read&) = delete;
    ~partial_read() {
        if (!whole() && have_ != 0)
            put_back();
    }

    bool whole() const noexcept { return have_ == into_.size(); }
    std::span<std::byte> rest() const noexcept { return into_.subspan(have_); }
    void added(std::size_t count) noexcept { have_ += count; }
    std::span<const std::byte> received() const noexcept { return into_.first(have_); }
    /// What there is does not go back.
    void keep_out() noexcept { into_ = into_.first(have_); }

private:
    void put_back() noexcept;

    stream_state& from_;
    std::span<std::byte> into_;
    std::size_t have_;
};

/// What is pending goes out, and new bytes after it. Unless it hears how that ended (the coroutine is destroyed before) the stream is broken.
class sending {
public:
    explicit sending(stream_state& of) noexcept : state_(of) { state_.broken = true; }
    sending(const sending&) = delete;
    sending& operator=(const sending&) = delete;

    /// It has ended; gives how many of the new bytes went out.
    std::size_t ended(std::size_t transferred) noexcept {
        const std::size_t pending = state_.output.pending().size();
        const std::size_t old = transferred < pending ? transferred : pending;
        state_.output.sent(old);
        state_.broken = false;
        return transferred - old;
    }

private:
    stream_state& state_;
};

} // namespace coax::detail

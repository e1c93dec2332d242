// What a buffered stream is made of that does not depend on what it stands on.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/detail/input_buffer.hpp>
#include <coax/detail/output_buffer.hpp>
#include <coax/error.hpp>
#include <coax/sync/mutex.hpp>

namespace coax::detail {

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

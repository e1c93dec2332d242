/// \file
/// Buffered streams: lines, exact reads and gathered writes over a connection.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coax/address.hpp>
#include <coax/byte_stream.hpp>
#include <coax/config.hpp>
#include <coax/detail/quick.hpp>
#include <coax/detail/refused.hpp>
#include <coax/detail/stream_waits.hpp>
#include <coax/error.hpp>
#include <coax/shutdown_how.hpp>
#include <coax/slice.hpp>
#include <coax/socket.hpp>
#include <coax/stream_error.hpp>
#include <coax/sync/mutex.hpp>
#include <coax/task.hpp>

namespace coax {

/// How much a stream asks for and holds back, in bytes.
struct stream_options {
    std::size_t buffer_size = 4096;       ///< what one receive asks for, at least 1
    std::size_t write_buffer_size = 8192; ///< writes are held back up to this size; 0 sends each at once
};

/// A connection read by lines, separators and exact sizes, and written through a buffer, as in asyncio.
///
/// `S` is a `byte_stream`: owned (`stream f(std::move(conn))`), or, as `basic_stream<T&>`, referred to.
///
/// One task reads and any number write at the same time. A second reader gets `std::logic_error`. Writers are served first in, first out, and
/// what they write never mixes. Slices are valid until the next read call. A read that is served from the buffer is no checkpoint, and
/// neither is a write that only fills it.
///
/// Every read and write can throw what the source throws (`io_error`, `timeout_error`, `cancelled`), and `bad_file_descriptor` after
/// `close()`; `stream_errc::broken_stream` where a write ended without saying how much went out (its coroutine was destroyed, or the source
/// threw something else), or memory ran out for bytes that were to go back into the stream. After an error, a timeout or a cancellation nothing that was received is lost: the next read
/// goes on with it, in order. While nothing is unread no buffer is held.
///
/// What has been written and not flushed is dropped with the stream. It may be moved while nobody waits on it.
template <class S>
class basic_stream : private detail::stream_waits<S> {
    static_assert(byte_stream<std::remove_reference_t<S>>, "a stream stands on a byte_stream, such as coax::socket");

public:
    using source_type = std::remove_reference_t<S>; ///< what the stream stands on, without a reference

    /// Takes the source, or refers to it.
    explicit basic_stream(S source, const stream_options& options = {})
        : waits(std::forward<S>(source), options.buffer_size, options.write_buffer_size) {}
    /// Takes everything over, with what is buffered either way.
    basic_stream(basic_stream&&) = default;
    /// The same, in place of what it had.
    basic_stream& operator=(basic_stream&&) = default;
    ~basic_stream() = default;

    // --- reading ------------------------------------------------------------------------------------------------

    /// Up to `at_most` bytes: what is there, after waiting for the first. Gives a slice that is false at the end of the stream; with 0 it is
    /// empty and true.
    ///
    /// Cancellation: safe; nothing is taken. Source: asyncio StreamReader.read.
    auto read(detail::count<"read"> at_most) {
        const std::size_t most = at_most;
        return detail::quick_or<slice>(
            [this, most](slice& out) { return state_.readable() && state_.input.has_some(most, out); },
            [this, most] { return wait_for_some(most); });
    }

    /// Exactly so many bytes. Where the stream ends before, `incomplete_read_error` holds those that came, also if there were none.
    ///
    /// Cancellation: safe; nothing is taken. Source: asyncio StreamReader.readexactly.
    auto readexactly(detail::count<"readexactly"> exactly) {
        const std::size_t size = exactly;
        return detail::quick_or<slice>(
            [this, size](slice& out) { return state_.readable() && state_.input.has_all(size, out); },
            [this, size] { return wait_for_all(size); });
    }

    /// Fills the caller's memory; what is not in the buffer yet is received straight into it.
    ///
    /// Cancellation: safe; the bytes go back into the stream, and what the memory holds is unspecified.
    /// Source: asyncio StreamReader.readexactly.
    task<> readexactly(std::span<std::byte> into) {
        const detail::reading_turn turn(state_, operation_name::readexactly);
        detail::partial_read part(state_, into);
        while (!part.whole()) {
            state_.input.release_buffer();
            const std::size_t got = state_.ended ? 0 : co_await source().recv(part.rest());
            if (got == 0) {
                state_.ended = true;
                const incomplete_read_error error(operation_name::readexactly, peer(), part.received(), into.size());
                part.keep_out();
                throw error;
            }
            part.added(got);
        }
    }

    /// The same into an array, a string, a vector or a span, of bytes or of characters: all of it.
    ///
    /// Cancellation: as above.
    template <detail::receive_buffer Buffer>
    task<> readexactly(Buffer&& into) {
        return readexactly(detail::writable_bytes(into));
    }

    /// Up to `into.size()` bytes, at least one; 0 at the end of the stream, and for no memory. With an empty buffer they are received
    /// straight into the caller's memory.
    ///
    /// Cancellation: safe; nothing is taken. Source: Python io.RawIOBase.readinto.
    task<std::size_t> readinto(std::span<std::byte> into) {
        const detail::reading_turn turn(state_, operation_name::read);
        if (into.empty())
            co_return 0;
        if (!state_.input.empty()) {
            const std::span<const std::byte> bytes = state_.input.take(std::min(into.size(), state_.input.size()));
            std::memcpy(into.data(), bytes.data(), bytes.size());
            co_return bytes.size();
        }
        state_.input.release_buffer();
        const std::size_t got = state_.ended ? 0 : co_await source().recv(into);
        state_.ended = got == 0;
        co_return got;
    }

    /// The same into an array, a string, a vector or a span, of bytes or of characters.
    ///
    /// Cancellation: as above.
    template <detail::receive_buffer Buffer>
    task<std::size_t> readinto(Buffer&& into) {
        return readinto(detail::writable_bytes(into));
    }

    /// A line with its `\n`, which the last one may lack; gives a slice that is false at the end of the stream. Throws `limit_overrun_error`
    /// where the line and its `\n`, also one that is missing, are longer than `at_most`; the bytes stay in the stream.
    ///
    /// Cancellation: safe; nothing is taken. Source: asyncio StreamReader.readline.
    auto readline(detail::count<"readline"> at_most = 65536) {
        const std::size_t limit = at_most;
        return detail::quick_or<slice>(
            [this, limit](slice& out) { return state_.readable() && state_.input.has_one("\n", limit, out); },
            [this, limit] { return wait_for_one("\n", limit, operation_name::readline); });
    }

    /// The bytes up to a separator, and with it. At the end of the stream it gives a slice that is false if nothing is left, and otherwise
    /// `incomplete_read_error` holds what was. Throws `limit_overrun_error` where the separator does not end within `at_most` bytes; they stay in
    /// the stream. An empty separator is `std::invalid_argument`; what it refers to has to stay until the call has ended.
    ///
    /// Cancellation: safe; nothing is taken. Source: asyncio StreamReader.readuntil.
    auto readuntil(bytes_view separator, detail::count<"readuntil"> at_most = 65536) {
        const std::size_t limit = at_most;
        const std::string_view text = detail::text_of(separator);
        return detail::quick_or<slice>(
            [this, text, limit](slice& out) { return state_.readable() && state_.input.has_one(text, limit, out); },
            [this, text, limit] { return wait_for_one(text, limit, operation_name::readuntil); });
    }

    /// Whether everything up to the end of the stream has been read. False as long as the end has not been seen.
    bool at_eof() const noexcept { return state_.ended && state_.input.empty(); }

    /// For parsers: what has been received and not been read; `consume` takes bytes from its front, `fill` adds some to its end.
    slice buffered() const noexcept { return slice(state_.input.unread(), !at_eof()); }
    /// Takes bytes out; not more than are buffered. Slices stay valid.
    void consume(detail::count<"consume"> count) noexcept {
        state_.input.consume(std::min<std::size_t>(count, state_.input.size()));
    }
    /// Receives more behind what is buffered, which may move. False at the end of the stream. With g++ 12, give the value a name before a
    /// condition asks for it: a coroutine without any variable whose condition awaits never runs.
    ///
    /// Cancellation: safe; nothing is lost.
    task<bool> fill() {
        const detail::reading_turn turn(state_, operation_name::read);
        co_return co_await receive();
    }

    // --- writing ------------------------------------------------------------------------------------------------

    /// Takes the bytes over: into the buffer, or, where that would overflow, out to the connection together with what is in it. Nothing
    /// waits to be sent for longer than until the next `flush`. The bytes have to stay as they are until the call has ended.
    ///
    /// On failure `transferred()` says how many of these bytes were taken over. What earlier calls wrote and is not out yet stays in the
    /// buffer, so the caller can go on with the rest.
    ///
    /// Cancellation: `cancelled::transferred()` says how many of these bytes were taken over. Source: Python io.BufferedWriter.write.
    auto write(bytes_view bytes) {
        return detail::quick_or<void>([this, bytes](detail::nothing) { return state_.takes_at_once(bytes); },
                                      [this, bytes] { return wait_to_write(bytes); });
    }
    /// The same with bytes that go with the expression, as `std::string("x")` does, so it is awaited there.
    ///
    /// Cancellation: as above.
    template <detail::temporary_bytes Bytes>
    auto write(Bytes&& temporary) {
        const bytes_view bytes = temporary;
        return detail::quick_on_temporaries<void>(
            [this, bytes](detail::nothing) { return state_.takes_at_once(bytes); },
            [this, bytes] { return wait_to_write(bytes); });
    }

    /// Sends what is in the buffer.
    ///
    /// On failure `transferred()` says how many bytes went out; the rest stays in the buffer, for the next call.
    ///
    /// Cancellation: as any failure. Source: Python io.BufferedWriter.flush.
    task<> flush() {
        const mutex::guard turn = co_await state_.writing.lock();
        state_.check_writable(operation_name::flush);
        if (!state_.output.empty())
            co_await send(bytes_view(), operation_name::flush);
    }

    // --- the connection -----------------------------------------------------------------------------------------

    /// What the stream stands on. What is read from it directly comes after what the stream has buffered.
    source_type& source() noexcept { return waits::source(); }
    /// Ends a direction of the source. What is to go out before is to be flushed before. To be awaited where the source's is.
    auto shutdown(shutdown_how how) { return source().shutdown(how); }
    /// Closes the source, without flushing. Whoever waits on it resumes with `bad_file_descriptor`.
    void close() {
        state_.closed = true;
        source().close();
    }
    /// The name of the other end.
    address getpeername() { return source().getpeername(); }

private:
    using waits = detail::stream_waits<S>;
    using waits::peer;
    using waits::receive;
    using waits::send;
    using waits::state_;
    using waits::wait_for_all;
    using waits::wait_for_one;
    using waits::wait_for_some;
    using waits::wait_to_write;
};

/// A buffered stream over a socket: `stream f(std::move(conn))` or `conn.makefile()`.
using stream = basic_stream<socket>;

inline stream socket::makefile() { return makefile(stream_options()); }
inline stream socket::makefile(const stream_options& options) { return stream(share(), options); }

} // namespace coax

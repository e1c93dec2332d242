/// \file
/// Messages over a connection: whole frames in, whole frames out.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <coax/address.hpp>
#include <coax/byte_stream.hpp>
#include <coax/cancelled.hpp>
#include <coax/chunk.hpp>
#include <coax/codec.hpp>
#include <coax/detail/gather.hpp>
#include <coax/detail/quick.hpp>
#include <coax/error.hpp>
#include <coax/shutdown_how.hpp>
#include <coax/slice.hpp>
#include <coax/socket.hpp>
#include <coax/stream.hpp>
#include <coax/stream_error.hpp>
#include <coax/sync/mutex.hpp>
#include <coax/task.hpp>

namespace coax {

/// A frame that was received, without what the codec puts around it. Its bytes lie in the buffer of the stream, where they arrived, and are
/// valid until the next `recv`. What has to last longer is copied: `std::string(frame.text())`.
using frame = slice;

/// Limits of `framed`, in bytes.
struct framed_options {
    /// The longest frame in bytes, either way. What is put around it does not count.
    std::size_t max_frame = std::size_t{1} << 20;
    /// What one receive asks for, at least 1.
    std::size_t buffer_size = 4096;
};

/// A connection that carries frames: `framed<line> lines(std::move(conn))`, `framed messages(std::move(conn), delimiter("\r\n"))`.
///
/// `Codec` says where frames begin and end (`frame_codec`; `coax/codecs.hpp` has the usual ones). `S` is a `byte_stream`: owned, or, as
/// `framed<line, T&>`, referred to.
///
/// One task receives and any number send at the same time; a second receiver gets `std::logic_error`. Frames go out first in, first out,
/// and never mix. Those that have been received already are given without a checkpoint. It may be moved while nobody waits on it.
template <frame_codec Codec, class S = socket>
class framed {
public:
    using codec_type = Codec;                              ///< what tells the frames apart
    using stream_type = basic_stream<S>;                   ///< the bytes under the frames
    using source_type = typename stream_type::source_type; ///< what carries the bytes, without a reference

    /// Takes the source, or refers to it, and the codec.
    explicit framed(S source, Codec codec = Codec(), const framed_options& options = {})
        : stream_(std::forward<S>(source), stream_options{options.buffer_size, 0}), codec_(std::move(codec)),
          max_frame_(options.max_frame) {}
    /// Takes everything over, with what has been received and is not read yet.
    framed(framed&& other) noexcept(std::is_nothrow_move_constructible_v<stream_type> &&
                                    std::is_nothrow_move_constructible_v<Codec>)
        : stream_(std::move(other.stream_)), codec_(std::move(other.codec_)), max_frame_(other.max_frame_),
          broken_in_(other.broken_in_), broken_out_(other.broken_out_), closed_(other.closed_) {}
    /// The same, in place of what it had.
    framed& operator=(framed&& other) noexcept(std::is_nothrow_move_assignable_v<stream_type> &&
                                               std::is_nothrow_move_assignable_v<Codec>) {
        stream_ = std::move(other.stream_);
        codec_ = std::move(other.codec_);
        max_frame_ = other.max_frame_;
        broken_in_ = other.broken_in_;
        broken_out_ = other.broken_out_;
        closed_ = other.closed_;
        return *this;
    }
    ~framed() = default;

    /// The next frame; nothing when the stream has ended behind the last one.
    ///
    /// Memory is used for what has arrived, never for what was announced. Errors: `frame_error` with `frame_too_long` or
    /// `frame_malformed`, for ever, since nobody knows where the next frame would begin; the bytes stay in the stream. `frame_truncated` when
    /// the stream has ended in the middle of a frame. Whatever the source throws; after `close()` that is `bad_file_descriptor`.
    ///
    /// Cancellation: safe, and so is a timeout; no byte is lost, the next call goes on.
    task<std::optional<frame>> recv() {
        if (broken_in_ != stream_errc())
            fail(broken_in_, operation_name::frame_recv);
        for (;;) {
            const slice front = stream_.buffered();
            std::size_t needed = 1;
            if (!front.empty() && !closed_) {
                const decoded found = codec_.decode(front.bytes(), max_frame_);
                if (const std::optional<frame> whole = take(front, found))
                    co_return whole;
                needed = found.needed();
            }
            do {
                if (!co_await stream_.fill())
                    co_return last();
            } while (stream_.buffered().size() < needed);
        }
    }

    /// Sends a frame, which may lie in several pieces: `send(head, body)`. They have to stay as they are until it has ended.
    ///
    /// It goes out with what the codec puts around it in one gathered `sendall`, without a copy; only a source whose `sendall` takes two
    /// pieces at most gets more than that copied together. Errors: `frame_error` with `frame_too_long` (`max_frame`, or the codec's own
    /// limit) or `frame_malformed` (a frame that would not be received as it was sent), before anything is sent and without harm.
    ///
    /// Where a frame went out in part - `transferred()` says how much, the header included -, no other can follow: every later `send`, and
    /// those that wait already, fail with `broken_stream`, and send nothing. A `send` that failed with nothing sent does no harm.
    ///
    /// Cancellation: `cancelled::transferred()` says how many bytes went out; other than zero, it breaks the stream as said.
    /// Source: sendmsg(2).
    ///
    /// Pieces that are temporaries, as `std::string("x")` is, go with the expression, so it is awaited there.
    template <class... Bytes>
        requires(sizeof...(Bytes) >= 1 && (std::convertible_to<Bytes, bytes_view> && ...))
    auto send(Bytes&&... pieces) {
        task<> sending = send_pieces(std::array<bytes_view, sizeof...(Bytes)>{bytes_view(pieces)...});
        if constexpr ((detail::temporary_bytes<Bytes> || ...))
            return detail::task_on_temporaries<void>(std::move(sending));
        else
            return sending;
    }

    /// The bytes under the frames. What is read from it is missing in the frames, what is written to it comes between them: that is for
    /// protocols that begin or end with something else, not for the middle of a frame.
    stream_type& stream() noexcept { return stream_; }
    /// What carries the bytes.
    source_type& source() noexcept { return stream_.source(); }
    /// What tells the frames apart.
    Codec& codec() noexcept { return codec_; }

    /// Ends a direction of the source; after `shutdown_how::write` the peer's `recv` gives nothing any more. To be awaited where the
    /// source's is.
    auto shutdown(shutdown_how how) { return stream_.shutdown(how); }
    /// Closes the source. Whoever waits on it resumes with `bad_file_descriptor`.
    void close() {
        closed_ = true;
        stream_.close();
    }
    /// The name of the other end.
    address getpeername() { return stream_.getpeername(); }

private:
    [[noreturn]] void fail(stream_errc why, operation_name as) {
        address peer;
        try {
            peer = getpeername();
        } catch (const io_error&) { // the message does without it
        }
        throw frame_error(why, as, peer);
    }

    /// The frame that the codec has found, if it has.
    std::optional<frame> take(const slice& front, const decoded& found) {
        if (found.is_error()) {
            broken_in_ = found.error();
            fail(broken_in_, operation_name::frame_recv);
        }
        if (!found.is_frame())
            return std::nullopt;
        if (found.consumed() == 0 || found.consumed() > front.size() || found.offset() > found.consumed() ||
            found.length() > found.consumed() - found.offset())
            detail::throw_impossible_frame();
        stream_.consume(found.consumed());
        return frame(front.data() + found.offset(), found.length());
    }

    /// What is left at the end of the stream.
    std::optional<frame> last() {
        const slice rest = stream_.buffered();
        if (rest.empty())
            return std::nullopt;
        if (const std::optional<frame> whole = take(rest, codec_.decode(rest.bytes(), max_frame_)))
            return whole;
        if constexpr (requires { codec_.finish(rest.bytes(), max_frame_); }) {
            if (const std::optional<frame> whole = take(rest, codec_.finish(rest.bytes(), max_frame_)))
                return whole;
        }
        return take(rest, decoded::failed(stream_errc::frame_truncated));
    }

    template <std::size_t N>
    task<> send_pieces(std::array<bytes_view, N> pieces) {
        std::size_t size = 0;
        for (const bytes_view piece : pieces) {
            if (piece.size() > max_frame_ - size)
                fail(stream_errc::frame_too_long, operation_name::frame_send);
            size += piece.size();
        }
        const encoded around = codec_.encode(std::span<const bytes_view>(pieces), size);
        if (around.is_error())
            fail(around.error(), operation_name::frame_send);
        std::array<bytes_view, N + 2> all{around.header()};
        std::ranges::copy(pieces, all.begin() + 1);
        all.back() = around.trailer();
        const detail::gathered_pieces<source_type, N + 2> wire(all);
        const std::size_t total = all.front().size() + size + all.back().size();
        const auto cut_off = [total](std::size_t sent) { return sent != 0 && sent != total; };

        // Those who wait stand here and not at the source: behind a frame that was cut off theirs must not go out.
        const mutex::guard turn = co_await sending_.lock();
        if (broken_out_)
            fail(stream_errc::broken_stream, operation_name::frame_send);
        broken_out_ = true; // and so it stays where nobody hears how much went out
        try {
            co_await wire.sendall(source());
            broken_out_ = false;
        } catch (const io_error& error) {
            broken_out_ = cut_off(error.transferred());
            throw;
        } catch (const cancelled& cut) {
            broken_out_ = cut_off(cut.transferred());
            throw;
        }
    }

    stream_type stream_;
    Codec codec_;
    std::size_t max_frame_;
    mutex sending_;
    stream_errc broken_in_{}; // what every further `recv` fails with
    bool broken_out_ = false; // a frame has been sent in part, or is being sent
    bool closed_ = false;
};

} // namespace coax

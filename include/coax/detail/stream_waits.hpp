// What a buffered stream does where it has to wait for what it stands on.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coax/address.hpp>
#include <coax/bytes_view.hpp>
#include <coax/cancelled.hpp>
#include <coax/chunk.hpp>
#include <coax/detail/stream_state.hpp>
#include <coax/error.hpp>
#include <coax/slice.hpp>
#include <coax/stream_error.hpp>
#include <coax/sync/mutex.hpp>
#include <coax/task.hpp>

namespace coax::detail {

/// `S` as for `basic_stream`.
template <class S>
class stream_waits {
protected:
    using source_type = std::remove_reference_t<S>;

    stream_waits(S source, std::size_t buffer_size, std::size_t write_buffer_size)
        : source_(std::forward<S>(source)), state_(buffer_size, write_buffer_size) {}
    stream_waits(stream_waits&&) = default;
    stream_waits& operator=(stream_waits&&) = default;
    ~stream_waits() = default;

    source_type& source() noexcept {
        if constexpr (std::is_reference_v<S>)
            return *source_.target;
        else
            return source_;
    }

    /// The other end, for messages.
    address peer() {
        try {
            return source().getpeername();
        } catch (const io_error&) {
            return {};
        }
    }

    /// Takes all that is left out of the stream, once there is an error to hold it.
    [[noreturn]] void throw_incomplete(operation_name as, std::size_t expected) {
        const incomplete_read_error error(as, peer(), state_.input.unread(), expected);
        state_.input.consume(state_.input.size());
        throw error;
    }

    /// Adds to what is unread; false at the end of the stream.
    task<bool> receive() {
        if (state_.ended)
            co_return false;
        if (state_.input.empty()) {
            state_.input.release_buffer();
            chunk received = co_await source().recv(state_.buffer_size);
            state_.ended = !received;
            state_.input.take_over(std::move(received));
        } else {
            // A peer that sends a byte at a time does not have everything moved for each of them.
            const std::span<std::byte> room =
                state_.input.make_room(state_.buffer_size - state_.buffer_size / 4 * 3, state_.buffer_size);
            const std::size_t received = co_await source().recv(room);
            state_.ended = received == 0;
            state_.input.added(received);
        }
        co_return !state_.ended;
    }

    task<slice> wait_for_some(std::size_t most) {
        const reading_turn turn(state_, operation_name::read);
        slice out;
        while (!state_.input.has_some(most, out)) {
            if (!co_await receive())
                break;
        }
        co_return out;
    }
    task<slice> wait_for_all(std::size_t size) {
        const reading_turn turn(state_, operation_name::readexactly);
        slice out;
        while (!state_.input.has_all(size, out)) {
            if (!co_await receive())
                throw_incomplete(operation_name::readexactly, size);
        }
        co_return out;
    }
    task<slice> wait_for_one(std::string_view separator, std::size_t limit, operation_name as) {
        const reading_turn turn(state_, as);
        if (separator.empty())
            throw std::invalid_argument("readuntil: an empty separator");
        slice out;
        while (!state_.input.has_one(separator, limit, out)) {
            if (state_.input.size() >= limit)
                throw limit_overrun_error(as, peer(), limit);
            if (co_await receive())
                continue;
            if (state_.input.empty())
                break;
            if (as == operation_name::readuntil)
                throw_incomplete(as, 0);
            out = slice(state_.input.take(state_.input.size()));
            break;
        }
        co_return out;
    }

    task<> wait_to_write(bytes_view bytes) {
        const mutex::guard turn = co_await state_.writing.lock();
        state_.check_writable(operation_name::write);
        if (state_.output.has_room_for(bytes.size()))
            state_.output.append(bytes);
        else
            co_await send(bytes, operation_name::write);
    }

    /// Sends what is pending and then these bytes, with the lock held.
    task<> send(bytes_view bytes, operation_name as) {
        const bytes_view pending = state_.output.pending();
        sending out(state_);
        const auto of_these = [&](std::size_t transferred) {
            const std::size_t fresh = out.ended(transferred);
            return as == operation_name::flush ? transferred : fresh;
        };
        try {
            if (pending.size() == 0)
                co_await source().sendall(bytes);
            else if (bytes.size() == 0)
                co_await source().sendall(pending);
            else
                co_await source().sendall(pending, bytes);
            out.ended(pending.size());
        } catch (const io_error& error) {
            const std::size_t count = of_these(error.transferred());
            if (count == error.transferred())
                throw;
            failure(error.reason()).with_transferred(count).raise();
        } catch (const cancelled& cut) {
            throw cancelled(failure(cut.reason()).with_transferred(of_these(cut.transferred())));
        }
        // Any other exception does not say how much went out: the stream stays broken.
    }

    using stored_source = std::conditional_t<std::is_reference_v<S>, stream_reference<source_type>, S>;

    stored_source source_;
    stream_state state_;
};

} // namespace coax::detail

// A byte stream without a system under it: what it receives, and how much it sends, is the test's choice.
#pragma once

#include <coax/coax.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace support {

/// The other end of a `wire`.
struct wire_end {
    /// One receive gives at most one of the pieces, and the end of the stream after the last.
    std::deque<std::string> input;
    bool open = false; // more may come: a receive waits for `arrived`
    bool closed = false;
    coax::event arrived;
    std::deque<std::string> taken;  // pieces that have been received, at least in part
    std::span<std::byte> current;   // what is left of the last of them
    std::vector<std::size_t> asked; // of each receive, in bytes
    std::size_t receives_into_memory = 0;

    struct piece {
        const void* data;
        std::size_t size;
    };
    std::vector<std::vector<piece>> sends; // of each `sendall`, its pieces
    std::string sent;
    std::size_t room = std::string::npos; // after so many bytes a send waits, or fails
    std::error_code failure;
    bool speechless = false; // it fails with an exception that is not one of the library's
    coax::event more_room;

    void put(std::string text) {
        input.push_back(std::move(text));
        arrived.set();
    }
};

class wire {
public:
    explicit wire(wire_end& end) noexcept : end_(&end) {}

    coax::task<coax::chunk> recv(std::size_t size) {
        end_->asked.push_back(size);
        const std::span<std::byte> bytes = co_await next(size);
        co_return coax::chunk(nullptr, bytes.data(), bytes.size(), !bytes.empty());
    }
    coax::task<std::size_t> recv(std::span<std::byte> into) {
        ++end_->receives_into_memory;
        const std::span<std::byte> bytes = co_await next(into.size());
        if (!bytes.empty())
            std::memcpy(into.data(), bytes.data(), bytes.size());
        co_return bytes.size();
    }
    coax::task<> sendall(coax::bytes_view bytes) {
        end_->sends.push_back({{bytes.data(), bytes.size()}});
        std::size_t out = 0;
        co_await send(bytes, out);
    }
    coax::task<> sendall(coax::bytes_view first, coax::bytes_view second) {
        end_->sends.push_back({{first.data(), first.size()}, {second.data(), second.size()}});
        std::size_t out = 0;
        co_await send(first, out);
        co_await send(second, out);
    }
    void shutdown(coax::shutdown_how) {}
    void close() {
        end_->closed = true;
        end_->arrived.set();
    }
    coax::address getpeername() { return {"192.0.2.1", 7}; }

private:
    /// The bytes stay where they are until the test is over.
    coax::task<std::span<std::byte>> next(std::size_t size) {
        wire_end& end = *end_;
        while (end.current.empty()) {
            if (!end.input.empty()) {
                end.taken.push_back(std::move(end.input.front()));
                end.input.pop_front();
                end.current = std::as_writable_bytes(std::span(end.taken.back()));
            } else if (!end.open || end.closed) {
                co_return std::span<std::byte>();
            } else {
                end.arrived.clear();
                co_await end.arrived.wait();
            }
        }
        const std::span<std::byte> bytes = end.current.first(std::min(size, end.current.size()));
        end.current = end.current.subspan(bytes.size());
        co_return bytes;
    }

    /// Tells what went out as the library's own sends do.
    coax::task<> send(coax::bytes_view bytes, std::size_t& out) {
        std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
        for (;;) {
            wire_end& end = *end_;
            const std::size_t count = std::min(text.size(), end.room);
            end.sent += text.substr(0, count);
            end.room -= end.room == std::string::npos ? 0 : count;
            text.remove_prefix(count);
            out += count;
            if (text.empty())
                co_return;
            if (end.speechless)
                throw std::runtime_error("speechless");
            if (end.failure)
                throw coax::io_error(coax::failure(end.failure, coax::operation_name::sendall, out));
            end.more_room.clear();
            try {
                co_await end.more_room.wait();
            } catch (const coax::cancelled&) {
                throw coax::cancelled(out);
            }
        }
    }

    wire_end* end_;
};

/// The text in pieces of random sizes from 1 to `most`.
inline std::deque<std::string> pieces_of(std::string_view text, std::size_t most, std::mt19937& random) {
    std::deque<std::string> pieces;
    while (!text.empty()) {
        const std::size_t size = std::min<std::size_t>(text.size(), 1 + random() % most);
        pieces.emplace_back(text.substr(0, size));
        text.remove_prefix(size);
    }
    return pieces;
}

/// What a read of a stream gives, copied, so that it outlasts the next one.
template <class Operation>
coax::task<std::string> taken(Operation&& read) {
    const coax::slice got = co_await read;
    co_return std::string(got.text());
}

} // namespace support

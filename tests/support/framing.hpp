// What tests of frames share: pairs of ends, codecs of the tests' own, and a source that can do no more than a byte_stream must.
#pragma once

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <coax/coax.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace support {

/// Four bytes in front, the commonest of all.
using prefixed = coax::length_prefix<std::uint32_t>;

inline std::string with_prefix(std::string_view body) {
    std::string wire(4, '\0');
    for (std::size_t index = 0; index < 4; ++index)
        wire[index] = static_cast<char>(body.size() >> (8 * (3 - index)));
    return wire.append(body);
}

/// Everything that comes up to the end, as text.
template <class Framed>
coax::task<std::vector<std::string>> all_frames(Framed& from) {
    std::vector<std::string> frames;
    while (const std::optional<coax::frame> got = co_await from.recv())
        frames.emplace_back(got->text());
    co_return frames;
}

/// The error with which a `recv` ends.
template <class Framed>
coax::task<std::optional<coax::io_error>> recv_error(Framed& from) {
    try {
        static_cast<void>(co_await from.recv());
    } catch (const coax::io_error& error) {
        co_return error;
    }
    co_return std::nullopt;
}

/// The next frame is this one.
template <class Framed>
coax::task<> expect_frame(Framed& from, std::string_view text) {
    const std::optional<coax::frame> got = co_await from.recv();
    REQUIRE(got);
    REQUIRE(got->size() == text.size());
    CHECK(same_up_to(got->text(), text) == text.size()); // it may be too long to be printed
}

/// A thousand frames, and their bytes.
inline std::string thousand(std::vector<std::string>& frames) {
    std::string wire;
    for (std::size_t index = 0; index < 1000; ++index) {
        frames.push_back(pattern(index % 50, static_cast<std::uint32_t>(index)));
        wire += with_prefix(frames.back());
    }
    return wire;
}

/// How a send ended.
struct send_outcome {
    ending how = ending::none;
    std::error_code code;
    std::size_t transferred = 0;
};

template <class Framed>
coax::task<> note_send(Framed& to, std::string_view body, send_outcome& out) {
    try {
        co_await to.send(body);
        out.how = ending::value;
    } catch (const coax::io_error& error) {
        out = {error.reason().why() == coax::failure::cause::timeout ? ending::timeout : ending::error, error.code(),
               error.transferred()};
    } catch (const coax::cancelled& cut) {
        out = {ending::cancelled, {}, cut.transferred()};
        throw;
    }
}

/// All that comes up to the end.
inline coax::task<> expect_bytes(coax::socket& from, std::string bytes) {
    const std::string heard = co_await support::read_to_end(from);
    CHECK(heard == bytes);
}

/// A source that is no socket: its `sendall` takes two pieces and no more.
class plain_source {
public:
    explicit plain_source(coax::socket inner) noexcept : inner_(std::move(inner)) {}

    auto recv(std::size_t size) { return inner_.recv(size); }
    auto recv(std::span<std::byte> buffer) { return inner_.recv(buffer); }
    auto sendall(coax::bytes_view bytes) { return inner_.sendall(bytes); }
    auto sendall(coax::bytes_view first, coax::bytes_view second) {
        ++sends;
        return inner_.sendall(first, second);
    }
    void shutdown(coax::shutdown_how how) { inner_.shutdown(how); }
    void close() { inner_.close(); }
    coax::address getpeername() const { return inner_.getpeername(); }

    int sends = 0;

private:
    coax::socket inner_;
};

/// A codec of a user: netstrings, `5:hello,`. Source: cr.yp.to/proto/netstrings.txt.
class netstring {
public:
    coax::decoded decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept {
        const std::string_view text = text_of(front);
        const std::size_t colon = text.substr(0, 20).find(':');
        if (colon == std::string_view::npos)
            return text.size() < 20 ? coax::decoded::need(text.size() + 1)
                                    : coax::decoded::failed(coax::stream_errc::frame_malformed);
        std::size_t length = 0;
        if (std::from_chars(text.data(), text.data() + colon, length).ptr != text.data() + colon || colon == 0)
            return coax::decoded::failed(coax::stream_errc::frame_malformed);
        if (length > max_frame)
            return coax::decoded::failed(coax::stream_errc::frame_too_long);
        const std::size_t total = colon + 1 + length + 1;
        if (text.size() < total)
            return coax::decoded::need(total);
        return text[total - 1] == ',' ? coax::decoded::found(colon + 1, length, total)
                                      : coax::decoded::failed(coax::stream_errc::frame_malformed);
    }
    coax::encoded encode(std::span<const coax::bytes_view>, std::size_t size) const {
        const std::string header = std::to_string(size) + ':';
        return coax::encoded(std::as_bytes(std::span(header)), ",");
    }
};

} // namespace support

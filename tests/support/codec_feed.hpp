// Runs codecs without a connection: bytes in any pieces go in, frames come out.
#pragma once

#include <coax/codec.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// What was heard of a stream of frames.
struct heard {
    std::vector<std::string> frames;
    std::optional<coax::stream_errc> error; // nothing: as far as the bytes go, all is well

    friend bool operator==(const heard&, const heard&) = default;
    friend std::ostream& operator<<(std::ostream& out, const heard& all) {
        for (const std::string& frame : all.frames)
            out << '"' << frame << "\" ";
        return out << (all.error ? make_error_code(*all.error).message() : "ok");
    }
};

/// Takes bytes as they arrive and gives their frames, as `coax::framed` does; sees to it that the codec keeps the rules.
template <coax::frame_codec Codec>
class codec_feed {
public:
    codec_feed(Codec codec, std::size_t max_frame) : codec_(std::move(codec)), max_frame_(max_frame) {}

    void push(std::string_view bytes) {
        pending_ += bytes;
        while (!heard_.error && !pending_.empty()) {
            const std::vector<std::byte> front = copy();
            const coax::decoded found = codec_.decode(front, max_frame_);
            if (found.is_incomplete()) {
                check(found.needed() > front.size(), "a codec needs no more, but gives no frame");
                needed_ = found.needed();
                return;
            }
            check(found.is_error() || front.size() >= needed_, "a codec gives a frame before it has what it needs");
            take(found);
            check(!heard_.error || codec_.decode(front, max_frame_) == found,
                  "a codec changes its mind about the same bytes");
        }
    }

    /// The stream has ended.
    const heard& end() {
        if (pending_.empty() || heard_.error)
            return heard_;
        if constexpr (requires(Codec& codec) { codec.finish(std::span<const std::byte>(), 0); }) {
            const std::vector<std::byte> front = copy();
            const coax::decoded found = codec_.finish(front, max_frame_);
            if (!found.is_incomplete()) {
                take(found);
                check(heard_.error || pending_.empty(), "a codec leaves bytes behind the last frame");
                return heard_;
            }
        }
        heard_.error = coax::stream_errc::frame_truncated;
        return heard_;
    }

    const heard& so_far() const { return heard_; }

private:
    // Memory of exactly that size: to read behind it is an error that the address sanitizer sees.
    std::vector<std::byte> copy() const {
        const auto bytes = std::as_bytes(std::span(pending_));
        return {bytes.begin(), bytes.end()};
    }

    static void check(bool holds, const char* otherwise) {
        if (!holds)
            throw std::logic_error(otherwise);
    }

    void take(const coax::decoded& found) {
        needed_ = 0;
        if (found.is_error()) {
            heard_.error = found.error();
            return;
        }
        check(found.consumed() != 0 && found.consumed() <= pending_.size(), "a codec takes more than there is");
        check(found.offset() <= found.consumed() && found.length() <= found.consumed() - found.offset(),
              "a frame lies outside of its bytes");
        check(found.length() <= max_frame_, "a frame is too long");
        heard_.frames.push_back(pending_.substr(found.offset(), found.length()));
        pending_.erase(0, found.consumed());
    }

    Codec codec_;
    std::size_t max_frame_;
    std::size_t needed_ = 0;
    std::string pending_;
    heard heard_;
};

inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// What is heard of bytes that arrive cut after so many bytes each, the last number again and again.
template <coax::frame_codec Codec>
heard decoded_in(Codec codec, std::string_view bytes, std::span<const std::size_t> cuts,
                 std::size_t max_frame = no_limit) {
    codec_feed<Codec> feed(std::move(codec), max_frame);
    for (std::size_t index = 0; !bytes.empty(); ++index) {
        const std::size_t size = cuts.empty() ? bytes.size() : cuts[std::min(index, cuts.size() - 1)];
        const std::string_view part = bytes.substr(0, size);
        feed.push(part);
        bytes.remove_prefix(part.size());
        if (size == 0 && index + 1 >= cuts.size())
            throw std::logic_error("the bytes never end");
    }
    return feed.end();
}

/// The same where they arrive all at once.
template <coax::frame_codec Codec>
heard decoded_at_once(Codec codec, std::string_view bytes, std::size_t max_frame = no_limit) {
    return decoded_in(std::move(codec), bytes, {}, max_frame);
}

/// A frame with what goes around it; nothing when the codec refuses.
template <coax::frame_codec Codec>
std::optional<std::string> wire_of(const Codec& codec, std::span<const coax::bytes_view> pieces) {
    std::string body;
    for (const coax::bytes_view piece : pieces)
        body.append(static_cast<const char*>(piece.data()), piece.size());
    const coax::encoded around = codec.encode(pieces, body.size());
    if (around.is_error())
        return std::nullopt;
    const auto text = [](coax::bytes_view bytes) {
        return std::string(static_cast<const char*>(bytes.data()), bytes.size());
    };
    return text(around.header()) + body + text(around.trailer());
}

template <coax::frame_codec Codec>
std::optional<std::string> wire_of(const Codec& codec, std::string_view frame) {
    const coax::bytes_view pieces[] = {frame};
    return wire_of(codec, pieces);
}

} // namespace support

#include <coax/codecs.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace coax {
namespace {

const std::byte* bytes_of(bytes_view piece) noexcept { return static_cast<const std::byte*>(piece.data()); }

/// Where the first LF is; the size when there is none.
std::size_t find_lf(std::span<const std::byte> bytes) noexcept {
    const void* const at = bytes.empty() ? nullptr : std::memchr(bytes.data(), '\n', bytes.size());
    return at == nullptr ? bytes.size() : static_cast<std::size_t>(static_cast<const std::byte*>(at) - bytes.data());
}

bool ends_in_cr(std::span<const std::byte> bytes) noexcept { return !bytes.empty() && bytes.back() == std::byte{'\r'}; }

} // namespace

namespace detail {

pattern_search::pattern_search(std::string pattern) : pattern_(std::move(pattern)), borders_(pattern_.size()) {
    if (pattern_.empty())
        throw std::invalid_argument("coax: an empty delimiter");
    for (std::size_t index = 1, border = 0; index < pattern_.size(); ++index) {
        while (border != 0 && pattern_[index] != pattern_[border])
            border = borders_[border - 1];
        if (pattern_[index] == pattern_[border])
            ++border;
        borders_[index] = border;
    }
}

bool pattern_search::advance(const std::byte* bytes, std::size_t end, std::size_t& position,
                             std::size_t& matched) const noexcept {
    const auto wanted = [this](std::size_t index) { return static_cast<std::byte>(pattern_[index]); };
    std::size_t at = position;
    std::size_t have = matched;
    while (at != end && have != pattern_.size()) {
        if (have == 0) {
            // The quick way over everything with which the pattern does not begin.
            const void* const first = std::memchr(bytes + at, std::to_integer<int>(wanted(0)), end - at);
            if (first == nullptr) {
                at = end;
                break;
            }
            at = static_cast<std::size_t>(static_cast<const std::byte*>(first) - bytes);
        }
        while (have != 0 && bytes[at] != wanted(have))
            have = borders_[have - 1];
        if (bytes[at] == wanted(have))
            ++have;
        ++at;
    }
    position = at;
    matched = have;
    return have == pattern_.size();
}

} // namespace detail

decoded varint_prefix::decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept {
    constexpr std::size_t longest = 10; // bytes of seven bits for 64
    std::uint64_t length = 0;
    for (std::size_t index = 0; index < std::min(front.size(), longest); ++index) {
        const auto byte = std::to_integer<std::uint64_t>(front[index]);
        if (index == longest - 1 && byte > 1)
            return decoded::failed(stream_errc::frame_malformed);
        length |= (byte & 0x7f) << (7 * index);
        if (byte >= 0x80)
            continue;
        if (byte == 0 && index != 0)
            return decoded::failed(stream_errc::frame_malformed);
        return detail::announced_frame(front.size(), index + 1, length, max_frame);
    }
    return decoded::need(front.size() + 1);
}

encoded varint_prefix::encode(std::span<const bytes_view>, std::size_t size) const {
    std::array<std::byte, 10> header;
    std::size_t count = 0;
    std::uint64_t rest = size;
    for (; rest >= 0x80; rest >>= 7)
        header[count++] = static_cast<std::byte>(rest | 0x80);
    header[count++] = static_cast<std::byte>(rest);
    return encoded(std::span(header).first(count));
}

delimiter::delimiter(std::string bytes) : search_(std::move(bytes)) {}

decoded delimiter::decode(std::span<const std::byte> front, std::size_t max_frame) noexcept {
    if (front.size() < scanned_) { // somebody else took bytes from the stream
        scanned_ = 0;
        matched_ = 0;
    }
    const std::size_t width = search_.pattern().size();
    if (!search_.advance(front.data(), front.size(), scanned_, matched_)) {
        // At best the delimiter has begun.
        return scanned_ - matched_ > max_frame ? decoded::failed(stream_errc::frame_too_long)
                                               : decoded::need(scanned_ + (width - matched_));
    }
    const std::size_t length = scanned_ - width;
    if (length > max_frame)
        return decoded::failed(stream_errc::frame_too_long); // and again, when asked again
    scanned_ = 0;
    matched_ = 0;
    return decoded::found(0, length, length + width);
}

encoded delimiter::encode(std::span<const bytes_view> pieces, std::size_t) const {
    std::size_t matched = 0;
    for (const bytes_view piece : pieces) {
        std::size_t position = 0;
        if (search_.advance(bytes_of(piece), piece.size(), position, matched))
            return encoded::failed(stream_errc::frame_malformed);
    }
    // Together with the end of the frame the delimiter may be there before it is.
    const bytes_view trailer(search_.pattern());
    std::size_t position = 0;
    search_.advance(bytes_of(trailer), trailer.size(), position, matched);
    if (position != trailer.size())
        return encoded::failed(stream_errc::frame_malformed);
    return encoded({}, trailer);
}

decoded line::decode(std::span<const std::byte> front, std::size_t max_frame) noexcept {
    if (front.size() < scanned_) // somebody else took bytes from the stream
        scanned_ = 0;
    scanned_ += find_lf(front.subspan(scanned_));
    // A CR at the end may be part of the ending, also where that has not arrived yet.
    const std::size_t length = scanned_ - (ends_in_cr(front.first(scanned_)) ? 1 : 0);
    if (length > max_frame)
        return decoded::failed(stream_errc::frame_too_long);
    if (scanned_ == front.size())
        return decoded::need(front.size() + 1);
    return decoded::found(0, length, std::exchange(scanned_, 0) + 1);
}

decoded line::finish(std::span<const std::byte> front, std::size_t max_frame) noexcept {
    scanned_ = 0;
    if (front.size() > max_frame)
        return decoded::failed(stream_errc::frame_too_long);
    return decoded::found(0, front.size(), front.size());
}

encoded line::encode(std::span<const bytes_view> pieces, std::size_t) const {
    bool cr_last = false;
    for (const bytes_view piece : pieces) {
        const std::span bytes(bytes_of(piece), piece.size());
        if (find_lf(bytes) != bytes.size())
            return encoded::failed(stream_errc::frame_malformed);
        cr_last = bytes.empty() ? cr_last : ends_in_cr(bytes);
    }
    if (sent_ == line_ending::crlf)
        return encoded({}, bytes_view("\r\n"));
    return cr_last ? encoded::failed(stream_errc::frame_malformed) : encoded({}, bytes_view("\n"));
}

fixed_size::fixed_size(std::size_t size) : size_(size) {
    if (size == 0)
        throw std::invalid_argument("coax: frames of 0 bytes");
}

encoded fixed_size::encode(std::span<const bytes_view>, std::size_t size) const noexcept {
    return size == size_ ? encoded() : encoded::failed(stream_errc::frame_malformed);
}

decoded octet_count::decode(std::span<const std::byte> front, std::size_t max_frame) const noexcept {
    std::size_t length = 0;
    for (std::size_t index = 0; index < front.size(); ++index) {
        const auto character = std::to_integer<unsigned char>(front[index]);
        if (character == ' ' && index != 0)
            return detail::announced_frame(front.size(), index + 1, length, max_frame);
        if (character < '0' || character > '9' || (character == '0' && index == 0))
            return decoded::failed(stream_errc::frame_malformed);
        const std::size_t digit = character - std::size_t{'0'};
        if (length > max_frame / 10 || digit > max_frame - length * 10)
            return decoded::failed(stream_errc::frame_too_long);
        length = length * 10 + digit;
    }
    return decoded::need(front.size() + 1);
}

encoded octet_count::encode(std::span<const bytes_view>, std::size_t size) const {
    if (size == 0)
        return encoded::failed(stream_errc::frame_malformed);
    std::array<char, std::numeric_limits<std::size_t>::digits10 + 2> header;
    char* const end = std::to_chars(header.data(), header.data() + header.size() - 1, size).ptr;
    *end = ' ';
    return encoded(std::as_bytes(std::span(header.data(), end + 1)));
}

} // namespace coax

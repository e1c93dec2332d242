// Numeric IPv4 and IPv6 hosts, read and written.
#include "net/address_host.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace coax::detail {

namespace {

constexpr std::size_t group_count = 8;
using groups = std::array<std::uint16_t, group_count>;

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

// Takes one group of at most four hexadecimal digits from the front; false when there is none or it is longer.
bool take_group(std::string_view& text, std::uint16_t& value) noexcept {
    unsigned read = 0;
    std::size_t length = 0;
    for (; length < text.size() && hex_digit(text[length]) >= 0; ++length) {
        if (length == 4)
            return false;
        read = read * 16 + static_cast<unsigned>(hex_digit(text[length]));
    }
    value = static_cast<std::uint16_t>(read);
    text.remove_prefix(length);
    return length > 0;
}

struct zero_run {
    std::size_t begin = group_count;
    std::size_t length = 0;
};

// RFC 5952 §4.2: the longest run of at least two zero groups, the first one of equals.
zero_run longest_zero_run(const groups& all) noexcept {
    zero_run best;
    for (std::size_t i = 0; i < group_count;) {
        std::size_t end = i;
        while (end < group_count && all[end] == 0)
            ++end;
        if (end - i >= 2 && end - i > best.length)
            best = {i, end - i};
        i = end + 1;
    }
    return best;
}

} // namespace

bool parse_inet(std::string_view text, std::span<unsigned char, 4> host) noexcept {
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) {
            if (text.empty() || text.front() != '.')
                return false;
            text.remove_prefix(1);
        }
        unsigned value = 0;
        std::size_t length = 0;
        for (; length < text.size() && text[length] >= '0' && text[length] <= '9'; ++length) {
            value = value * 10 + static_cast<unsigned>(text[length] - '0');
            const bool leading_zero = length > 0 && text.front() == '0';
            if (leading_zero || value > 255)
                return false;
        }
        if (length == 0)
            return false;
        host[i] = static_cast<unsigned char>(value);
        text.remove_prefix(length);
    }
    return text.empty();
}

bool parse_inet6(std::string_view text, std::span<unsigned char, 16> host) noexcept {
    groups read{};
    std::size_t count = 0;
    std::size_t gap = group_count; // where "::" stands; group_count: nowhere

    if (text.starts_with("::")) {
        gap = 0;
        text.remove_prefix(2);
    } else if (text.empty()) {
        return false;
    }
    while (!text.empty()) {
        if (count == group_count)
            return false;
        const std::string_view rest = text;
        std::uint16_t group = 0;
        if (!take_group(text, group))
            return false;
        if (!text.empty() && text.front() == '.') {
            std::array<unsigned char, 4> quad{};
            if (count > group_count - 2 || !parse_inet(rest, quad))
                return false;
            read[count++] = static_cast<std::uint16_t>(quad[0] << 8 | quad[1]);
            read[count++] = static_cast<std::uint16_t>(quad[2] << 8 | quad[3]);
            break;
        }
        read[count++] = group;
        if (text.empty())
            break;
        if (text.front() != ':')
            return false;
        text.remove_prefix(1);
        if (text.empty())
            return false;
        if (text.front() == ':') {
            if (gap != group_count || count == group_count)
                return false;
            gap = count;
            text.remove_prefix(1);
        }
    }
    // "::" stands for at least one group, so eight groups leave no room for it.
    if ((gap == group_count) != (count == group_count))
        return false;
    if (gap < count) {
        std::uint16_t* const begin = read.data();
        std::rotate(begin + gap, begin + count, begin + group_count);
    }
    for (std::size_t i = 0; i < group_count; ++i) {
        host[2 * i] = static_cast<unsigned char>(read[i] >> 8);
        host[2 * i + 1] = static_cast<unsigned char>(read[i] & 0xff);
    }
    return true;
}

std::size_t format_inet(std::span<const unsigned char, 4> host, char* out) noexcept {
    char* end = out;
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0)
            *end++ = '.';
        end = std::to_chars(end, end + 3, host[i]).ptr;
    }
    return static_cast<std::size_t>(end - out);
}

std::size_t format_inet6(std::span<const unsigned char, 16> host, char* out) noexcept {
    groups all;
    for (std::size_t i = 0; i < group_count; ++i)
        all[i] = static_cast<std::uint16_t>(host[2 * i] << 8 | host[2 * i + 1]);

    const zero_run zeros = longest_zero_run(all);
    // RFC 5952 §5: an IPv4 address within shows as such where the prefix says that it is one. The other prefix of RFC
    // 4291, ::/96, is deprecated, and not known to mean IPv4.
    const bool mapped = zeros.begin == 0 && zeros.length == 5 && all[5] == 0xffff;

    char* end = out;
    for (std::size_t i = 0; i < (mapped ? 6U : group_count);) {
        if (i == zeros.begin) {
            *end++ = ':';
            *end++ = ':';
            i += zeros.length;
            continue;
        }
        if (i > 0 && end[-1] != ':')
            *end++ = ':';
        end = std::to_chars(end, end + 4, all[i], 16).ptr;
        ++i;
    }
    if (mapped) {
        *end++ = ':';
        end += format_inet(host.last<4>(), end);
    }
    return static_cast<std::size_t>(end - out);
}

} // namespace coax::detail

// Escaping and unescaping of the bytes in UNIX addresses.
#include "net/address_escape.hpp"

#include <charconv>

namespace coax::detail {

namespace {

unsigned byte_at(std::string_view text, std::size_t i) noexcept { return static_cast<unsigned char>(text[i]); }

struct character {
    unsigned long code = 0;
    std::size_t length = 0; // bytes; 0 where there is no well-formed character
};

// The UTF-8 character at the front (Unicode 15, table 3-7): no overlong form, no surrogate, nothing beyond U+10FFFF.
character decode(std::string_view text) noexcept {
    const unsigned lead = byte_at(text, 0);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
        return {};
    unsigned long code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xc0U) != 0x80)
            return {};
        code = code << 6 | (byte_at(text, i) & 0x3fU);
    }
    constexpr unsigned long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return {};
    return {code, length};
}

// Would this character break the line, or make it show as something else?
bool is_disruptive(unsigned long code) noexcept {
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool separator_or_embedding = code >= 0x2028 && code <= 0x202e;
    const bool isolate = code >= 0x2066 && code <= 0x2069;
    return control || separator_or_embedding || isolate;
}

} // namespace

void append_escaped_byte(std::string& out, char byte) {
    constexpr char digits[] = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    out += "\\x";
    out += digits[value >> 4];
    out += digits[value & 0xf];
}

void append_escaped(std::string& out, std::string_view bytes) {
    while (!bytes.empty()) {
        const character next = decode(bytes);
        const std::string_view taken = bytes.substr(0, next.length == 0 ? 1 : next.length);
        if (next.code == '\\')
            out += "\\\\";
        else if (next.length == 0 || is_disruptive(next.code))
            for (const char byte : taken)
                append_escaped_byte(out, byte);
        else
            out += taken;
        bytes.remove_prefix(taken.size());
    }
}

unescape_error unescape(std::string_view text, std::span<char> out, std::size_t& length) noexcept {
    length = 0;
    while (!text.empty()) {
        char byte = text.front();
        std::size_t taken = 1;
        if (byte == '\\') {
            if (text.starts_with("\\\\")) {
                taken = 2;
            } else if (text.starts_with("\\x") && text.size() >= 4) {
                unsigned char value = 0;
                const auto read = std::from_chars(text.data() + 2, text.data() + 4, value, 16);
                if (read.ec != std::errc() || read.ptr != text.data() + 4)
                    return unescape_error::bad_escape;
                byte = static_cast<char>(value);
                taken = 4;
            } else {
                return unescape_error::bad_escape;
            }
        }
        if (length == out.size())
            return unescape_error::too_long;
        out[length++] = byte;
        text.remove_prefix(taken);
    }
    return unescape_error::none;
}

} // namespace coax::detail

// The escapes in the text of UNIX addresses, which keep it one line of valid UTF-8 whatever bytes a path or an
// abstract name has: `\\` is a backslash, `\xNN` any other byte. Messages quote what users passed in the same way.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coax::detail {

/// Appends `bytes` with escapes for backslashes, control characters, what is no UTF-8, and the characters that end a
/// line or turn the direction of writing. The rest of UTF-8 stays readable.
void append_escaped(std::string& out, std::string_view bytes);

/// Appends `\xNN`.
void append_escaped_byte(std::string& out, char byte);

enum class unescape_error : unsigned char { none, bad_escape, too_long };

/// Writes the bytes that `text` stands for to `out` and their number to `length`.
unescape_error unescape(std::string_view text, std::span<char> out, std::size_t& length) noexcept;

} // namespace coax::detail

// Numeric hosts as text: IPv4 in dotted decimal, IPv6 after RFC 4291 §2.2, written as RFC 5952 says.
// Own code instead of inet_pton(3) and inet_ntop(3), which differ between platforms in what they accept (leading
// zeros) and write (the run of zeros that is shortened), and want terminated strings.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace coax::detail {

/// Exactly four decimal numbers from 0 to 255 without leading zeros.
bool parse_inet(std::string_view text, std::span<unsigned char, 4> host) noexcept;

/// An IPv6 address without brackets and without scope.
bool parse_inet6(std::string_view text, std::span<unsigned char, 16> host) noexcept;

/// Room for the longest text of either family.
inline constexpr std::size_t host_text_size = 48;

/// Write the text to `out` (not terminated); the result is its length.
std::size_t format_inet(std::span<const unsigned char, 4> host, char* out) noexcept;
std::size_t format_inet6(std::span<const unsigned char, 16> host, char* out) noexcept;

} // namespace coax::detail

// The bytes of PROXY protocol headers: where one ends, and what it says. No socket is involved.
#pragma once

#include <cstddef>
#include <span>

#include <coax/proxy.hpp>

namespace coax::detail {

/// The longest header of version 1, its end of line included.
inline constexpr std::size_t proxy_line_limit = 107;

/// How far the header reaches that these bytes begin with.
struct proxy_extent {
    enum class state : unsigned char {
        partial, ///< all of these bytes belong to a header that is at least `size` bytes long, which is more than there are
        complete,  ///< the first `size` bytes are the header
        malformed, ///< no header begins like this
    };

    state is = state::malformed;
    std::size_t size = 0;

    friend bool operator==(const proxy_extent&, const proxy_extent&) = default;
};

struct proxy_parser {
    /// More bytes behind those that are complete or malformed change nothing. A header that is complete may still be wrong in what it says.
    static proxy_extent extent(std::span<const std::byte> bytes, std::size_t max_size) noexcept;

    /// Reads a complete header, and nothing but the header, into a fresh `to`. False: it is malformed.
    static bool parse(std::span<const std::byte> header, proxy_header& to);
};

} // namespace coax::detail

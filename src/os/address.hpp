// The kernel's form of socket addresses, built and taken apart. Text and rules belong to src/net; the layouts of the
// system's structures are known here only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <coax/address.hpp>

namespace coax::os {

using inet_host = std::span<const unsigned char, 4>;   // network byte order
using inet6_host = std::span<const unsigned char, 16>; // network byte order

/// Write a socket address to `out` (room for native_address::capacity bytes); the result is its size. What is passed
/// may lie in `out` itself.
std::size_t pack_inet(void* out, inet_host host, std::uint16_t port) noexcept;
std::size_t pack_inet6(void* out, inet6_host host, std::uint32_t scope, std::uint16_t port) noexcept;

std::size_t pack_local_path(void* out, std::string_view path) noexcept;
std::size_t pack_local_abstract(void* out, std::string_view name) noexcept;

/// The longest UNIX path (its terminator not counted) and the longest abstract name (its leading NUL not counted).
extern const std::size_t local_name_limit;

/// What a socket address says. The views point into the bytes that were unpacked.
struct unpacked_address {
    std::optional<family> which;         // nothing: unnamed, or something `address` cannot express
    std::span<const unsigned char> host; // 4 or 16 bytes
    std::uint32_t scope = 0;
    std::uint16_t port = 0;
    bool abstract = false;
    std::string_view name; // a path without its terminator, or an abstract name without its leading NUL
};

unpacked_address unpack(const void* data, std::size_t size) noexcept;

/// Whether this is how the system reports a UNIX socket without a name, or no address at all.
bool is_nobody(const void* data, std::size_t size) noexcept;

/// Makes what the kernel has written into the storage of `a` an address. Where there are no abstract names, a name that begins with NUL
/// is what it reports for a socket without one.
void commit_reported(address& a, std::size_t size) noexcept;

/// The socket address of nobody: the bare AF_UNIX header.
std::span<const unsigned char> unnamed_bytes() noexcept;

/// Whether the kernel can be given this address: 0, or EAFNOSUPPORT for a placeholder, and for an abstract name where
/// the system has none. To be asked before an address goes to the kernel by any way other than os/socket.hpp.
int usable_error(const address& a) noexcept;

} // namespace coax::os

/// \file
/// The PROXY protocol: what a load balancer says in front of a connection about who is really on its other end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/task.hpp>

namespace coax {

class socket;
namespace detail {
struct proxy_parser;
}

/// Limits of `read_proxy_header`.
struct proxy_options {
    /// The longest header of version 2 in bytes, all of it, that is accepted: what fits no address leaves room for extensions. 65551 is the
    /// longest that can be written. Version 1 has a limit of its own, 107 bytes.
    std::size_t max_size = 4096;
};

/// A header of the PROXY protocol.
///
/// Only who may connect to this server can vouch for it: a client that is no proxy can claim any address.
class COAX_API proxy_header {
public:
    /// Names nobody.
    proxy_header() noexcept {}

    /// The proxy speaks for itself (a health check): the command LOCAL of version 2.
    bool local = false;

    /// The client, as the proxy saw it. Unnamed where the header names nobody: LOCAL, UNKNOWN of version 1, the family or the protocol
    /// UNSPEC of version 2, a UNIX socket without a name, or with one that `address` cannot express. The connection's own peer stands
    /// for it then.
    address source;

    /// What the client had connected to; unnamed where `source` would be.
    address destination;

    /// The extensions (TLVs) of a version 2 header that names addresses, as they came: type, length in two bytes, value, and so on. They are
    /// well-formed, and a checksum (CRC32C) among them was right.
    std::span<const std::byte> tlvs() const noexcept { return tlvs_; }

    /// The value of the first extension of this type (PP2_TYPE_AUTHORITY is 2, for example); nothing where there is none.
    std::optional<std::span<const std::byte>> tlv(std::uint8_t type) const noexcept;

private:
    friend struct detail::proxy_parser;

    std::vector<std::byte> tlvs_;
};

namespace detail {

struct read_proxy_header_fn {
    COAX_API task<proxy_header> operator()(socket& from, proxy_options options = {}) const;
};

} // namespace detail

/// `co_await read_proxy_header(conn)`: the PROXY protocol header, version 1 or 2, with which the connection has to begin. Exactly its bytes are
/// taken; what follows is for whoever receives next. To be called before anything else is received, and with a limit of time, since the
/// peer may send nothing.
///
/// Errors, as `io_error` that names the connection's own peer: `stream_errc::proxy_malformed` for anything else than a header, as soon as the
/// bytes say so, and for a header whose checksum is wrong or which is too long; `stream_errc::proxy_truncated` when the stream
/// ends before the header does, or before it begins; and those of `recv`. The connection is of no use afterwards. The `settimeout` of the
/// socket is for each receive.
///
/// Cancellation: what has come of the header may be lost; close the connection. Source: haproxy's doc/proxy-protocol.txt.
inline constexpr detail::read_proxy_header_fn read_proxy_header{};

} // namespace coax

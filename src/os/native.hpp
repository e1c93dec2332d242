// The system's headers for sockets, and one name for what POSIX and Windows call differently. Included by src/os/*.cpp only, and before
// every other header of the system.
#pragma once

#ifdef _WIN32
#include "os/windows_call.hpp"

#include <afunix.h>
#include <netioapi.h>
#else
#ifdef __APPLE__
#define __APPLE_USE_RFC_3542 // the names of control data of IPv6
#endif
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/posix_call.hpp"
#endif

#include <cstddef>
#include <optional>

#include <coax/address.hpp>

namespace coax::os {

#ifdef _WIN32
using native_size = int;
inline constexpr std::size_t interface_name_size = NDIS_IF_MAX_STRING_SIZE + 1;
#else
using native_size = socklen_t;
inline constexpr std::size_t interface_name_size = IF_NAMESIZE;
#endif

using native_family_type = decltype(sockaddr::sa_family);

/// AF_UNSPEC for any.
inline int native_family(std::optional<family> wanted) noexcept {
    if (!wanted)
        return AF_UNSPEC;
    switch (*wanted) {
    case family::inet:
        return AF_INET;
    case family::inet6:
        return AF_INET6;
    case family::local:
        break;
    }
    return AF_UNIX;
}

/// EAFNOSUPPORT for one that the library has no name for.
inline int family_from(int native, family& result) noexcept {
    switch (native) {
    case AF_INET:
        result = family::inet;
        return 0;
    case AF_INET6:
        result = family::inet6;
        return 0;
    case AF_UNIX:
        result = family::local;
        return 0;
    default:
        return EAFNOSUPPORT;
    }
}

/// EPROTONOSUPPORT or the system's own "socket type not supported" for one that the library has no name for.
inline int kind_from(int native, kind& result) noexcept {
    switch (native) {
    case SOCK_STREAM:
        result = kind::stream;
        return 0;
    case SOCK_DGRAM:
        result = kind::datagram;
        return 0;
    default:
#ifdef ESOCKTNOSUPPORT
        return ESOCKTNOSUPPORT;
#else
        return EPROTONOSUPPORT;
#endif
    }
}

/// An address as the system's calls take it. It refers to the address.
struct native_name {
    explicit native_name(const address& of) noexcept
        : data(static_cast<const sockaddr*>(detail::native_address::data(of))),
          size(static_cast<native_size>(detail::native_address::size(of))) {}

    const sockaddr* data;
    native_size size;
};

inline int native_kind(kind k) noexcept { return k == kind::stream ? SOCK_STREAM : SOCK_DGRAM; }

} // namespace coax::os

// The options of the internet layer: each family has a level of its own, and its own names, sizes and ranges.
#include "os/native.hpp"

#include <cerrno>
#include <climits>
#include <cstring>

#include "os/interfaces.hpp"
#include "os/multicast.hpp"

#if defined(__linux__) && !defined(IPV6_MULTICAST_ALL)
#define IPV6_MULTICAST_ALL 29 // Linux 4.20; not every C library has the name
#endif

namespace coax::os {
namespace {

using detail::option_id;

struct ip_option {
    int level;
    int name; // -1 is no option anywhere
};

// It tells of how the kernel behaves, so a portable build on Linux has it as well.
#ifdef __linux__
constexpr int inet_all_name = IP_MULTICAST_ALL;
constexpr int inet6_all_name = IPV6_MULTICAST_ALL;
#else
constexpr int inet_all_name = -1;
constexpr int inet6_all_name = -1;
#endif

ip_option inet(option_id id) noexcept {
    switch (id) {
    case option_id::hop_limit:
        return {IPPROTO_IP, IP_TTL};
    case option_id::multicast_hops:
        return {IPPROTO_IP, IP_MULTICAST_TTL};
    case option_id::multicast_loop:
        return {IPPROTO_IP, IP_MULTICAST_LOOP};
    case option_id::multicast_interface:
        return {IPPROTO_IP, IP_MULTICAST_IF};
    case option_id::multicast_all:
        return {IPPROTO_IP, inet_all_name};
    default:
        return {IPPROTO_IP, -1};
    }
}

ip_option inet6(option_id id) noexcept {
    switch (id) {
    case option_id::hop_limit:
        return {IPPROTO_IPV6, IPV6_UNICAST_HOPS};
    case option_id::multicast_hops:
        return {IPPROTO_IPV6, IPV6_MULTICAST_HOPS};
    case option_id::multicast_loop:
        return {IPPROTO_IPV6, IPV6_MULTICAST_LOOP};
    case option_id::multicast_interface:
        return {IPPROTO_IPV6, IPV6_MULTICAST_IF};
    case option_id::multicast_all:
        return {IPPROTO_IPV6, inet6_all_name};
    default:
        return {IPPROTO_IPV6, -1};
    }
}

ip_option native(option_id id, family of) noexcept {
    switch (of) {
    case family::inet:
        return inet(id);
    case family::inet6:
        return inet6(id);
    case family::local:
        break;
    }
    return {IPPROTO_IP, -1};
}

/// The BSDs have one byte for these two.
bool is_octet([[maybe_unused]] option_id id, [[maybe_unused]] family of) noexcept {
#ifdef _WIN32
    return false;
#else
    return of == family::inet && (id == option_id::multicast_hops || id == option_id::multicast_loop);
#endif
}

bool is_in_range(option_id id, std::int64_t value) noexcept {
    switch (id) {
    case option_id::hop_limit:
        return value >= 1 && value <= 255;
    case option_id::multicast_hops:
        return value >= 0 && value <= 255;
    default:
        return value >= 0 && value <= INT_MAX;
    }
}

#ifdef _WIN32

int set_inet_interface(native_handle handle, std::uint32_t index) noexcept {
    const DWORD value = htonl(index); // an address 0.x.x.x is an index
    return set_option(handle, IPPROTO_IP, IP_MULTICAST_IF, &value, sizeof value);
}

int get_inet_interface(native_handle handle, std::int64_t& index) noexcept {
    DWORD value = 0;
    std::size_t size = sizeof value;
    const int error = get_option(handle, IPPROTO_IP, IP_MULTICAST_IF, &value, size);
    index = static_cast<std::int64_t>(ntohl(value));
    return error;
}

#else

// Where the index can be given the address is given as well: Linux reads nothing else back, and takes it for the sender's, where the loopback
// interface would send with an address of another one.
int set_inet_interface(native_handle handle, std::uint32_t index) noexcept {
    unsigned char host[4] = {};
    if (index != 0)
        if (const int error = inet_address_of(index, host); error != 0)
            return error;
#if defined(__linux__) || defined(__FreeBSD__) || defined(__APPLE__)
    ip_mreqn value{};
    std::memcpy(&value.imr_address, host, sizeof host);
    value.imr_ifindex = static_cast<int>(index);
#else
    in_addr value{};
    std::memcpy(&value, host, sizeof host);
#endif
    return set_option(handle, IPPROTO_IP, IP_MULTICAST_IF, &value, sizeof value);
}

int get_inet_interface(native_handle handle, std::int64_t& index) noexcept {
    unsigned char host[sizeof(in_addr)] = {};
    std::size_t size = sizeof host;
    const int error = get_option(handle, IPPROTO_IP, IP_MULTICAST_IF, host, size);
    std::uint32_t found = 0;
    const bool is_set = (host[0] | host[1] | host[2] | host[3]) != 0;
    const int unknown = error == 0 && is_set ? interface_with(host, found) : error;
    index = found;
    return unknown;
}

#endif

int set_number(native_handle handle, ip_option to, bool octet, int value) noexcept {
    const auto byte = static_cast<unsigned char>(value);
    return octet ? set_option(handle, to.level, to.name, &byte, sizeof byte)
                 : set_option(handle, to.level, to.name, &value, sizeof value);
}

} // namespace

bool is_ip_option(option_id id) noexcept { return inet(id).name != -1 || id == option_id::multicast_all; }

int set_ip_option(native_handle handle, option_id id, std::int64_t value) noexcept {
    family of{};
    if (const int error = family_of(handle, of); error != 0)
        return error;
    const ip_option to = native(id, of);
    if (to.name == -1)
        return ENOPROTOOPT;
    if (id == option_id::multicast_interface) {
        if (value > INT_MAX)
            return ENODEV;
        if (const int error = value != 0 ? find_interface(static_cast<std::uint32_t>(value)) : 0; error != 0)
            return error;
        if (of == family::inet)
            return set_inet_interface(handle, static_cast<std::uint32_t>(value));
    }
    if (!is_in_range(id, value))
        return EINVAL;
    // An IPv6 socket may receive IPv4 as well.
    if (id == option_id::multicast_all && of == family::inet6)
        set_number(handle, inet(id), false, static_cast<int>(value));
    return set_number(handle, to, is_octet(id, of), static_cast<int>(value));
}

int get_ip_option(native_handle handle, option_id id, std::int64_t& value) noexcept {
    family of{};
    if (const int error = family_of(handle, of); error != 0)
        return error;
    const ip_option from = native(id, of);
    if (from.name == -1)
        return ENOPROTOOPT;
    if (id == option_id::multicast_interface && of == family::inet)
        return get_inet_interface(handle, value);
    if (is_octet(id, of)) {
        unsigned char byte = 0;
        std::size_t size = sizeof byte;
        const int error = get_option(handle, from.level, from.name, &byte, size);
        value = byte;
        return error;
    }
    int number = 0;
    std::size_t size = sizeof number;
    const int error = get_option(handle, from.level, from.name, &number, size);
    value = number;
    return error;
}

// ip(7), IP_MULTICAST_ALL: Linux gives a socket that is bound to "any" what is sent to groups that any other socket of the machine has joined.
// No other system does.
void keep_to_own_groups(native_handle handle, family of) noexcept {
    if (inet_all_name == -1)
        return;
    if (of != family::local)
        set_number(handle, inet(option_id::multicast_all), false, 0);
    if (of == family::inet6)
        set_number(handle, inet6(option_id::multicast_all), false, 0);
}

} // namespace coax::os

// Memberships, by the calls of RFC 3678 where there are any.
#include "os/native.hpp"

#include <cerrno>
#include <cstring>

#include "os/interfaces.hpp"
#include "os/multicast.hpp"

namespace coax::os {
namespace {

int level_of(const address& group) noexcept { return group.family() == family::inet6 ? IPPROTO_IPV6 : IPPROTO_IP; }

template <class Storage>
void copy_to(Storage& storage, const address& a) noexcept {
    static_assert(sizeof storage >= detail::native_address::capacity);
    std::memcpy(&storage, detail::native_address::data(a), detail::native_address::size(a));
}

#ifdef MCAST_JOIN_GROUP

int change(native_handle handle, int what, const address& group, std::uint32_t on) noexcept {
    group_req request{};
    request.gr_interface = on;
    copy_to(request.gr_group, group);
    return set_option(handle, level_of(group), what, &request, sizeof request);
}

int change(native_handle handle, int what, const address& group, const address& source, std::uint32_t on) noexcept {
    group_source_req request{};
    request.gsr_interface = on;
    copy_to(request.gsr_group, group);
    copy_to(request.gsr_source, source);
    return set_option(handle, level_of(group), what, &request, sizeof request);
}

/// Linux would make of a membership for all sources one for this source alone. RFC 3678 §4.1.3 has that refused, and others refuse it.
bool is_joined_for_all([[maybe_unused]] native_handle handle, [[maybe_unused]] const address& group,
                       [[maybe_unused]] std::uint32_t on) noexcept {
#if defined(__linux__) && defined(MCAST_MSFILTER)
    group_filter filter{};
    filter.gf_interface = on;
    copy_to(filter.gf_group, group);
    filter.gf_fmode = MCAST_INCLUDE;
    std::size_t size = GROUP_FILTER_SIZE(0);
    return get_option(handle, level_of(group), MCAST_MSFILTER, &filter, size) == 0 && filter.gf_fmode == MCAST_EXCLUDE;
#else
    return false;
#endif
}

int join(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept {
    if (source.is_unnamed())
        return change(handle, MCAST_JOIN_GROUP, group, on);
    if (is_joined_for_all(handle, group, on))
        return EADDRINUSE;
    return change(handle, MCAST_JOIN_SOURCE_GROUP, group, source, on);
}

int leave(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept {
    return source.is_unnamed() ? change(handle, MCAST_LEAVE_GROUP, group, on)
                               : change(handle, MCAST_LEAVE_SOURCE_GROUP, group, source, on);
}

#else // NetBSD, OpenBSD: the calls of each family, and no sources

int change(native_handle handle, int inet_name, int inet6_name, const address& group, std::uint32_t on) noexcept {
    const std::span<const std::byte> host = group.bytes();
    if (group.family() == family::inet6) {
        ipv6_mreq request{};
        std::memcpy(&request.ipv6mr_multiaddr, host.data(), host.size());
        request.ipv6mr_interface = on;
        return set_option(handle, IPPROTO_IPV6, inet6_name, &request, sizeof request);
    }
    ip_mreq request{};
    std::memcpy(&request.imr_multiaddr, host.data(), host.size());
    unsigned char interface_host[4] = {};
    if (on != 0)
        if (const int error = inet_address_of(on, interface_host); error != 0)
            return error;
    std::memcpy(&request.imr_interface, interface_host, sizeof interface_host);
    return set_option(handle, IPPROTO_IP, inet_name, &request, sizeof request);
}

int join(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept {
    return source.is_unnamed() ? change(handle, IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, group, on) : EOPNOTSUPP;
}

int leave(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept {
    return source.is_unnamed() ? change(handle, IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP, group, on) : EOPNOTSUPP;
}

#endif

/// What joining and leaving have in common: an interface that does not exist has several errors.
int told(int error, std::uint32_t on) noexcept {
    switch (error) {
    case EADDRNOTAVAIL:
    case EINVAL:
        return on != 0 && find_interface(on) == ENODEV ? ENODEV : error;
    case ENXIO:
        return ENODEV;
    case ENOPROTOOPT: // Wine 8
        return EOPNOTSUPP;
    default:
        return error;
    }
}

} // namespace

int join_group(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept {
    const int error = told(join(handle, group, source, on), on);
    // A source that is there already, and a group that is there for all.
    if (!source.is_unnamed() && (error == EADDRNOTAVAIL || error == EINVAL))
        return EADDRINUSE;
#ifdef ETOOMANYREFS
    if (error == ETOOMANYREFS)
        return ENOBUFS;
#endif
    return error;
}

int leave_group(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept {
    const int error = told(leave(handle, group, source, on), on);
    return error == EINVAL ? EADDRNOTAVAIL : error; // Linux, of a source where there is no membership at all
}

} // namespace coax::os

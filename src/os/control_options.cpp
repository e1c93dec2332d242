// The options that make the system send control data with what is received.
#include "os/native_control.hpp"

#include "os/control.hpp"

namespace coax::os {

namespace {

using detail::option_id;

struct family_option {
    int level = 0;
    int name = absent;
};

/// What it is for a socket of this family, and what else it is for the IPv4 that an IPv6 socket receives.
struct control_option {
    family_option own;
    family_option mapped;
};

control_option of_internet(family which, int inet_name, int inet6_name) noexcept {
    const family_option inet{IPPROTO_IP, inet_name};
    if (which == family::inet)
        return {inet, {}};
    if (which == family::inet6)
        return {{IPPROTO_IPV6, inet6_name}, inet};
    return {};
}

control_option control_option_of(option_id id, family which) noexcept {
    switch (id) {
    case option_id::receive_packet_info: {
        control_option both = of_internet(which, option_packet_info, option_packet_info6);
#ifdef __linux__ // says it in terms of IPv6 anyway
        both.mapped = {};
#endif
        return both;
    }
    case option_id::receive_ecn:
        return of_internet(which, option_traffic_class, option_traffic_class6);
    case option_id::receive_hop_limit:
        return of_internet(which, option_hop_limit, option_hop_limit6);
    case option_id::receive_time:
        return {{SOL_SOCKET, option_time}, {}};
    case option_id::pass_credentials:
        if (which == family::local)
            return {{SOL_SOCKET, option_pass_credentials}, {}};
        break;
    default:
        break;
    }
    return {};
}

int set_for(native_handle handle, family_option to, bool on) noexcept {
    const int value = on ? 1 : 0;
    return to.name == absent ? ENOPROTOOPT : set_option(handle, to.level, to.name, &value, sizeof value);
}

} // namespace

bool is_control_option(option_id id) noexcept {
    switch (id) {
    case option_id::receive_packet_info:
    case option_id::receive_ecn:
    case option_id::receive_hop_limit:
    case option_id::receive_time:
    case option_id::pass_credentials:
        return true;
    default:
        return false;
    }
}

int set_control_option(native_handle handle, option_id id, bool on) noexcept {
    family which{};
    if (const int error = family_of(handle, which))
        return error;
    const control_option to = control_option_of(id, which);
    if (const int error = set_for(handle, to.own, on))
        return error;
    // Refused where the socket takes IPv6 only, or the system does not say it of mapped addresses.
    set_for(handle, to.mapped, on);
#if defined(IP_RECVIF) && !defined(IP_PKTINFO) // the interface comes by itself there
    if (id == option_id::receive_packet_info && which == family::inet)
        set_for(handle, {IPPROTO_IP, IP_RECVIF}, on);
#endif
    return 0;
}

int get_control_option(native_handle handle, option_id id, bool& on) noexcept {
    family which{};
    if (const int error = family_of(handle, which))
        return error;
    const family_option from = control_option_of(id, which).own;
    if (from.name == absent)
        return ENOPROTOOPT;
    int value = 0; // Windows fills one byte of it for some options
    std::size_t size = sizeof value;
    const int error = get_option(handle, from.level, from.name, &value, size);
    on = value != 0;
    return error;
}

} // namespace coax::os

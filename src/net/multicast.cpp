// Multicast groups: what the calls mean, before the system is asked.
#include <coax/socket.hpp>

#include <cerrno>

#include "net/socket_access.hpp"

namespace coax {
namespace {

using detail::descriptor;

/// The interface of a membership, by number. The scope of a link-local group is one.
std::uint32_t interface_of(const address& group, interface_index on) noexcept {
    return on ? on.value() : group.scope_id();
}

/// What no system is asked for: 0 or an errno value. Each would have an error of its own.
int refusal(const descriptor& of, const address& group, interface_index on) noexcept {
    if (!group.is_multicast())
        return EINVAL;
    if (group.family() != of.family)
        return EAFNOSUPPORT;
    if (of.kind != kind::datagram)
        return EOPNOTSUPP;
    return group.scope_id() != 0 && group.scope_id() != interface_of(group, on) ? EINVAL : 0;
}

int refusal(const descriptor& of, const address& group, const address& source, interface_index on) noexcept {
    if (const int error = refusal(of, group, on); error != 0)
        return error;
    if (source.family() != of.family)
        return source.family() ? EAFNOSUPPORT : EINVAL;
    return source.is_multicast() ? EINVAL : 0;
}

} // namespace

void socket::join_group(const address& group, interface_index on) {
    const descriptor& d = detail::opened(state_, operation_name::join_group);
    int error = refusal(d, group, on);
    if (error == 0)
        error = d.system.join_group(d.handle, group, address(), interface_of(group, on));
    detail::check(error, operation_name::join_group, group);
}

void socket::leave_group(const address& group, interface_index on) {
    const descriptor& d = detail::opened(state_, operation_name::leave_group);
    int error = refusal(d, group, on);
    if (error == 0)
        error = d.system.leave_group(d.handle, group, address(), interface_of(group, on));
    detail::check(error, operation_name::leave_group, group);
}

void socket::join_source_group(const address& group, const address& source, interface_index on) {
    const descriptor& d = detail::opened(state_, operation_name::join_source_group);
    int error = refusal(d, group, source, on);
    if (error == 0)
        error = d.system.join_group(d.handle, group, source, interface_of(group, on));
    detail::check(error, operation_name::join_source_group, group);
}

void socket::leave_source_group(const address& group, const address& source, interface_index on) {
    const descriptor& d = detail::opened(state_, operation_name::leave_source_group);
    int error = refusal(d, group, source, on);
    if (error == 0)
        error = d.system.leave_group(d.handle, group, source, interface_of(group, on));
    detail::check(error, operation_name::leave_source_group, group);
}

} // namespace coax

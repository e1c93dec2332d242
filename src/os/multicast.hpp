// Multicast groups: who is a member, and the options of the internet layer, which are called differently in each family.
#pragma once

#include <cstdint>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/kind.hpp>
#include <coax/option.hpp>

namespace coax::os {

/// Joins a group on an interface (0: the system chooses), for what is sent by one source, or by anybody where `source` is unnamed. ENODEV: no
/// such interface; EADDRINUSE: joined already, perhaps for other sources; ENOBUFS: too many groups; EOPNOTSUPP: the system cannot.
int join_group(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept;
/// EADDRNOTAVAIL: no member.
int leave_group(native_handle handle, const address& group, const address& source, std::uint32_t on) noexcept;

/// Lets a new socket receive what is sent to its own groups, and not to those of others.
void keep_to_own_groups(native_handle handle, family of) noexcept;

bool is_ip_option(detail::option_id id) noexcept;
int set_ip_option(native_handle handle, detail::option_id id, std::int64_t value) noexcept;
int get_ip_option(native_handle handle, detail::option_id id, std::int64_t& value) noexcept;

} // namespace coax::os

// The network interfaces of this machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coax/interface.hpp>

namespace coax::os {

/// The index of a network interface; ENODEV when there is none of that name.
int interface_index(std::string_view name, std::uint32_t& index) noexcept;

/// Its name; ENODEV when there is none of that index. Throws `std::bad_alloc`.
int interface_name(std::uint32_t index, std::string& into);

/// Whether there is one of that index: 0, or ENODEV.
int find_interface(std::uint32_t index) noexcept;

/// Adds all interfaces, in no order. Throws `std::bad_alloc`.
int interfaces(std::vector<interface_info>& into);

/// Not on Windows. The first IPv4 address of an interface, all zero where it has none; ENODEV where there is no such interface.
int inet_address_of(std::uint32_t index, std::span<unsigned char, 4> address) noexcept;
/// Not on Windows. The way back; index 0 where no interface has this address.
int interface_with(std::span<const unsigned char, 4> address, std::uint32_t& index) noexcept;

} // namespace coax::os

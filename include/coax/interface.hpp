/// \file
/// The network interfaces of this machine: which there are, and how one of them is named where a call takes one.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>

namespace coax {

/// There is no interface of this name or number. `code()` is `std::errc::no_such_device`, `what()` says which.
class COAX_API no_such_interface : public io_error {
public:
    /// For this name or number, asked for by this call.
    no_such_interface(operation_name asked_by, std::string_view which);
    ~no_such_interface() override;

    /// "if_nametoindex eth7: No such device".
    const char* what() const noexcept override { return text_->c_str(); }

private:
    std::shared_ptr<const std::string> text_; // copying an exception must not throw
};

/// A network interface of this machine, by the number that the system has for it. It is made from the name or the number, so a call that
/// takes one can be written `sock.join_group(group, "eth0")`.
class COAX_API interface_index {
public:
    /// None: the system chooses.
    constexpr interface_index() noexcept = default;
    /// The interface of this number, such as `address::scope_id`; 0 is none. Whether there is one is seen when it is used.
    constexpr explicit interface_index(std::uint32_t number) noexcept : value_(number) {}
    /// The interface of this name; throws `no_such_interface` where there is none. Source: if_nametoindex(3).
    template <std::convertible_to<std::string_view> Name>
        requires(!std::is_null_pointer_v<Name>)
    interface_index(const Name& name) : value_(find(name)) {}

    /// The number; 0 for none.
    constexpr std::uint32_t value() const noexcept { return value_; }
    /// Whether an interface is named.
    constexpr explicit operator bool() const noexcept { return value_ != 0; }

    /// Whether the numbers are equal.
    friend constexpr bool operator==(interface_index, interface_index) noexcept = default;
    /// By number.
    friend constexpr auto operator<=>(interface_index, interface_index) noexcept = default;

private:
    static std::uint32_t find(std::string_view name);

    std::uint32_t value_ = 0;
};

/// An address that an interface has.
struct interface_address {
    /// An address of this kind.
    interface_address(const address& of, unsigned prefix, const address& to_all = {}) noexcept
        : host(of), prefix_length(prefix), broadcast(to_all) {}

    address host;           ///< the address, with port 0; a link-local one has its scope
    unsigned prefix_length; ///< how many bits of it are the network's: 24 for 255.255.255.0
    address broadcast;      ///< what reaches all of that network, with port 0; unnamed where there is no such address
};

/// What is known of a network interface.
struct interface_info {
    /// An interface of which nothing else is known yet.
    interface_info(std::string called, interface_index number) noexcept : name(std::move(called)), index(number) {}

    std::string name;      ///< such as "eth0"
    interface_index index; ///< its number
    bool up = false;       ///< it is switched on
    bool loopback = false; ///< it leads back to this machine
    bool multicast =
        false; ///< it says that it carries multicast; Linux does so on its loopback interface without saying it
    bool broadcast = false;                   ///< it has a broadcast address
    bool point_to_point = false;              ///< it leads to one other machine
    std::size_t mtu = 0;                      ///< the largest packet, in bytes; 0 where the system does not say
    std::vector<interface_address> addresses; ///< IPv4 and IPv6, in the order of the system
};

/// The interfaces of this machine, in the order of their numbers, those that are switched off as well. It is a picture of this moment.
/// Throws `io_error`. Source: if_nameindex(3), getifaddrs(3).
COAX_API std::vector<interface_info> if_nameindex();

/// The interface of this name; throws `no_such_interface`. Source: if_nametoindex(3).
COAX_API interface_index if_nametoindex(std::string_view name);

/// The name of an interface; throws `no_such_interface`. Source: if_indextoname(3).
COAX_API std::string if_indextoname(interface_index index);

} // namespace coax

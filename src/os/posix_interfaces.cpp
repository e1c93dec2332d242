// The list of interfaces: getifaddrs(3), which Linux, macOS and the BSDs have.
#include "os/native.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

#include <ifaddrs.h>
#include <sys/ioctl.h>

#include "os/interfaces.hpp"
#include "os/socket.hpp"

namespace coax::os {
namespace {

struct free_addresses {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};
using address_list = std::unique_ptr<ifaddrs, free_addresses>;

int list_addresses(address_list& into) noexcept {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return errno;
    into.reset(list);
    return 0;
}

/// Linux has names of addresses as well, "eth0:1": the interface is what stands in front of the colon.
std::string_view interface_of(const ifaddrs& entry) noexcept {
    const std::string_view name(entry.ifa_name);
    return name.substr(0, name.find(':'));
}

/// How much of an address is there: the BSDs keep its size in it, and leave the end of a mask out.
template <class Sockaddr>
std::size_t size_of(const Sockaddr& a, std::size_t whole) noexcept {
    if constexpr (requires { a.sa_len; })
        return std::min<std::size_t>(a.sa_len, whole);
    else
        return whole;
}

template <class Native>
address address_from(const sockaddr* a) noexcept {
    if (a == nullptr)
        return {};
    Native native{};
    std::memcpy(&native, a, size_of(*a, sizeof native));
    return detail::native_address::make(&native, sizeof native);
}

/// How many bits of a mask are set, which all stand in front.
template <class Native>
unsigned prefix_length(const sockaddr* mask, std::size_t host_offset, std::size_t host_size) noexcept {
    if (mask == nullptr)
        return static_cast<unsigned>(host_size * 8);
    unsigned char bytes[sizeof(Native)] = {};
    std::memcpy(bytes, mask, size_of(*mask, sizeof bytes));
    unsigned bits = 0;
    for (std::size_t i = 0; i < host_size; ++i)
        bits += static_cast<unsigned>(std::popcount(bytes[host_offset + i]));
    return bits;
}

void add_address(const ifaddrs& entry, std::vector<interface_address>& to) {
    if (entry.ifa_addr == nullptr)
        return;
    if (entry.ifa_addr->sa_family == AF_INET) {
        const bool has_broadcast = (entry.ifa_flags & IFF_BROADCAST) != 0;
        to.emplace_back(address_from<sockaddr_in>(entry.ifa_addr),
                        prefix_length<sockaddr_in>(entry.ifa_netmask, offsetof(sockaddr_in, sin_addr), sizeof(in_addr)),
                        has_broadcast ? address_from<sockaddr_in>(entry.ifa_broadaddr) : address());
    } else if (entry.ifa_addr->sa_family == AF_INET6) {
        to.emplace_back(
            address_from<sockaddr_in6>(entry.ifa_addr),
            prefix_length<sockaddr_in6>(entry.ifa_netmask, offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr)));
    }
}

/// Whether it is an IPv4 address, and which.
bool is_inet(const ifaddrs& entry, in_addr& host) noexcept {
    if (entry.ifa_addr == nullptr || entry.ifa_addr->sa_family != AF_INET)
        return false;
    sockaddr_in native{};
    std::memcpy(&native, entry.ifa_addr, size_of(*entry.ifa_addr, sizeof native));
    host = native.sin_addr;
    return true;
}

/// A socket to ask about interfaces by.
class question {
public:
    question() noexcept : made_(open(family::local, kind::datagram, 0)) {}
    question(const question&) = delete;
    question& operator=(const question&) = delete;
    ~question() {
        if (made_.error == 0)
            close(static_cast<native_handle>(made_.value));
    }

    std::size_t mtu_of(const std::string& name) const noexcept {
        ifreq asked{};
        std::copy_n(name.data(), std::min(name.size(), sizeof asked.ifr_name - 1), asked.ifr_name);
        if (made_.error != 0 || ::ioctl(static_cast<native_handle>(made_.value), SIOCGIFMTU, &asked) != 0)
            return 0;
        return static_cast<std::size_t>(std::max(asked.ifr_mtu, 0));
    }

private:
    outcome made_;
};

interface_info* interface_in(std::vector<interface_info>& known, std::size_t first, std::string_view name) noexcept {
    const auto found = std::find_if(known.begin() + static_cast<std::ptrdiff_t>(first), known.end(),
                                    [&](const interface_info& one) { return one.name == name; });
    return found == known.end() ? nullptr : &*found;
}

} // namespace

int interfaces(std::vector<interface_info>& into) {
    address_list list;
    if (const int error = list_addresses(list); error != 0)
        return error;
    const question asked;
    const std::size_t first = into.size();
    // There is an entry for each address, that of the hardware included.
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        const std::string_view name = interface_of(*entry);
        interface_info* one = interface_in(into, first, name);
        if (one == nullptr) {
            std::uint32_t index = 0;
            const int error = interface_index(name, index);
            if (error == ENODEV) // it has gone in between
                continue;
            if (error != 0)
                return error;
            one = &into.emplace_back(std::string(name), coax::interface_index(index));
            one->up = (entry->ifa_flags & IFF_UP) != 0;
            one->loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
            one->multicast = (entry->ifa_flags & IFF_MULTICAST) != 0;
            one->broadcast = (entry->ifa_flags & IFF_BROADCAST) != 0;
            one->point_to_point = (entry->ifa_flags & IFF_POINTOPOINT) != 0;
            one->mtu = asked.mtu_of(one->name);
        }
        add_address(*entry, one->addresses);
    }
    return 0;
}

int inet_address_of(std::uint32_t index, std::span<unsigned char, 4> address) noexcept {
    std::fill(address.begin(), address.end(), static_cast<unsigned char>(0));
    if (const int error = find_interface(index); error != 0)
        return error;
    address_list list;
    if (const int error = list_addresses(list); error != 0)
        return error;
    std::uint32_t found = 0;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        in_addr host{};
        if (!is_inet(*entry, host) || interface_index(interface_of(*entry), found) != 0 || found != index)
            continue;
        std::memcpy(address.data(), &host, address.size());
        break;
    }
    return 0;
}

int interface_with(std::span<const unsigned char, 4> address, std::uint32_t& index) noexcept {
    index = 0;
    address_list list;
    if (const int error = list_addresses(list); error != 0)
        return error;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        in_addr host{};
        if (is_inet(*entry, host) && std::memcmp(&host, address.data(), address.size()) == 0)
            return interface_index(interface_of(*entry), index);
    }
    return 0;
}

} // namespace coax::os

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

namespace coax::os {
namespace {

struct free_list {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};
using address_list = std::unique_ptr<ifaddrs, free_list>;

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

/// A socket to ask about interfaces by.
class question {
public:
    question() noexcept : handle_(::socket(AF_UNIX, SOCK_DGRAM, 0)) { set_cloexec(handle_); }
    question(const question&) = delete;
    question& operator=(const question&) = delete;
    ~question() {
        if (handle_ != -1)
            close(handle_);
    }

    std::size_t mtu_of(const std::string& name) const noexcept {
        ifreq asked{};
        std::copy_n(name.data(), std::min(name.size(), sizeof asked.ifr_name - 1), asked.ifr_name);
        return ::ioctl(handle_, SIOCGIFMTU, &asked) == 0 ? static_cast<std::size_t>(std::max(asked.ifr_mtu, 0)) : 0;
    }

private:
    native_handle handle_;
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
            const std::uint32_t index = interface_index(name);
            if (index == 0) // it has gone in between
                continue;
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
    char name[interface_name_size] = {};
    if (::if_indextoname(index, name) == nullptr)
        return ENODEV;
    address_list list;
    if (const int error = list_addresses(list); error != 0)
        return error;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET || interface_of(*entry) != name)
            continue;
        sockaddr_in native{};
        std::memcpy(&native, entry->ifa_addr, size_of(*entry->ifa_addr, sizeof native));
        std::memcpy(address.data(), &native.sin_addr, address.size());
        break;
    }
    return 0;
}

std::uint32_t interface_with(std::span<const unsigned char, 4> address) noexcept {
    address_list list;
    if (list_addresses(list) != 0)
        return 0;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET)
            continue;
        sockaddr_in native{};
        std::memcpy(&native, entry->ifa_addr, size_of(*entry->ifa_addr, sizeof native));
        if (std::memcmp(&native.sin_addr, address.data(), address.size()) == 0)
            return interface_index(interface_of(*entry));
    }
    return 0;
}

} // namespace coax::os

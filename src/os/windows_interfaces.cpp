// The list of interfaces: GetAdaptersAddresses.
#include "os/native.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <iphlpapi.h>

#include "os/interfaces.hpp"

namespace coax::os {
namespace {

constexpr ULONG wanted = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;

/// The adapters, one behind the other in a block of memory.
int list_adapters(std::vector<std::max_align_t>& block, const IP_ADAPTER_ADDRESSES*& first) {
    ULONG size = 16 * 1024;
    // Between two calls there may be more of them.
    for (int tries = 0; tries < 8; ++tries) {
        block.resize(size / sizeof(std::max_align_t) + 1);
        auto* const list = reinterpret_cast<IP_ADAPTER_ADDRESSES*>(block.data());
        const ULONG error = ::GetAdaptersAddresses(AF_UNSPEC, wanted, nullptr, list, &size);
        first = error == NO_ERROR ? list : nullptr;
        if (error == NO_ERROR || error == ERROR_NO_DATA)
            return 0;
        if (error != ERROR_BUFFER_OVERFLOW)
            return errno_of(static_cast<int>(error));
    }
    return EAGAIN;
}

/// The last address of an IPv4 network.
address broadcast_of(const sockaddr_in& of, unsigned prefix) noexcept {
    const std::uint32_t hosts = prefix >= 32 ? 0 : 0xffffffffU >> prefix;
    sockaddr_in last = of;
    last.sin_addr.s_addr = htonl(ntohl(of.sin_addr.s_addr) | hosts);
    return detail::native_address::make(&last, sizeof last);
}

void add_addresses(const IP_ADAPTER_ADDRESSES& adapter, interface_info& to) {
    for (const auto* entry = adapter.FirstUnicastAddress; entry != nullptr; entry = entry->Next) {
        const sockaddr* const native = entry->Address.lpSockaddr;
        const address host =
            detail::native_address::make(native, static_cast<std::size_t>(entry->Address.iSockaddrLength));
        const unsigned prefix = entry->OnLinkPrefixLength;
        if (native->sa_family == AF_INET) {
            sockaddr_in inet{};
            std::memcpy(&inet, native, sizeof inet);
            to.addresses.emplace_back(host, prefix,
                                      to.broadcast && prefix < 31 ? broadcast_of(inet, prefix) : address());
        } else if (native->sa_family == AF_INET6) {
            to.addresses.emplace_back(host, prefix);
        }
    }
}

} // namespace

int interfaces(std::vector<interface_info>& into) {
    std::vector<std::max_align_t> block;
    const IP_ADAPTER_ADDRESSES* adapter = nullptr;
    if (const int error = list_adapters(block, adapter); error != 0)
        return error;
    for (; adapter != nullptr; adapter = adapter->Next) {
        const std::uint32_t index = adapter->IfIndex != 0 ? adapter->IfIndex : adapter->Ipv6IfIndex;
        std::string name;
        if (interface_name(index, name) != 0) // it has gone in between
            continue;
        interface_info& one = into.emplace_back(std::move(name), coax::interface_index(index));
        one.up = adapter->OperStatus == IfOperStatusUp;
        one.loopback = adapter->IfType == IF_TYPE_SOFTWARE_LOOPBACK;
        one.point_to_point = adapter->IfType == IF_TYPE_PPP || adapter->IfType == IF_TYPE_TUNNEL;
        one.multicast = (adapter->Flags & IP_ADAPTER_NO_MULTICAST) == 0;
        one.broadcast = !one.loopback && !one.point_to_point;
        // The loopback interface has none, and says so with the largest number.
        one.mtu = adapter->Mtu == 0xffffffffU ? 0 : adapter->Mtu;
        add_addresses(*adapter, one);
    }
    return 0;
}

} // namespace coax::os

// What tests of multicast share: groups on the loopback interface, where it carries them.
#pragma once

#include "support/catch.hpp"
#include "support/net.hpp"

#include <cstdlib>
#include <string>
#include <vector>

namespace support {

inline coax::interface_index loopback() {
    for (const coax::interface_info& one : coax::if_nameindex())
        if (one.loopback)
            return one.index;
    throw std::runtime_error("there is no loopback interface");
}

/// Whether the test has a network that own_network has made: nothing may be missing there.
inline bool has_own_network() { return std::getenv("COAX_TESTS_OWN_NETWORK") != nullptr; }

/// The second interface of own_network; none elsewhere.
inline coax::interface_index link() {
    for (const coax::interface_info& one : coax::if_nameindex())
        if (one.name == "coax0")
            return one.index;
    WARN("there is no interface coax0: own_network makes one");
    REQUIRE_FALSE(has_own_network());
    return {};
}

/// A group of this number, and a port.
inline coax::address group(coax::family family, int number, int port = 0) {
    return coax::address((family == coax::family::inet ? "239.255.192." : "ff15::c0a:") + std::to_string(number), port);
}

/// "Any" of the family, at a port.
inline coax::address any(coax::family family, int port = 0) { return coax::address("", port).resolved(family); }

/// This machine, at a port.
inline coax::address here(coax::family family, int port) { return coax::address("localhost", port).resolved(family); }

/// A datagram socket that may share its port.
inline coax::socket receiver(coax::family family, int port = 0) {
    coax::socket made(family, coax::kind::datagram);
    made.setsockopt(coax::option::reuse_address, true);
    made.bind(any(family, port));
    return made;
}

/// A datagram socket that sends to groups on an interface.
inline coax::socket group_sender(coax::family family, coax::interface_index on = loopback()) {
    coax::socket made(family, coax::kind::datagram);
    made.setsockopt(coax::option::multicast_interface, on);
    return made;
}

/// Whether the system has groups at all: Wine 8 has none.
inline bool has_memberships() {
    coax::socket probe(coax::family::inet, coax::kind::datagram);
    return code_thrown_by([&] { probe.join_group(group(coax::family::inet, 251), loopback()); }) !=
           std::errc::operation_not_supported;
}

namespace detail {
inline bool carries_groups(coax::family family) {
    try {
        coax::socket to = receiver(family);
        to.join_group(group(family, 250), loopback());
        coax::socket from = group_sender(family);
        run([&]() -> coax::task<> { co_await from.sendto("?", group(family, 250, to.getsockname().port())); });
        return wait_readable(to.fileno());
    } catch (const coax::io_error& error) {
        WARN(error.what());
        return false;
    }
}
} // namespace detail

/// The families in which the loopback interface carries multicast. Linux has no route for that over IPv6: own_network makes one.
inline const std::vector<coax::family>& families_with_groups() {
    static const std::vector<coax::family> found = [] {
        std::vector<coax::family> carried;
        for (const coax::family family : internet()) {
            if (detail::carries_groups(family))
                carried.push_back(family);
            else
                WARN("the loopback interface carries no multicast: " << name_of(family));
        }
        return carried;
    }();
    if (has_own_network())
        REQUIRE(found == internet());
    return found;
}

/// What the next datagram says.
inline coax::task<std::string> next_text(coax::socket& from) {
    const coax::datagram got = co_await from.recvfrom(100);
    co_return std::string(got.data.text());
}

} // namespace support

// Interfaces by name and by index, which is the same call on every system.
#include "os/native.hpp"

#include <algorithm>
#include <cerrno>

#include "os/interfaces.hpp"
#include "os/socket.hpp"

namespace coax::os {
namespace {

/// The calls make a socket, for which there may be no descriptor. glibc then says an error of something else that it has tried.
int reason() noexcept {
#ifndef _WIN32
    if (errno != ENODEV && errno != ENXIO) {
        const outcome probe = open(family::local, kind::datagram, 0);
        if (probe.error != 0)
            return probe.error;
        close(static_cast<native_handle>(probe.value));
    }
#endif
    return ENODEV;
}

int find_name(std::uint32_t index, char (&name)[interface_name_size]) noexcept {
    return ::if_indextoname(index, name) != nullptr ? 0 : reason();
}

} // namespace

int interface_index(std::string_view name, std::uint32_t& index) noexcept {
    index = 0;
    char terminated[interface_name_size] = {};
    if (name.empty() || name.size() >= sizeof terminated || name.find('\0') != name.npos)
        return ENODEV;
    std::copy(name.begin(), name.end(), terminated);
    index = static_cast<std::uint32_t>(::if_nametoindex(terminated));
    return index != 0 ? 0 : reason();
}

int interface_name(std::uint32_t index, std::string& into) {
    char name[interface_name_size] = {};
    const int error = find_name(index, name);
    into = name;
    return error;
}

int find_interface(std::uint32_t index) noexcept {
    char name[interface_name_size] = {};
    return find_name(index, name);
}

} // namespace coax::os

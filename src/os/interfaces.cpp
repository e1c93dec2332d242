// Interfaces by name and by index, which is the same call on every system.
#include "os/native.hpp"

#include <algorithm>
#include <cerrno>

#include "os/interfaces.hpp"

namespace coax::os {

std::uint32_t interface_index(std::string_view name) noexcept {
    char terminated[interface_name_size] = {};
    if (name.empty() || name.size() >= sizeof terminated || name.find('\0') != name.npos)
        return 0;
    std::copy(name.begin(), name.end(), terminated);
    return static_cast<std::uint32_t>(::if_nametoindex(terminated));
}

int interface_name(std::uint32_t index, std::string& into) {
    char name[interface_name_size] = {};
    if (::if_indextoname(index, name) == nullptr)
        return ENODEV;
    into = name;
    return 0;
}

bool has_interface(std::uint32_t index) noexcept {
    char name[interface_name_size] = {};
    return ::if_indextoname(index, name) != nullptr;
}

} // namespace coax::os

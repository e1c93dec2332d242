#include <coax/interface.hpp>

#include <algorithm>
#include <cerrno>
#include <type_traits>

#include "net/socket_access.hpp"
#include "runtime/current_system.hpp"

namespace coax {

no_such_interface::no_such_interface(operation_name asked_by, std::string_view which)
    : io_error(failure(detail::system_error(ENODEV), asked_by)) {
    std::string text = to_string(asked_by);
    text.append(" ").append(which).append(": ").append(code().message());
    text_ = std::make_shared<const std::string>(std::move(text));
}
static_assert(std::is_nothrow_copy_constructible_v<no_such_interface>);
no_such_interface::~no_such_interface() = default;

std::uint32_t interface_index::find(std::string_view name) {
    std::uint32_t number = 0;
    const int error = detail::current_system().interface_index(name, number);
    if (error == ENODEV)
        throw no_such_interface(operation_name::if_nametoindex, name);
    detail::check(error, operation_name::if_nametoindex);
    return number;
}

interface_index if_nametoindex(std::string_view name) { return {name}; }

std::string if_indextoname(interface_index index) {
    std::string name;
    const int error = detail::current_system().interface_name(index.value(), name);
    if (error == ENODEV)
        throw no_such_interface(operation_name::if_indextoname, std::to_string(index.value()));
    detail::check(error, operation_name::if_indextoname);
    return name;
}

std::vector<interface_info> if_nameindex() {
    std::vector<interface_info> found;
    detail::check(detail::current_system().interfaces(found), operation_name::if_nameindex);
    std::sort(found.begin(), found.end(),
              [](const interface_info& one, const interface_info& other) { return one.index < other.index; });
    return found;
}

} // namespace coax

// What is the same call on every system.
#include "os/native.hpp"

#include "os/address.hpp"
#include "os/socket.hpp"

namespace coax::os {

int bind(native_handle handle, const address& name) noexcept {
    if (const int error = usable_error(name); error != 0)
        return error;
    const native_name at(name);
    return error_of(::bind(handle, at.data, at.size));
}

int listen(native_handle handle, int backlog) noexcept { return error_of(::listen(handle, backlog)); }

int kind_of(native_handle handle, kind& result) noexcept {
    int native = 0;
    std::size_t size = sizeof native;
    const int error = get_option(handle, SOL_SOCKET, SO_TYPE, &native, size);
    return error != 0 ? error : kind_from(native, result);
}

} // namespace coax::os

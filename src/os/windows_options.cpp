// Socket options of Windows: the raw calls, and the table from the library's options to level and name.
#include "os/windows_call.hpp"

#include <climits>

#include <coax/option.hpp>

// Windows 10 1709 and later; not every header has all of them.
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE 3
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT 16
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL 17
#endif

namespace coax::os {

int set_option(native_handle handle, int level, int name, const void* value, std::size_t size) noexcept {
    return error_of(::setsockopt(handle, level, name, static_cast<const char*>(value), limited_int(size)));
}

int get_option(native_handle handle, int level, int name, void* value, std::size_t& size) noexcept {
    int native_size = limited_int(size);
    const int error = error_of(::getsockopt(handle, level, name, static_cast<char*>(value), &native_size));
    if (error == 0)
        size = static_cast<std::size_t>(std::max(native_size, 0));
    return error;
}

} // namespace coax::os

namespace coax::detail {

namespace {

struct native_option {
    int level;
    int name;
};

native_option native(option_id id) noexcept {
    constexpr int none = -1; // no option anywhere
    switch (id) {
    case option_id::reuse_address:
        return {SOL_SOCKET, SO_REUSEADDR};
    case option_id::reuse_port:
        return {SOL_SOCKET, none};
    case option_id::broadcast:
        return {SOL_SOCKET, SO_BROADCAST};
    case option_id::keep_alive:
        return {SOL_SOCKET, SO_KEEPALIVE};
    case option_id::keep_alive_idle:
        return {IPPROTO_TCP, TCP_KEEPIDLE};
    case option_id::keep_alive_interval:
        return {IPPROTO_TCP, TCP_KEEPINTVL};
    case option_id::keep_alive_count:
        return {IPPROTO_TCP, TCP_KEEPCNT};
    case option_id::linger:
        return {SOL_SOCKET, SO_LINGER};
    case option_id::receive_buffer_size:
        return {SOL_SOCKET, SO_RCVBUF};
    case option_id::send_buffer_size:
        return {SOL_SOCKET, SO_SNDBUF};
    case option_id::out_of_band_inline:
        return {SOL_SOCKET, SO_OOBINLINE};
    case option_id::no_delay:
        return {IPPROTO_TCP, TCP_NODELAY};
    case option_id::quick_ack:
        return {IPPROTO_TCP, none};
    case option_id::user_timeout:
        return {IPPROTO_TCP, none};
    case option_id::v6_only:
        return {IPPROTO_IPV6, IPV6_V6ONLY};
    case option_id::error:
        return {SOL_SOCKET, SO_ERROR};
    case option_id::type:
        return {SOL_SOCKET, SO_TYPE};
    case option_id::accepting:
        return {SOL_SOCKET, SO_ACCEPTCONN};
    }
    return {SOL_SOCKET, none};
}

bool fits(std::int64_t value) noexcept { return value >= 0 && value <= INT_MAX; }

/// Windows always lets a listener bind an address whose earlier connections linger. Its own SO_REUSEADDR would let it take an address
/// from another listener, so for a stream the option is on and cannot be changed.
bool is_always_on(native_handle handle, option_id id) noexcept {
    kind which{};
    return id == option_id::reuse_address && os::kind_of(handle, which) == 0 && which == kind::stream;
}

} // namespace

int set_option(native_handle handle, option_id id, option_words value) noexcept {
    const native_option to = native(id);
    if (to.name == -1)
        return ENOPROTOOPT;
    if (!fits(value.first) || !fits(value.second))
        return EINVAL;
    if (is_always_on(handle, id))
        return 0;
    if (id == option_id::linger) {
        if (value.second > USHRT_MAX)
            return EINVAL;
        ::linger native_value{};
        native_value.l_onoff = value.first != 0 ? 1 : 0;
        native_value.l_linger = static_cast<u_short>(value.second);
        return os::set_option(handle, to.level, to.name, &native_value, sizeof native_value);
    }
    const int native_value = static_cast<int>(value.first);
    return os::set_option(handle, to.level, to.name, &native_value, sizeof native_value);
}

int get_option(native_handle handle, option_id id, option_words& value) noexcept {
    const native_option from = native(id);
    if (from.name == -1)
        return ENOPROTOOPT;
    if (is_always_on(handle, id)) {
        value = {1, 0};
        return 0;
    }
    if (id == option_id::type) {
        kind which{};
        const int error = os::kind_of(handle, which);
        value = {static_cast<std::int64_t>(which), 0};
        return error;
    }
    if (id == option_id::linger) {
        ::linger native_value{};
        std::size_t size = sizeof native_value;
        const int error = os::get_option(handle, from.level, from.name, &native_value, size);
        value = {native_value.l_onoff, native_value.l_linger};
        return error;
    }
    int native_value = 0; // some options fill one byte of it
    std::size_t size = sizeof native_value;
    const int error = os::get_option(handle, from.level, from.name, &native_value, size);
    value = {id == option_id::error ? os::errno_of(native_value) : native_value, 0};
    return error;
}

} // namespace coax::detail

// Socket options: the raw calls, and the table from the library's options to level and name.
#include "os/native.hpp"

#include <climits>
#include <exception>
#include <limits>
#include <thread>

#include <coax/option.hpp>

#include "os/control.hpp"
#include "os/extensions.hpp"
#include "os/multicast.hpp"
#include "os/poll.hpp"
#include "os/signal.hpp"
#include "os/socket.hpp"

// Windows 10 1709 and later; not every header has all of them.
#ifdef _WIN32
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE 3
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT 16
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL 17
#endif
#endif

namespace coax::os {

int set_option(native_handle handle, int level, int name, const void* value, std::size_t size) noexcept {
    return error_of(
        ::setsockopt(handle, level, name, static_cast<const char*>(value), static_cast<native_size>(limited(size))));
}

int get_option(native_handle handle, int level, int name, void* value, std::size_t& size) noexcept {
    auto written = static_cast<native_size>(limited(size));
    const int error = error_of(::getsockopt(handle, level, name, static_cast<char*>(value), &written));
    if (error == 0)
        size = static_cast<std::size_t>(written);
    return error;
}

int low_water_mark(native_handle handle) noexcept {
    int mark = 1;
#if defined(SO_RCVLOWAT) && !defined(_WIN32)
    std::size_t size = sizeof mark;
    if (get_option(handle, SOL_SOCKET, SO_RCVLOWAT, &mark, size) != 0)
        return 1;
#else
    static_cast<void>(handle);
#endif
    return mark;
}

void close_elsewhere(native_handle handle) noexcept {
    try {
        with_signals_blocked([&] { std::thread([handle] { close(handle); }).detach(); });
    } catch (const std::exception&) { // no memory for one more, or no thread
        close(handle);
    }
}

bool is_of_the_socket(int level) noexcept { return level == SOL_SOCKET; }

bool is_ready(native_handle handle, bool to_read, bool to_write) noexcept {
    const int events = (to_read ? poll_readable : 0) | (to_write ? poll_writable : 0);
    poll_entry entry{handle, static_cast<short>(events), 0};
    poll(&entry, 1, 0);
    return entry.happened != 0;
}

bool is_listening(native_handle handle) noexcept {
    detail::option_words accepting;
    return get_option(handle, detail::option_id::accepting, accepting) != 0 || accepting.first != 0;
}

bool is_tcp(native_handle handle) noexcept {
    int unused = 0;
    std::size_t size = sizeof unused;
    return get_option(handle, IPPROTO_TCP, TCP_NODELAY, &unused, size) == 0;
}

namespace {

using detail::option_id;
using detail::option_words;

struct native_option {
    int level;
    int name;
};

// The names that not every system has; -1 is no option anywhere.
#if defined(SO_REUSEPORT_LB) // FreeBSD, where SO_REUSEPORT shares the address, but spreads nothing
constexpr int reuse_port_name = SO_REUSEPORT_LB;
#elif defined(SO_REUSEPORT)
constexpr int reuse_port_name = SO_REUSEPORT;
#else
constexpr int reuse_port_name = -1;
#endif
#if defined(TCP_KEEPIDLE)
constexpr int keep_alive_idle_name = TCP_KEEPIDLE;
#elif defined(TCP_KEEPALIVE)
constexpr int keep_alive_idle_name = TCP_KEEPALIVE;
#else
constexpr int keep_alive_idle_name = -1;
#endif
#ifdef TCP_KEEPINTVL
constexpr int keep_alive_interval_name = TCP_KEEPINTVL;
#else
constexpr int keep_alive_interval_name = -1;
#endif
#ifdef TCP_KEEPCNT
constexpr int keep_alive_count_name = TCP_KEEPCNT;
#else
constexpr int keep_alive_count_name = -1;
#endif
#if defined(TCP_QUICKACK) && defined(COAX_LINUX_EXTENSIONS)
constexpr int quick_ack_name = TCP_QUICKACK;
#else
constexpr int quick_ack_name = -1;
#endif
#if defined(TCP_USER_TIMEOUT) && defined(COAX_LINUX_EXTENSIONS)
constexpr int user_timeout_name = TCP_USER_TIMEOUT;
#else
constexpr int user_timeout_name = -1;
#endif
#if defined(IP_BIND_ADDRESS_NO_PORT) && defined(COAX_LINUX_EXTENSIONS)
constexpr int bind_address_no_port_name = IP_BIND_ADDRESS_NO_PORT;
#else
constexpr int bind_address_no_port_name = -1;
#endif
#if defined(COAX_LINUX_EXTENSIONS)
constexpr int receive_offload_name = 104; // UDP_GRO, which headers of older C libraries lack
#else
constexpr int receive_offload_name = -1;
#endif
// macOS counts SO_LINGER in clock ticks, and has another name for seconds.
#ifdef SO_LINGER_SEC
constexpr int linger_name = SO_LINGER_SEC;
#else
constexpr int linger_name = SO_LINGER;
#endif
// Linux doubles the sizes it is given and reports the double (socket(7)).
#ifdef __linux__
constexpr int buffer_size_factor = 2;
#else
constexpr int buffer_size_factor = 1;
#endif

native_option native(option_id id) noexcept {
    switch (id) {
    case option_id::reuse_address:
        return {SOL_SOCKET, SO_REUSEADDR};
    case option_id::reuse_port:
        return {SOL_SOCKET, reuse_port_name};
    case option_id::broadcast:
        return {SOL_SOCKET, SO_BROADCAST};
    case option_id::keep_alive:
        return {SOL_SOCKET, SO_KEEPALIVE};
    case option_id::keep_alive_idle:
        return {IPPROTO_TCP, keep_alive_idle_name};
    case option_id::keep_alive_interval:
        return {IPPROTO_TCP, keep_alive_interval_name};
    case option_id::keep_alive_count:
        return {IPPROTO_TCP, keep_alive_count_name};
    case option_id::linger:
        return {SOL_SOCKET, linger_name};
    case option_id::receive_buffer_size:
        return {SOL_SOCKET, SO_RCVBUF};
    case option_id::send_buffer_size:
        return {SOL_SOCKET, SO_SNDBUF};
    case option_id::out_of_band_inline:
        return {SOL_SOCKET, SO_OOBINLINE};
    case option_id::no_delay:
        return {IPPROTO_TCP, TCP_NODELAY};
    case option_id::quick_ack:
        return {IPPROTO_TCP, quick_ack_name};
    case option_id::user_timeout:
        return {IPPROTO_TCP, user_timeout_name};
    case option_id::v6_only:
        return {IPPROTO_IPV6, IPV6_V6ONLY};
    case option_id::bind_address_no_port:
        return {IPPROTO_IP, bind_address_no_port_name};
    case option_id::hop_limit: // of the family: ip_options.cpp
    case option_id::multicast_hops:
    case option_id::multicast_loop:
    case option_id::multicast_interface:
    case option_id::multicast_all:
        break;
    case option_id::error:
        return {SOL_SOCKET, SO_ERROR};
    case option_id::type:
        return {SOL_SOCKET, SO_TYPE};
    case option_id::accepting:
        return {SOL_SOCKET, SO_ACCEPTCONN};
    case option_id::receive_packet_info:
    case option_id::receive_ecn:
    case option_id::receive_hop_limit:
    case option_id::receive_time:
    case option_id::pass_credentials:
        break; // `set_control_option`
    case option_id::receive_offload:
        return {IPPROTO_UDP, receive_offload_name};
    }
    return {SOL_SOCKET, -1};
}

bool fits(std::int64_t value) noexcept { return value >= 0 && value <= INT_MAX; }

/// Windows always lets a listener bind an address whose earlier connections linger. Its own SO_REUSEADDR would let it take an address
/// from another listener, so for a stream the option is on and cannot be changed.
bool is_always_on([[maybe_unused]] native_handle handle, [[maybe_unused]] option_id id) noexcept {
#ifdef _WIN32
    kind which{};
    return id == option_id::reuse_address && kind_of(handle, which) == 0 && which == kind::stream;
#else
    return false;
#endif
}

} // namespace

int set_option(native_handle handle, option_id id, option_words value) noexcept {
    if (is_control_option(id))
        return set_control_option(handle, id, value.first != 0);
    if (is_ip_option(id))
        return set_ip_option(handle, id, value.first);
    const native_option to = native(id);
    if (to.name == -1)
        return ENOPROTOOPT;
    // No option here has a negative value, and Linux would take one for a buffer size as "as large as allowed".
    if (!fits(value.first) || !fits(value.second))
        return EINVAL;
    if (is_always_on(handle, id))
        return 0;
    if (id == option_id::linger) {
        ::linger native_value{};
        if (value.second > std::numeric_limits<decltype(native_value.l_linger)>::max())
            return EINVAL;
        native_value.l_onoff = value.first != 0 ? 1 : 0;
        native_value.l_linger = static_cast<decltype(native_value.l_linger)>(value.second);
        return set_option(handle, to.level, to.name, &native_value, sizeof native_value);
    }
    const int native_value = static_cast<int>(value.first);
    return set_option(handle, to.level, to.name, &native_value, sizeof native_value);
}

int get_option(native_handle handle, option_id id, option_words& value) noexcept {
    if (is_control_option(id)) {
        bool on = false;
        const int error = get_control_option(handle, id, on);
        value = {on ? 1 : 0, 0};
        return error;
    }
    if (is_ip_option(id))
        return get_ip_option(handle, id, value.first);
    const native_option from = native(id);
    if (from.name == -1)
        return ENOPROTOOPT;
    if (is_always_on(handle, id)) {
        value = {1, 0};
        return 0;
    }
    if (id == option_id::type) {
        kind which{};
        const int error = kind_of(handle, which);
        value = {static_cast<std::int64_t>(which), 0};
        return error;
    }
    if (id == option_id::linger) {
        ::linger native_value{};
        std::size_t size = sizeof native_value;
        const int error = get_option(handle, from.level, from.name, &native_value, size);
        value = {native_value.l_onoff, native_value.l_linger};
        return error;
    }
    int native_value = 0; // Windows fills one byte of it for some options
    std::size_t size = sizeof native_value;
    const int error = get_option(handle, from.level, from.name, &native_value, size);
    if (id == option_id::error)
        native_value = errno_of(native_value);
    const bool is_buffer = id == option_id::receive_buffer_size || id == option_id::send_buffer_size;
    value = {is_buffer ? native_value / buffer_size_factor : native_value, 0};
    return error;
}

} // namespace coax::os

// Windows sockets from creation to close: open, name, listen, connect, accept.
#include "os/native.hpp"

#include <utility>

#include <mstcpip.h>
#include <windows.h>

#include "os/address.hpp"

#ifndef SIO_UDP_CONNRESET
#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#endif
#ifndef SIO_UDP_NETRESET
#define SIO_UDP_NETRESET _WSAIOW(IOC_VENDOR, 15)
#endif

namespace coax::os {

namespace {

using name_call = int(WSAAPI*)(SOCKET, sockaddr*, int*);

int name_by(name_call call, native_handle handle, address& name) noexcept {
    sockaddr_storage native{};
    int size = sizeof native;
    name = address();
    if (call(handle, reinterpret_cast<sockaddr*>(&native), &size) == SOCKET_ERROR)
        return last_error();
    name = detail::native_address::make(&native, static_cast<std::size_t>(std::max(size, 0)));
    return 0;
}

/// What the system says of a socket, also of one that has no name yet.
int protocol_of(native_handle handle, WSAPROTOCOL_INFOW& found) noexcept {
    int size = sizeof found;
    return error_of(::getsockopt(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&found), &size));
}

/// An earlier datagram that found nobody would fail the receives and sends after it, and end a server of many peers.
void ignore_unreachable_peers(native_handle handle) noexcept {
    for (const DWORD what : {static_cast<DWORD>(SIO_UDP_CONNRESET), static_cast<DWORD>(SIO_UDP_NETRESET)}) {
        BOOL off = FALSE;
        DWORD unused = 0;
        ::WSAIoctl(handle, what, &off, sizeof off, nullptr, 0, &unused, nullptr, nullptr);
    }
}

bool same_name(const address& a, int error_a, const address& b, int error_b) noexcept {
    return error_a == 0 && error_b == 0 && a == b;
}

/// Whether each of two sockets is the other's peer.
bool are_connected(native_handle one, native_handle other) noexcept {
    address name_one;
    address name_other;
    address peer_one;
    address peer_other;
    const int name_one_error = getsockname(one, name_one);
    const int name_other_error = getsockname(other, name_other);
    const int peer_one_error = getpeername(one, peer_one);
    const int peer_other_error = getpeername(other, peer_other);
    return same_name(name_one, name_one_error, peer_other, peer_other_error) &&
           same_name(name_other, name_other_error, peer_one, peer_one_error);
}

struct closing_handle {
    closing_handle() noexcept = default;
    closing_handle(const closing_handle&) = delete;
    closing_handle& operator=(const closing_handle&) = delete;
    ~closing_handle() {
        if (value != no_handle)
            close(value);
    }
    int hold(const outcome& made) noexcept {
        if (made.error == 0)
            value = static_cast<native_handle>(made.value);
        return made.error;
    }
    native_handle release() noexcept { return std::exchange(value, no_handle); }

    native_handle value = no_handle;
};

const address& any_loopback() noexcept {
    static const address at("127.0.0.1", 0);
    return at;
}

/// Waits for what happens on this machine alone.
int wait_for(native_handle handle, short events) noexcept {
    WSAPOLLFD entry{handle, events, 0};
    constexpr int patience = 10'000; // milliseconds
    const int ready = ::WSAPoll(&entry, 1, patience);
    return ready > 0 ? 0 : ready == 0 ? ETIMEDOUT : last_error();
}

int bound_to_loopback(kind k, closing_handle& made, address& name) noexcept {
    int error = made.hold(open(family::inet, k, 0));
    if (error == 0)
        error = bind(made.value, any_loopback());
    if (error == 0)
        error = getsockname(made.value, name);
    return error;
}

int connected_stream(closing_handle& first, closing_handle& second) noexcept {
    closing_handle listener;
    address at;
    int error = bound_to_loopback(kind::stream, listener, at);
    if (error == 0)
        error = listen(listener.value, 1);
    if (error == 0)
        error = first.hold(open(family::inet, kind::stream, 0));
    if (error == 0)
        error = connect(first.value, at);
    if (error == EINPROGRESS) {
        error = wait_for(first.value, POLLWRNORM);
        if (error == 0)
            error = connect_result(first.value);
    }
    if (error == 0)
        error = wait_for(listener.value, POLLRDNORM);
    if (error == 0)
        error = second.hold(accept(listener.value, nullptr));
    for (const native_handle handle : {first.value, second.value}) {
        const BOOL on = TRUE;
        if (error == 0)
            error = set_option(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return error;
}

int connected_datagrams(closing_handle& first, closing_handle& second) noexcept {
    address first_name;
    address second_name;
    int error = bound_to_loopback(kind::datagram, first, first_name);
    if (error == 0)
        error = bound_to_loopback(kind::datagram, second, second_name);
    if (error == 0)
        error = connect(first.value, second_name);
    if (error == 0)
        error = connect(second.value, first_name);
    return error;
}

} // namespace

int start_winsock() noexcept {
    static const int error = [] {
        WSADATA unused;
        return errno_of(::WSAStartup(MAKEWORD(2, 2), &unused));
    }();
    return error;
}

outcome open(family f, kind k, int protocol) noexcept {
    if (const int error = start_winsock(); error != 0)
        return {-1, error};
    const SOCKET made = ::WSASocketW(native_family(f), native_kind(k), protocol, nullptr, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (made == INVALID_SOCKET)
        return {-1, last_error()};
    if (const int error = set_nonblocking(made); error != 0) {
        close(made);
        return {-1, error};
    }
    if (k == kind::datagram)
        ignore_unreachable_peers(made);
    return {static_cast<std::int64_t>(made), 0};
}

const family pair_family = family::inet;

// Windows has no such call: two sockets that are connected over the loopback interface. Somebody else on this machine may be the
// first to connect to the listener, so the two have to know each other.
int pair(kind k, native_handle (&ends)[2]) noexcept {
    for (int attempts = 0; attempts < 8; ++attempts) {
        closing_handle first;
        closing_handle second;
        const int error = k == kind::stream ? connected_stream(first, second) : connected_datagrams(first, second);
        if (error != 0)
            return error;
        if (!are_connected(first.value, second.value))
            continue;
        ends[0] = first.release();
        ends[1] = second.release();
        return 0;
    }
    return ECONNABORTED;
}

int bind(native_handle handle, const address& name) noexcept {
    if (const int error = usable_error(name); error != 0)
        return error;
    const auto* native = static_cast<const sockaddr*>(detail::native_address::data(name));
    return error_of(::bind(handle, native, static_cast<int>(detail::native_address::size(name))));
}

int listen(native_handle handle, int backlog) noexcept { return error_of(::listen(handle, backlog)); }

int connect(native_handle handle, const address& peer) noexcept {
    if (const int error = usable_error(peer); error != 0)
        return error;
    const auto* native = static_cast<const sockaddr*>(detail::native_address::data(peer));
    const int error = error_of(::connect(handle, native, static_cast<int>(detail::native_address::size(peer))));
    return error == EAGAIN ? EINPROGRESS : error;
}

int connect_result(native_handle handle) noexcept {
    int pending = 0;
    std::size_t size = sizeof pending;
    const int error = get_option(handle, SOL_SOCKET, SO_ERROR, &pending, size);
    return error != 0 ? error : errno_of(pending);
}

outcome accept(native_handle handle, address* peer) noexcept {
    for (;;) {
        sockaddr_storage from{};
        int size = sizeof from;
        const SOCKET accepted = ::accept(handle, reinterpret_cast<sockaddr*>(&from), &size);
        if (accepted == INVALID_SOCKET) {
            const int error = last_error();
            if (is_stale_connection(error))
                continue;
            return {-1, error};
        }
        if (prepare(accepted) != 0) {
            close(accepted);
            continue;
        }
        if (peer != nullptr)
            *peer = detail::native_address::make(&from, static_cast<std::size_t>(std::max(size, 0)));
        return {static_cast<std::int64_t>(accepted), 0};
    }
}

bool is_stale_connection(int accept_error) noexcept {
    // The last is Wine's, of one that was reset before.
    return accept_error == ECONNABORTED || accept_error == ECONNRESET || accept_error == ENOTCONN;
}

int shutdown(native_handle handle, shutdown_how how) noexcept {
    // SD_RECEIVE would throw away what has arrived. That the input has ended is remembered by the descriptor, and known to nobody else.
    if (how == shutdown_how::read) {
        address peer;
        return getpeername(handle, peer);
    }
    return error_of(::shutdown(handle, SD_SEND));
}

std::int64_t unacknowledged(native_handle) noexcept { return -1; }

int close(native_handle handle) noexcept { return error_of(::closesocket(handle)); }

int getsockname(native_handle handle, address& name) noexcept {
    const int error = name_by(&::getsockname, handle, name);
    if (error != EINVAL)
        return error;
    // A socket without a name yet; elsewhere that is the address "any" with port 0.
    family which{};
    if (const int unknown = family_of(handle, which); unknown != 0)
        return unknown;
    if (which != family::local)
        name = address("", 0).resolved(which);
    return 0;
}

int getpeername(native_handle handle, address& name) noexcept { return name_by(&::getpeername, handle, name); }

int prepare(native_handle handle) noexcept {
    if (const int error = set_cloexec(handle); error != 0)
        return error;
    return set_nonblocking(handle);
}

int set_nonblocking(native_handle handle) noexcept {
    if (const int error = start_winsock(); error != 0)
        return error;
    u_long on = 1;
    return error_of(::ioctlsocket(handle, static_cast<long>(FIONBIO), &on));
}

int set_blocking(native_handle handle) noexcept {
    u_long off = 0;
    return error_of(::ioctlsocket(handle, static_cast<long>(FIONBIO), &off));
}

bool is_blocking(native_handle) noexcept { return false; }

int set_cloexec(native_handle handle) noexcept {
    // A handle of this type may be anything to this call, so it is asked of nothing that is no socket.
    WSAPROTOCOL_INFOW unused;
    if (const int error = start_winsock(); error != 0)
        return error;
    if (const int error = protocol_of(handle, unused); error != 0)
        return error;
    return ::SetHandleInformation(reinterpret_cast<HANDLE>(handle), HANDLE_FLAG_INHERIT, 0)
               ? 0
               : errno_of(static_cast<int>(::GetLastError()));
}

int family_of(native_handle handle, family& result) noexcept {
    if (const int error = start_winsock(); error != 0)
        return error;
    WSAPROTOCOL_INFOW found;
    if (const int error = protocol_of(handle, found); error != 0)
        return error;
    return family_from(found.iAddressFamily, result);
}

int kind_of(native_handle handle, kind& result) noexcept {
    int native = 0;
    std::size_t size = sizeof native;
    if (const int error = get_option(handle, SOL_SOCKET, SO_TYPE, &native, size); error != 0)
        return error;
    switch (native) {
    case SOCK_STREAM:
        result = kind::stream;
        return 0;
    case SOCK_DGRAM:
        result = kind::datagram;
        return 0;
    default:
        return EPROTONOSUPPORT;
    }
}

} // namespace coax::os

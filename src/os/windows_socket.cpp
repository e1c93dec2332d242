// Windows sockets from creation to close: open, name, listen, connect, accept.
#include "os/native.hpp"

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

int connect(native_handle handle, const address& peer) noexcept {
    if (const int error = usable_error(peer); error != 0)
        return error;
    const native_name to(peer);
    const int error = error_of(::connect(handle, to.data, to.size));
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

} // namespace coax::os

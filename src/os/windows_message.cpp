// Receiving and sending on Windows sockets. None of it waits: every socket is non-blocking from `prepare` on.
#include "os/native_control.hpp"

#include "os/address.hpp"
#include "os/control.hpp"

namespace coax::os {

namespace {

/// Where a call that moves nothing may point to.
char nothing = 0;

char* receiving(void* data, std::size_t size) noexcept { return size == 0 ? &nothing : static_cast<char*>(data); }
char* sending(const void* data, std::size_t size) noexcept {
    return size == 0 ? &nothing : static_cast<char*>(const_cast<void*>(data));
}

bool is_datagram(native_handle handle) noexcept {
    kind what{};
    return kind_of(handle, what) == 0 && what == kind::datagram;
}

/// What a receive means that ended with an error.
outcome received_nothing(std::size_t room, bool& truncated) noexcept {
    switch (const int native = ::WSAGetLastError()) {
    case WSAEMSGSIZE: // the buffer is full, and the rest of the datagram is lost
        truncated = true;
        return {static_cast<std::int64_t>(room), 0};
    case WSAESHUTDOWN: // of the receiving side by this process: the end of the stream, as elsewhere
        return {0, 0};
    default:
        return {-1, errno_of(native)};
    }
}

/// Whether what is missing is an address to send to; Windows calls that "not connected", Wine "invalid".
bool lacks_destination(native_handle handle, int error) noexcept {
    address peer;
    return (error == ENOTCONN || error == EINVAL) && is_datagram(handle) && getpeername(handle, peer) == ENOTCONN;
}

outcome sent(native_handle handle, int result, DWORD count) noexcept {
    if (result == SOCKET_ERROR) {
        const int error = last_error();
        return {-1, lacks_destination(handle, error) ? EDESTADDRREQ : error};
    }
    return {static_cast<std::int64_t>(count), 0};
}

} // namespace

// "Wait for all" is refused on a non-blocking socket; the loop goes on by itself until it has all.
int native_message_flags(message_flags flags) noexcept {
    int native = 0;
    if (contains(flags, message_flags::peek))
        native |= MSG_PEEK;
    if (contains(flags, message_flags::out_of_band))
        native |= MSG_OOB;
    if (contains(flags, message_flags::dont_route))
        native |= MSG_DONTROUTE;
    return native;
}

outcome recv(native_handle handle, void* data, std::size_t size, message_flags flags) noexcept {
    const int room = limited_int(size);
    const int count = ::recv(handle, receiving(data, size), room, native_message_flags(flags));
    if (count != SOCKET_ERROR)
        return {count, 0};
    bool truncated = false;
    return received_nothing(static_cast<std::size_t>(room), truncated);
}

outcome send(native_handle handle, const void* data, std::size_t size, message_flags flags) noexcept {
    const int count = ::send(handle, sending(data, size), limited_int(size), native_message_flags(flags));
    return sent(handle, count, static_cast<DWORD>(count));
}

outcome recvfrom(native_handle handle, void* data, std::size_t size, message_flags flags, address& peer,
                 bool& truncated) noexcept {
    truncated = false;
    const int room = limited_int(size);
    sockaddr_storage from{}; // stays unspecified where the system names nobody
    int from_size = sizeof from;
    const int count = ::recvfrom(handle, receiving(data, size), room, native_message_flags(flags),
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    const outcome received =
        count != SOCKET_ERROR ? outcome{count, 0} : received_nothing(static_cast<std::size_t>(room), truncated);
    if (received.error == 0)
        peer = detail::native_address::make(&from, static_cast<std::size_t>(std::max(from_size, 0)));
    return received;
}

// There are control data of datagrams only, and of what is passed through UNIX sockets nothing.
const int control_receive_flags = 0;

namespace {

/// Winsock's own functions for them, which have to be asked for; null where there is none.
template <class Function>
Function extension(native_handle handle, GUID which) noexcept {
    Function found = nullptr;
    DWORD size = 0;
    const int result = ::WSAIoctl(handle, SIO_GET_EXTENSION_FUNCTION_POINTER, &which, sizeof which, &found,
                                  sizeof found, &size, nullptr, nullptr);
    return result == SOCKET_ERROR ? nullptr : found;
}

LPFN_WSARECVMSG receive_function(native_handle handle) noexcept {
    static const auto found = extension<LPFN_WSARECVMSG>(handle, WSAID_WSARECVMSG);
    return found;
}

} // namespace

outcome recvmsg(native_handle handle, incoming_message& into, message_flags flags) noexcept {
    const LPFN_WSARECVMSG receive = is_datagram(handle) ? receive_function(handle) : nullptr;
    if (receive == nullptr) {
        into.control = {};
        return recvfrom(handle, into.data, into.size, flags, *into.peer, into.truncated);
    }
    const int room = limited_int(into.size);
    sockaddr_storage from{};
    WSABUF piece{static_cast<ULONG>(room), receiving(into.data, into.size)};
    WSAMSG message{};
    message.name = reinterpret_cast<sockaddr*>(&from);
    message.namelen = sizeof from;
    message.lpBuffers = &piece;
    message.dwBufferCount = 1;
    message.Control.buf = reinterpret_cast<char*>(into.control.data());
    message.Control.len = static_cast<ULONG>(into.control.size());
    message.dwFlags = static_cast<DWORD>(native_message_flags(flags));
    DWORD count = 0;
    const int result = receive(handle, &message, &count, nullptr, nullptr);
    const outcome received = result != SOCKET_ERROR ? outcome{static_cast<std::int64_t>(count), 0}
                                                    : received_nothing(static_cast<std::size_t>(room), into.truncated);
    if (received.error != 0) {
        into.control = {};
        return received;
    }
    *into.peer = detail::native_address::make(&from, static_cast<std::size_t>(std::max(message.namelen, 0)));
    into.truncated = into.truncated || (message.dwFlags & MSG_TRUNC) != 0;
    into.control_cut = (message.dwFlags & MSG_CTRUNC) != 0;
    into.control = into.control.first(std::min(static_cast<std::size_t>(message.Control.len), into.control.size()));
    return received;
}

outcome sendmsg(native_handle handle, std::span<const buffer_view> pieces, std::span<std::byte> control,
                const address& peer, message_flags flags) noexcept {
    if (!control.empty())
        return {-1, EOPNOTSUPP};
    if (peer.is_unnamed())
        return send_vector(handle, pieces.data(), pieces.size(), flags);
    if (const int error = usable_error(peer); error != 0)
        return {-1, error};
    constexpr std::size_t most = 64;
    if (pieces.size() > most)
        return {-1, EMSGSIZE};
    WSABUF native[most];
    for (std::size_t i = 0; i < pieces.size(); ++i)
        native[i] = {static_cast<ULONG>(limited(pieces[i].size)), sending(pieces[i].data, pieces[i].size)};
    const native_name to(peer);
    DWORD moved = 0;
    const int result = ::WSASendTo(handle, native, static_cast<DWORD>(pieces.size()), &moved,
                                   static_cast<DWORD>(native_message_flags(flags)), to.data, to.size, nullptr, nullptr);
    return sent(handle, result, moved);
}

outcome sendto(native_handle handle, const void* data, std::size_t size, message_flags flags,
               const address& peer) noexcept {
    if (const int error = usable_error(peer); error != 0)
        return {-1, error};
    const native_name to(peer);
    const int count =
        ::sendto(handle, sending(data, size), limited_int(size), native_message_flags(flags), to.data, to.size);
    return sent(handle, count, static_cast<DWORD>(count));
}

outcome send_vector(native_handle handle, const buffer_view* pieces, std::size_t count, message_flags flags) noexcept {
    constexpr std::size_t most = 1024;
    if (count > most) {
        if (is_datagram(handle))
            return {-1, EMSGSIZE};
        count = most;
    }
    WSABUF native[most];
    DWORD used = 0;
    std::size_t total = 0;
    for (; used < count && total < most_bytes; ++used) {
        const std::size_t size = std::min(pieces[used].size, most_bytes - total);
        native[used].buf = sending(pieces[used].data, size);
        native[used].len = static_cast<ULONG>(size);
        total += size;
    }
    if (used == 0) {
        native[0].buf = &nothing;
        native[0].len = 0;
        used = 1;
    }
    DWORD moved = 0;
    const int result =
        ::WSASend(handle, native, used, &moved, static_cast<DWORD>(native_message_flags(flags)), nullptr, nullptr);
    return sent(handle, result, moved);
}

} // namespace coax::os

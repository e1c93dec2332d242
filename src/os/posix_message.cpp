// Receiving and sending on POSIX sockets.
#include "os/native_control.hpp"

#include <climits>
#include <cstring>

#include "os/address.hpp"
#include "os/control.hpp"
#include "os/extensions.hpp"
#include "os/posix_at_once.hpp"
#include "os/posix_iovec.hpp"

namespace coax::os {

int native_message_flags(message_flags flags) noexcept {
    int native = always;
    if (flags == message_flags::none) [[likely]]
        return native;
    if (contains(flags, message_flags::peek))
        native |= MSG_PEEK;
    if (contains(flags, message_flags::wait_all))
        native |= MSG_WAITALL;
    if (contains(flags, message_flags::out_of_band))
        native |= MSG_OOB;
    if (contains(flags, message_flags::dont_route))
        native |= MSG_DONTROUTE;
#if defined(MSG_MORE) && defined(COAX_LINUX_EXTENSIONS)
    if (contains(flags, message_flags::more))
        native |= MSG_MORE;
#endif
    return native;
}

outcome recv(native_handle handle, void* data, std::size_t size, message_flags flags) noexcept {
    return retried([=] { return ::recv(handle, data, limited(size), at_once(flags)); });
}

outcome send(native_handle handle, const void* data, std::size_t size, message_flags flags) noexcept {
    return retried([=] { return ::send(handle, data, limited(size), at_once(flags)); });
}

outcome recvfrom(native_handle handle, void* data, std::size_t size, message_flags flags, address& peer,
                 bool& truncated) noexcept {
    iovec piece{data, limited(size)};
    msghdr message{};
    message.msg_name = detail::native_address::storage(peer);
    message.msg_namelen = static_cast<socklen_t>(detail::native_address::capacity);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const outcome received = retried([&] { return ::recvmsg(handle, &message, at_once(flags)); });
    if (received.error == 0)
        commit_reported(peer, message.msg_namelen);
    truncated = (message.msg_flags & MSG_TRUNC) != 0;
    return received;
}

namespace {

#if defined(MSG_CMSG_CLOEXEC) && !defined(COAX_PORTABLE)
constexpr int closed_on_exec = MSG_CMSG_CLOEXEC;

void close_on_exec(std::span<const std::byte>, bool) noexcept {}
#else
constexpr int closed_on_exec = 0;

void close_on_exec(std::span<const std::byte> control, bool was_cut) noexcept {
    control_reader reader(control, was_cut);
    for (control_message message; reader.next(message);) {
        if (message.level != SOL_SOCKET || message.type != SCM_RIGHTS)
            continue;
        for (std::size_t at = 0; at + sizeof(int) <= message.data.size(); at += sizeof(int)) {
            int handle = -1;
            std::memcpy(&handle, message.data.data() + at, sizeof handle);
            set_cloexec(handle);
        }
    }
}
#endif

} // namespace

const int control_receive_flags = closed_on_exec;

outcome recvmsg(native_handle handle, incoming_message& into, message_flags flags) noexcept {
    iovec piece{into.data, limited(into.size)};
    msghdr message{};
    message.msg_name = detail::native_address::storage(*into.peer);
    message.msg_namelen = static_cast<socklen_t>(detail::native_address::capacity);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = into.control.data();
    message.msg_controllen = static_cast<decltype(message.msg_controllen)>(into.control.size());
    const outcome received = retried([&] { return ::recvmsg(handle, &message, at_once(flags) | closed_on_exec); });
    if (received.error != 0) {
        into.control = {};
        return received;
    }
    commit_reported(*into.peer, message.msg_namelen);
    into.truncated = (message.msg_flags & MSG_TRUNC) != 0;
    into.control_cut = (message.msg_flags & MSG_CTRUNC) != 0;
    into.control = into.control.first(std::min(static_cast<std::size_t>(message.msg_controllen), into.control.size()));
    close_on_exec(into.control, into.control_cut);
    return received;
}

outcome sendmsg(native_handle handle, std::span<const buffer_view> pieces, std::span<std::byte> control,
                const address& peer, message_flags flags) noexcept {
    if (const int error = usable_error(peer); error != 0)
        return {-1, error};
    msghdr message{};
    if (!peer.is_unnamed()) {
        // sendmsg(2) writes to none of this; msghdr has no const of its own.
        message.msg_name = const_cast<sockaddr*>(native_name(peer).data);
        message.msg_namelen = native_name(peer).size;
    }
    message.msg_iov = as_iovec(const_cast<buffer_view*>(pieces.data()));
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(pieces.size());
    if (!control.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = static_cast<decltype(message.msg_controllen)>(control.size());
    }
    return retried([&] { return ::sendmsg(handle, &message, at_once(flags)); });
}

outcome sendto(native_handle handle, const void* data, std::size_t size, message_flags flags,
               const address& peer) noexcept {
    if (const int error = usable_error(peer); error != 0)
        return {-1, error};
    const native_name to(peer);
    return retried([=] { return ::sendto(handle, data, limited(size), at_once(flags), to.data, to.size); });
}

outcome send_vector(native_handle handle, const buffer_view* pieces, std::size_t count, message_flags flags) noexcept {
    msghdr message{};
    // sendmsg(2) writes to none of this; msghdr has no const of its own.
    message.msg_iov = as_iovec(const_cast<buffer_view*>(pieces));
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
    if (count > IOV_MAX) {
        kind what{};
        if (kind_of(handle, what) != 0 || what == kind::datagram)
            return {-1, EMSGSIZE};
        message.msg_iovlen = IOV_MAX;
    }
    return retried([&] { return ::sendmsg(handle, &message, at_once(flags)); });
}

} // namespace coax::os

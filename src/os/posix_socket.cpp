// POSIX sockets from creation to close: open, name, listen, connect, accept.
#include "os/native.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "os/address.hpp"
#include "os/extensions.hpp"
#include "os/multicast.hpp"
#include "os/socket.hpp"

#if defined(COAX_LINUX_EXTENSIONS)
#include <linux/sockios.h> // SIOCOUTQ
#endif

namespace coax::os {

namespace {

// Where a socket can be created with its flags there is no moment in which a fork inherits it.
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK) && !defined(COAX_PORTABLE)
constexpr int creation_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

int accept_call(native_handle handle, sockaddr* peer, socklen_t* size) noexcept {
    return ::accept4(handle, peer, size, creation_flags);
}
#else
constexpr int creation_flags = 0;

int accept_call(native_handle handle, sockaddr* peer, socklen_t* size) noexcept { return ::accept(handle, peer, size); }
#endif

int no_sigpipe([[maybe_unused]] native_handle handle) noexcept {
#ifdef SO_NOSIGPIPE
    const int on = 1;
    return set_option(handle, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#else
    return 0;
#endif
}

// Gives a new descriptor what could not be asked for at its creation; closes it when that fails.
int complete(native_handle handle) noexcept {
    const int error = creation_flags != 0 ? no_sigpipe(handle) : prepare(handle);
    if (error != 0)
        close(handle);
    return error;
}

int add_flag(native_handle handle, int get, int set, int flag) noexcept {
    const int flags = ::fcntl(handle, get);
    if (flags == -1)
        return errno;
    return (flags & flag) != 0 ? 0 : error_of(::fcntl(handle, set, flags | flag));
}

using name_call = int (*)(int, sockaddr*, socklen_t*);

int name_by(name_call call, native_handle handle, address& name) noexcept {
    auto size = static_cast<socklen_t>(detail::native_address::capacity);
    void* const storage = detail::native_address::storage(name);
    const int error = error_of(call(handle, static_cast<sockaddr*>(storage), &size));
    if (error == 0)
        commit_reported(name, size);
    return error;
}

int get_int(native_handle handle, int name, int& value) noexcept {
    std::size_t size = sizeof value;
    return get_option(handle, SOL_SOCKET, name, &value, size);
}

} // namespace

outcome open(family f, kind k, int protocol) noexcept {
    const int handle = ::socket(native_family(f), native_kind(k) | creation_flags, protocol);
    if (handle == -1)
        return {-1, errno};
    if (const int error = complete(handle); error != 0)
        return {-1, error};
    if (k == kind::datagram)
        keep_to_own_groups(handle, f);
    return {handle, 0};
}

const family pair_family = family::local;

int pair(kind k, native_handle (&ends)[2]) noexcept {
    native_handle made[2];
    if (::socketpair(AF_UNIX, native_kind(k) | creation_flags, 0, made) == -1)
        return errno;
    const int first = complete(made[0]);
    const int second = complete(made[1]);
    if (first != 0 || second != 0) {
        if (first == 0)
            close(made[0]);
        if (second == 0)
            close(made[1]);
        return first != 0 ? first : second;
    }
    ends[0] = made[0];
    ends[1] = made[1];
    return 0;
}

int connect(native_handle handle, const address& peer) noexcept {
    if (const int error = usable_error(peer); error != 0)
        return error;
    const native_name to(peer);
    const int error = error_of(::connect(handle, to.data, to.size));
    // An interrupted connect goes on by itself, and calling again would fail with EALREADY (POSIX connect(3p)).
    return error == EINTR ? EINPROGRESS : error;
}

int connect_result(native_handle handle) noexcept {
    int pending = 0;
    if (const int error = get_int(handle, SO_ERROR, pending); error != 0)
        return error;
#ifdef __linux__
    // Linux takes the attempt for over only when connect(2) is called again: the next one would fail with ECONNABORTED. This address
    // begins nothing.
    if (pending != 0) {
        sockaddr none{};
        none.sa_family = AF_UNSPEC;
        ::connect(handle, &none, sizeof none);
    }
#endif
    return pending;
}

outcome accept(native_handle handle, address* peer) noexcept {
    for (;;) {
        address from;
        auto size = static_cast<socklen_t>(detail::native_address::capacity);
        void* const storage = detail::native_address::storage(from);
        const int accepted = accept_call(handle, static_cast<sockaddr*>(storage), &size);
        if (accepted == -1) {
            if (errno == EINTR || is_stale_connection(errno))
                continue;
            return {-1, errno};
        }
        // Where this can fail, it does so for a connection that was reset in the queue (macOS: EINVAL).
        if (complete(accepted) != 0)
            continue;
        if (peer != nullptr) {
            commit_reported(from, size);
            *peer = from;
        }
        return {accepted, 0};
    }
}

bool is_stale_connection(int accept_error) noexcept {
    switch (accept_error) {
    case ECONNABORTED:
    case EPROTO:
#ifdef __linux__
    // accept(2): errors already pending on the new connection. EOPNOTSUPP, which is in that list too, is left out: it
    // is also what a socket that cannot listen gives, again and again.
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
#endif
        return true;
    default:
        return false;
    }
}

int shutdown(native_handle handle, shutdown_how how) noexcept {
    int native = SHUT_RDWR;
    switch (how) {
    case shutdown_how::read:
        native = SHUT_RD;
        break;
    case shutdown_how::write:
        native = SHUT_WR;
        break;
    case shutdown_how::both:
        break;
    }
    return error_of(::shutdown(handle, native));
}

std::int64_t unacknowledged([[maybe_unused]] native_handle handle) noexcept {
    int bytes = -1;
#if defined(COAX_LINUX_EXTENSIONS)
    if (::ioctl(handle, SIOCOUTQ, &bytes) != 0)
        return -1;
#elif defined(FIONWRITE)
    if (::ioctl(handle, FIONWRITE, &bytes) != 0)
        return -1;
#elif defined(SO_NWRITE)
    std::size_t size = sizeof bytes;
    if (get_option(handle, SOL_SOCKET, SO_NWRITE, &bytes, size) != 0)
        return -1;
#endif
    return bytes;
}

int close(native_handle handle) noexcept {
    const int error = error_of(::close(handle));
    // The descriptor is released all the same (Linux close(2)); a second call could hit another thread's new one.
    return error == EINTR || error == EINPROGRESS ? 0 : error;
}

int getsockname(native_handle handle, address& name) noexcept { return name_by(&::getsockname, handle, name); }

int getpeername(native_handle handle, address& name) noexcept { return name_by(&::getpeername, handle, name); }

int prepare(native_handle handle) noexcept {
    if (const int error = set_cloexec(handle); error != 0)
        return error;
    if (const int error = set_nonblocking(handle); error != 0)
        return error;
    return no_sigpipe(handle);
}

int set_nonblocking(native_handle handle) noexcept { return add_flag(handle, F_GETFL, F_SETFL, O_NONBLOCK); }

int set_blocking(native_handle handle) noexcept {
    const int flags = ::fcntl(handle, F_GETFL);
    return flags == -1 ? errno : error_of(::fcntl(handle, F_SETFL, flags & ~O_NONBLOCK));
}

bool is_blocking(native_handle handle) noexcept {
    const int flags = ::fcntl(handle, F_GETFL);
    return flags != -1 && (flags & O_NONBLOCK) == 0;
}

int set_cloexec(native_handle handle) noexcept { return add_flag(handle, F_GETFD, F_SETFD, FD_CLOEXEC); }

int family_of(native_handle handle, family& result) noexcept {
    int native = AF_UNSPEC;
#if defined(SO_DOMAIN) && !defined(COAX_PORTABLE)
    const int error = get_int(handle, SO_DOMAIN, native);
#else
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    const int error = error_of(::getsockname(handle, reinterpret_cast<sockaddr*>(&name), &size));
    native = name.ss_family;
#endif
    if (error != 0)
        return error;
    return family_from(native, result);
}

} // namespace coax::os

// The system call that fails: this program's own functions stand in front of the C library's, for the library that is linked with it. What liburing
// does is not seen.
#include "faults.hpp"

#include <atomic>
#include <cerrno>
#include <initializer_list>
#include <string>

#include <dlfcn.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace {

std::atomic<bool> armed{false};
std::atomic<std::size_t> passed{0};
fault::plan now;
std::atomic<const char*> last_name{""};
std::atomic<int> last_error{0};
std::atomic<std::size_t> ways{0};

/// Whether this call is the one; then errno says why it fails.
bool fails(const char* name, std::initializer_list<int> errors) noexcept {
    if (!armed.load(std::memory_order_relaxed))
        return false;
    const std::size_t number = ++passed;
    if (number < now.first || number >= now.first + now.failing)
        return false;
    if (now.variant >= errors.size())
        return false;
    ways = errors.size();
    last_name = name;
    last_error = errno = errors.begin()[now.variant];
    return true;
}

template <class Function>
Function* real(const char* name) noexcept {
    void* const found = ::dlsym(RTLD_NEXT, name);
    return reinterpret_cast<Function*>(found);
}

} // namespace

const fault::kind fault::system_calls{
    [](const plan& which) {
        passed = 0;
        now = which;
        ways = 0;
        armed = true;
    },
    [] {
        armed = false;
        return passed.load() >= now.first;
    },
    [] { return std::string(last_name.load()) + " gives " + std::to_string(last_error.load()); },
    [] { return ways.load(); },
    1, // a ring makes the others
};

// NOLINTBEGIN(readability-identifier-naming)
#define COAX_STAND_IN(result, name, parameters, arguments, ...)   \
    extern "C" result name parameters {                           \
        static auto* const next = real<result parameters>(#name); \
        if (fails(#name, {__VA_ARGS__}))                          \
            return -1;                                            \
        return next arguments;                                    \
    }

COAX_STAND_IN(int, socket, (int a, int b, int c) noexcept, (a, b, c), EMFILE, ENOBUFS, EACCES)
COAX_STAND_IN(int, socketpair, (int a, int b, int c, int* d) noexcept, (a, b, c, d), EMFILE, ENOMEM)
COAX_STAND_IN(int, bind, (int a, const sockaddr* b, socklen_t c) noexcept, (a, b, c), EADDRINUSE, EACCES)
COAX_STAND_IN(int, listen, (int a, int b) noexcept, (a, b), EADDRINUSE)
COAX_STAND_IN(int, accept4, (int a, sockaddr* b, socklen_t* c, int d), (a, b, c, d), EMFILE, ENFILE, ENOBUFS, ENOMEM,
              ECONNABORTED, EPROTO, EINTR)
COAX_STAND_IN(int, connect, (int a, const sockaddr* b, socklen_t c), (a, b, c), ECONNREFUSED, ETIMEDOUT, ENETUNREACH,
              EADDRNOTAVAIL)
COAX_STAND_IN(ssize_t, recv, (int a, void* b, size_t c, int d), (a, b, c, d), ECONNRESET, ETIMEDOUT, ENOMEM, EINTR)
COAX_STAND_IN(ssize_t, recvfrom, (int a, void* b, size_t c, int d, sockaddr* e, socklen_t* f), (a, b, c, d, e, f),
              ECONNREFUSED, ENOMEM, EINTR)
COAX_STAND_IN(ssize_t, recvmsg, (int a, msghdr* b, int c), (a, b, c), ECONNRESET, ENOMEM, EINTR)
COAX_STAND_IN(ssize_t, send, (int a, const void* b, size_t c, int d), (a, b, c, d), EPIPE, ECONNRESET, ENOBUFS, ENOMEM,
              EINTR)
COAX_STAND_IN(ssize_t, sendto, (int a, const void* b, size_t c, int d, const sockaddr* e, socklen_t f),
              (a, b, c, d, e, f), EPERM, ENETUNREACH, ENOMEM, EINTR)
COAX_STAND_IN(ssize_t, sendmsg, (int a, const msghdr* b, int c), (a, b, c), EPIPE, ENOBUFS, ENOMEM, EINTR)
COAX_STAND_IN(int, recvmmsg, (int a, mmsghdr* b, unsigned c, int d, timespec* e), (a, b, c, d, e), ECONNREFUSED, ENOMEM,
              EPERM, EINTR)
COAX_STAND_IN(int, sendmmsg, (int a, mmsghdr* b, unsigned c, int d), (a, b, c, d), EPERM, ENOBUFS, ENOMEM, EINTR)
COAX_STAND_IN(int, getsockname, (int a, sockaddr* b, socklen_t* c) noexcept, (a, b, c), ENOBUFS)
COAX_STAND_IN(int, getpeername, (int a, sockaddr* b, socklen_t* c) noexcept, (a, b, c), ENOTCONN, ENOBUFS)
COAX_STAND_IN(int, getsockopt, (int a, int b, int c, void* d, socklen_t* e) noexcept, (a, b, c, d, e), ENOBUFS)
COAX_STAND_IN(int, setsockopt, (int a, int b, int c, const void* d, socklen_t e) noexcept, (a, b, c, d, e), ENOMEM)
COAX_STAND_IN(int, shutdown, (int a, int b) noexcept, (a, b), ENOTCONN)
COAX_STAND_IN(int, getifaddrs, (ifaddrs * *a) noexcept, (a), ENOMEM, EMFILE)
COAX_STAND_IN(int, epoll_create1, (int a) noexcept, (a), EMFILE, ENOMEM)
COAX_STAND_IN(int, epoll_ctl, (int a, int b, int c, epoll_event* d) noexcept, (a, b, c, d), ENOMEM, ENOSPC)
COAX_STAND_IN(int, epoll_wait, (int a, epoll_event* b, int c, int d), (a, b, c, d), EINTR)
COAX_STAND_IN(int, ppoll, (pollfd * a, nfds_t b, const timespec* c, const sigset_t* d), (a, b, c, d), EINTR)
COAX_STAND_IN(int, eventfd, (unsigned a, int b) noexcept, (a, b), EMFILE, ENOMEM)
// NOLINTEND(readability-identifier-naming)

#include "support/system.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace support {

bool wait_readable(coax::native_handle handle) {
    pollfd entry{handle, POLLIN, 0};
    return ::poll(&entry, 1, 5000) == 1;
}

std::ptrdiff_t receive_raw(coax::native_handle handle, void* into, std::size_t size, bool peek) {
    return ::recv(handle, into, size, peek ? MSG_PEEK : 0);
}

std::ptrdiff_t send_raw(coax::native_handle handle, const void* from, std::size_t size) {
    return ::send(handle, from, size, 0);
}

coax::native_handle accept_raw(coax::native_handle handle) { return ::accept(handle, nullptr, nullptr); }

coax::native_handle connect_raw(const coax::address& name, int& error) {
    const auto* native = static_cast<const sockaddr*>(coax::detail::native_address::data(name));
    const int handle = ::socket(native->sa_family, SOCK_STREAM, 0);
    error = 0;
    if (handle != -1 &&
        ::connect(handle, native, static_cast<socklen_t>(coax::detail::native_address::size(name))) == 0)
        return handle;
    error = errno;
    ::close(handle);
    return no_handle;
}

bool close_raw(coax::native_handle handle) { return ::close(handle) == 0; }

bool is_non_blocking(coax::native_handle handle) { return (::fcntl(handle, F_GETFL) & O_NONBLOCK) != 0; }

bool is_closed_on_exec(coax::native_handle handle) { return (::fcntl(handle, F_GETFD) & FD_CLOEXEC) != 0; }

int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 4096; ++fd)
        count += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
    return count;
}

const int one_signal = SIGUSR1;
const int other_signal = SIGUSR2;
const int pipe_signal = SIGPIPE;

bool is_default(int signal) {
    struct sigaction now{};
    return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

bool leaves_signals_to_others() {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (const int blocked : {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGUSR1, SIGPIPE})
        if (sigismember(&mask, blocked) != 1)
            return false;
    return sigismember(&mask, SIGSEGV) == 0;
}

bool takes_signals() {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, SIGTERM) == 0;
}

void set_environment(const char* name, const char* value) {
    if (value != nullptr)
        ::setenv(name, value, 1);
    else
        ::unsetenv(name);
}

std::vector<coax::address> link_local_addresses() {
    std::vector<coax::address> found;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return found;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(list, &::freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET6 || (entry->ifa_flags & IFF_UP) == 0)
            continue;
        sockaddr_in6 native{};
        std::memcpy(&native, entry->ifa_addr, sizeof native);
        if (IN6_IS_ADDR_LINKLOCAL(&native.sin6_addr))
            found.push_back(coax::detail::native_address::make(&native, sizeof native));
    }
    return found;
}

std::vector<std::pair<std::string, unsigned>> interfaces() {
    std::vector<std::pair<std::string, unsigned>> found;
    struct if_nameindex* const all = ::if_nameindex();
    if (all == nullptr)
        return found;
    for (const auto* one = all; one->if_index != 0; ++one)
        found.emplace_back(one->if_name, one->if_index);
    ::if_freenameindex(all);
    return found;
}

} // namespace support

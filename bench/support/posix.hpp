// What the hand-written servers share and do not measure: making the listening socket, saying where it listens, and
// turning the signal to end into a descriptor.
#pragma once

#include "udp_receive_buffer.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

/// Throws what errno says when `result` is negative; gives it back otherwise.
inline int check(int result, const char* what) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return result;
}

/// The same for calls that give a size.
inline ssize_t check_size(ssize_t result, const char* what) {
    check(result < 0 ? -1 : 0, what);
    return result;
}

/// The one line that a program which starts the server waits for.
inline void announce(int port) {
    std::printf("listening on 127.0.0.1:%d\n", port);
    std::fflush(stdout);
}

/// Binds to 127.0.0.1; gives the port, which for 0 is the system's choice.
inline int bind_to_loopback(int fd, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    check(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    socklen_t size = sizeof address;
    check(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    return ntohs(address.sin_port);
}

/// A non-blocking socket listening on 127.0.0.1; announces its port. Accepted sockets inherit TCP_NODELAY from it.
inline int listen_on_loopback(int port, int backlog) {
    const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    const int chosen = bind_to_loopback(fd, port);
    check(listen(fd, backlog), "listen");
    announce(chosen);
    return fd;
}

/// A blocking UDP socket on 127.0.0.1; announces its port.
inline int bind_on_loopback(int port) {
    const int fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    check(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &udp_receive_buffer, sizeof udp_receive_buffer), "SO_RCVBUF");
    announce(bind_to_loopback(fd, port));
    return fd;
}

/// SIGTERM and SIGINT end the process with status 0, wherever it is: for servers that wait in a call which blocks.
inline void end_at_once_on_signal() {
    struct sigaction action{};
    action.sa_handler = [](int) { _exit(0); };
    check(sigaction(SIGTERM, &action, nullptr), "sigaction");
    check(sigaction(SIGINT, &action, nullptr), "sigaction");
}

/// A descriptor that becomes readable when SIGINT or SIGTERM arrives; they no longer end the process by themselves.
inline int termination_fd() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    check(sigprocmask(SIG_BLOCK, &signals, nullptr), "sigprocmask");
    return check(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd");
}

} // namespace bench

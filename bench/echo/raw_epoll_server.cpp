// Echo server, written by hand on epoll: edge-triggered, one thread, one shared buffer, no allocation while peers read
// what they are sent. The yardstick for the readiness backend.
#include "../support/end_with_stdin.hpp"
#include "../support/posix.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <cstddef>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

namespace {

constexpr int backlog = 4096;

struct connection {
    int fd;
    std::vector<char> unsent{}; // what the socket did not take yet; while there is something, nothing more is read
};

class server {
public:
    server(int port, std::size_t receive_size)
        : epoll_(bench::check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), termination_(bench::termination_fd()),
          buffer_(receive_size) {
        add(termination_, EPOLLIN, &termination_);
        bench::end_with_stdin();
        listener_ = bench::listen_on_loopback(port, backlog);
        add(listener_, EPOLLIN, &listener_);
    }

    void run() {
        std::array<epoll_event, 256> events;
        for (;;) {
            const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            if (count < 0 && errno != EINTR) {
                bench::check(count, "epoll_wait");
            }
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                if (event.data.ptr == &termination_) {
                    return;
                }
                if (event.data.ptr == &listener_) {
                    accept_all();
                    continue;
                }
                auto* conn = static_cast<connection*>(event.data.ptr);
                if (!echo(*conn, (event.events & EPOLLRDHUP) != 0)) {
                    close(conn->fd);
                    delete conn;
                }
            }
        }
    }

private:
    void add(int fd, unsigned events, void* tag) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = tag;
        bench::check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }

    void accept_all() {
        for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
            add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, new connection{fd});
        }
    }

    // False when the connection is over.
    bool echo(connection& conn, bool peer_has_ended) {
        if (!conn.unsent.empty() && !flush(conn)) {
            return errno == EAGAIN;
        }
        for (;;) {
            const ssize_t size = recv(conn.fd, buffer_.data(), buffer_.size(), 0);
            if (size <= 0) {
                return size < 0 && errno == EAGAIN;
            }
            const auto received = static_cast<std::size_t>(size);
            const ssize_t sent = send(conn.fd, buffer_.data(), received, MSG_NOSIGNAL);
            if (sent != size) {
                if (sent < 0 && errno != EAGAIN) {
                    return false;
                }
                conn.unsent.assign(buffer_.data() + (sent < 0 ? 0 : sent), buffer_.data() + received);
                return true;
            }
            // A short read emptied the socket, and the next byte gives a new edge; an end of stream that came with
            // this one gives none.
            if (received < buffer_.size() && !peer_has_ended) {
                return true;
            }
        }
    }

    static bool flush(connection& conn) {
        while (!conn.unsent.empty()) {
            const ssize_t sent = send(conn.fd, conn.unsent.data(), conn.unsent.size(), MSG_NOSIGNAL);
            if (sent < 0) {
                return false;
            }
            conn.unsent.erase(conn.unsent.begin(), conn.unsent.begin() + sent);
        }
        return true;
    }

    int epoll_;
    int termination_;
    int listener_ = -1;
    std::vector<char> buffer_;
};

} // namespace

int main(int argc, char** argv) {
    CLI::App app("echo server on raw epoll");
    int port = 0;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    std::size_t receive_size = 4096;
    app.add_option("--receive-size", receive_size, "bytes that are received at a time")->check(CLI::Range(1, 1 << 24));
    CLI11_PARSE(app, argc, argv);
    try {
        server(port, receive_size).run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "raw_epoll_server: %s\n", error.what());
        return 1;
    }
}

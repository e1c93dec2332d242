// The connections of the echo load: keeps a fixed number of messages on their way on each, checks every byte that comes
// back, and takes the time of every message. One thread on plain epoll, edge-triggered, that does per message nothing
// beyond one send and one receive: the server is what should be busy. The loop is closed: an echo is answered by the
// next message.
#pragma once

#include "../support/load.hpp"
#include "../support/pattern.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

class load_connections final : public load {
public:
    /// Connects them all; throws `std::system_error` if that does not succeed within seconds.
    explicit load_connections(const load_options& options)
        : load(options), epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
          times_(options.connections * options.in_flight) {
        const auto limit = load_clock::now() + connect_limit;
        connections_.reserve(options_.connections);
        for (std::size_t i = 0; i < options_.connections; ++i) {
            const int fd = connect_one(limit);
            connections_.push_back({fd, pattern(options_.seed + i), &times_[i * options_.in_flight]});
            epoll_event event{};
            event.events = EPOLLIN | EPOLLOUT | EPOLLET;
            event.data.u64 = i;
            check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
        }
        live_ = connections_.size();
    }

    void start() override {
        const auto time = load_clock::now();
        std::fill(times_.begin(), times_.end(), time);
        for (connection& conn : connections_) {
            conn.due = options_.in_flight * options_.size;
            flush(conn);
        }
    }

    /// Waits for what is on its way, ends every connection, and sees the server end it too without a byte too many.
    void finish() override {
        ending_ = true;
        const auto limit = load_clock::now() + stall_limit;
        bool shut = false;
        for (auto time = load_clock::now(); live_ > 0 && time < limit; time = load_clock::now()) {
            if (!shut && std::all_of(connections_.begin(), connections_.end(), is_quiet)) {
                shut = true;
                for (connection& conn : connections_) {
                    shutdown(conn.fd, SHUT_WR);
                }
            }
            turn(std::min<load_clock::duration>(limit - time, std::chrono::milliseconds(20)));
        }
        for (connection& conn : connections_) {
            if (conn.fd >= 0) {
                drop(conn, is_quiet(conn) ? "the server did not end the connection" : "an echo never came");
            }
        }
    }

    double evenness() const override { return jain_index(connections_); }

private:
    static constexpr std::chrono::seconds connect_limit{10};

    struct connection {
        int fd; // -1 once it is over
        pattern bytes;
        load_clock::time_point* sent_at; // a ring, one time for each message on its way
        std::size_t oldest = 0;          // the place in that ring of the message that comes back next
        std::size_t partial = 0;         // how much of that message is back
        std::uint64_t due = 0;           // positions in the stream: to be sent up to here,
        std::uint64_t sent = 0;          // sent up to here,
        std::uint64_t received = 0;      // echoed and checked up to here
        std::uint64_t messages = 0;      // came back in the last exchange
    };

    void forget() override {
        for (connection& conn : connections_) {
            conn.messages = 0;
        }
    }

    bool is_alive() const override { return live_ > 0; }

    int connect_one(load_clock::time_point limit) const {
        const int fd =
            check(socket(options_.peer.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        const int on = 1;
        check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        if (connect(fd, options_.peer.get(), options_.peer.size) != 0) {
            check(errno == EINPROGRESS ? 0 : -1, "connect");
            pollfd writable{fd, POLLOUT, 0};
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - load_clock::now());
            int error = ETIMEDOUT;
            if (poll(&writable, 1, std::max(static_cast<int>(left.count()), 0)) == 1) {
                socklen_t size = sizeof error;
                check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
            }
            if (error != 0) {
                throw std::system_error(error, std::generic_category(), "connect");
            }
        }
        return fd;
    }

    int turn(load_clock::duration wait) override {
        std::array<epoll_event, 256> events;
        const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
        const int count =
            epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), std::max(static_cast<int>(timeout), 0));
        check(count < 0 && errno == EINTR ? 0 : count, "epoll_wait");
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            connection& conn = connections_[event.data.u64];
            if (conn.fd >= 0 && (event.events & ~unsigned{EPOLLOUT}) != 0) {
                receive(conn);
            }
            if (conn.fd >= 0 && conn.sent < conn.due) {
                flush(conn);
            }
        }
        return count;
    }

    void receive(connection& conn) {
        for (;;) {
            const ssize_t size = recv(conn.fd, incoming_.data(), incoming_.size(), 0);
            if (size <= 0) {
                receive_nothing(conn, size == 0 ? 0 : errno);
                return;
            }
            const auto count = static_cast<std::size_t>(size);
            if (conn.received + count > conn.sent) {
                return drop(conn, "more bytes came back than were sent");
            }
            conn.bytes.fill(conn.received, std::span(expected_).first(count));
            if (std::memcmp(incoming_.data(), expected_.data(), count) != 0) {
                return drop(conn, "an echo differs from what was sent");
            }
            take(conn, count);
            // A short read emptied the socket: the next byte gives a new edge. An end of stream right behind may not.
            if (conn.fd < 0 || (count < incoming_.size() && !ending_)) {
                return;
            }
        }
    }

    void receive_nothing(connection& conn, int error) {
        if (error == 0) {
            drop(conn, ending_ && is_quiet(conn) ? nullptr : "the server ended the connection");
        } else if (error != EAGAIN) {
            drop(conn, std::strerror(error));
        }
    }

    // Takes the time of every message that these bytes complete; the next message takes its place.
    void take(connection& conn, std::size_t count) {
        const auto time = load_clock::now();
        conn.received += count;
        conn.partial += count;
        while (conn.partial >= options_.size) {
            conn.partial -= options_.size;
            record(time - conn.sent_at[conn.oldest]);
            ++conn.messages;
            conn.sent_at[conn.oldest] = time;
            conn.oldest = conn.oldest + 1 == options_.in_flight ? 0 : conn.oldest + 1;
            conn.due += ending_ ? 0 : options_.size;
        }
        flush(conn);
    }

    void flush(connection& conn) {
        while (conn.sent < conn.due) {
            const auto count = std::min<std::uint64_t>(conn.due - conn.sent, outgoing_.size());
            conn.bytes.fill(conn.sent, std::span(outgoing_).first(count));
            const ssize_t size = send(conn.fd, outgoing_.data(), count, MSG_NOSIGNAL);
            if (size < 0) {
                if (errno != EAGAIN) {
                    drop(conn, std::strerror(errno));
                }
                return;
            }
            conn.sent += static_cast<std::uint64_t>(size);
        }
    }

    static bool is_quiet(const connection& conn) { return conn.fd < 0 || conn.received == conn.due; }

    void drop(connection& conn, const char* error) {
        if (error != nullptr) {
            note_error(error);
        }
        close(conn.fd);
        conn.fd = -1;
        --live_;
    }

    int epoll_;
    std::vector<load_clock::time_point> times_;
    std::vector<connection> connections_;
    std::size_t live_ = 0;
    bool ending_ = false;
    std::array<std::byte, 65536> incoming_;
    std::array<std::byte, 65536> expected_;
    std::array<std::byte, 65536> outgoing_;
};

} // namespace bench

// The connections of the churn load: each is made, has one message echoed, is ended by both sides, and is followed by the
// next one. A connection counts when the server's end of stream has been seen, so no server can put its closing off.
//
// The client ends first, so the ports that rest in TIME_WAIT are its own. They would run out within seconds: so clients
// take turns with many addresses of the loopback network, which have a range of ports each. (Linux also takes a port on the
// loopback interface again after a second, and has a limit for how many rest.) They keep to a part of the system's range,
// where it lets them: a port that rests on any address cannot be bound to on all addresses, by whatever else runs here.
#pragma once

#include "../support/load.hpp"
#include "../support/pattern.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

class load_churn final : public load {
public:
    explicit load_churn(const load_options& options)
        : load(options), epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), lanes_(options.connections),
          incoming_(options.size + 1), outgoing_(options.size) {}

    void start() override {
        for (lane& on : lanes_) {
            connect_next(on);
        }
    }

    void finish() override {
        ending_ = true;
        const auto limit = load_clock::now() + stall_limit;
        for (auto time = load_clock::now(); live_ > 0; time = load_clock::now()) {
            if (time >= limit) {
                return note_error("a connection was never over");
            }
            turn(std::min<load_clock::duration>(limit - time, std::chrono::milliseconds(20)));
        }
    }

    double evenness() const override { return jain_index(lanes_); }

private:
    static constexpr std::uint32_t source_addresses = 64;
    static constexpr std::uint32_t first_port = 32768;
    static constexpr std::uint32_t last_port = first_port + 8191;
    static constexpr int local_port_range = 51; // IP_LOCAL_PORT_RANGE, Linux 6.3: the last port in the upper half

    /// One connection after the other.
    struct lane {
        int fd = -1;
        std::uint64_t number = 0; // of the connection, which fixes its bytes
        std::size_t sent = 0;
        std::size_t received = 0;
        load_clock::time_point began{};
        std::uint64_t messages = 0; // connections that came to their end in the last exchange
    };

    void forget() override {
        for (lane& on : lanes_) {
            on.messages = 0;
        }
    }

    bool is_alive() const override { return live_ > 0; }

    void connect_next(lane& on) {
        on.number = next_number_++;
        on.sent = on.received = 0;
        on.began = load_clock::now();
        on.fd = check(socket(options_.peer.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        ++live_;
        if (options_.peer.storage.ss_family == AF_INET) {
            choose_source(on);
        }
        if (connect(on.fd, options_.peer.get(), options_.peer.size) != 0 && errno != EINPROGRESS) {
            return drop(on, std::strerror(errno));
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &on;
        check(epoll_ctl(epoll_, EPOLL_CTL_ADD, on.fd, &event), "epoll_ctl");
        send_rest(on); // on the loopback interface the connection is mostly there by now
    }

    // 127.0.1.1 and following. The port is chosen when the socket connects, so it need only be free towards this server.
    void choose_source(const lane& on) {
        const int yes = 1;
        check(setsockopt(on.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes), "IP_BIND_ADDRESS_NO_PORT");
        const std::uint32_t ports = last_port << 16 | first_port;
        setsockopt(on.fd, IPPROTO_IP, local_port_range, &ports, sizeof ports);
        sockaddr_in source{};
        source.sin_family = AF_INET;
        source.sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + 256 + static_cast<std::uint32_t>(on.number % source_addresses));
        check(bind(on.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source), "bind");
    }

    int turn(load_clock::duration wait) override {
        std::array<epoll_event, 256> events;
        const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
        const int count =
            epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), std::max(static_cast<int>(timeout), 0));
        check(count < 0 && errno == EINTR ? 0 : count, "epoll_wait");
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            lane& on = *static_cast<lane*>(event.data.ptr);
            if (on.sent < options_.size) {
                send_rest(on);
            }
            if (on.fd >= 0 && (event.events & ~unsigned{EPOLLOUT}) != 0) {
                receive(on);
            }
            if (on.fd < 0 && !ending_) {
                connect_next(on);
            }
        }
        return count;
    }

    void send_rest(lane& on) {
        pattern(options_.seed + on.number).fill(0, outgoing_);
        const ssize_t size = send(on.fd, &outgoing_[on.sent], options_.size - on.sent, MSG_NOSIGNAL);
        if (size >= 0) {
            on.sent += static_cast<std::size_t>(size);
        } else if (errno != EAGAIN) {
            drop(on, std::strerror(errno));
        }
    }

    void receive(lane& on) {
        while (on.fd >= 0) {
            const ssize_t size = recv(on.fd, incoming_.data(), incoming_.size(), 0);
            if (size < 0) {
                if (errno != EAGAIN) {
                    drop(on, std::strerror(errno));
                }
                return;
            }
            if (size == 0) {
                return end(on);
            }
            take(on, std::span(incoming_).first(static_cast<std::size_t>(size)));
        }
    }

    void take(lane& on, std::span<const std::byte> echo) {
        if (on.received + echo.size() > on.sent) {
            return drop(on, "more bytes came back than were sent");
        }
        std::vector<std::byte>& expected = outgoing_;
        pattern(options_.seed + on.number).fill(on.received, std::span(expected).first(echo.size()));
        if (std::memcmp(echo.data(), expected.data(), echo.size()) != 0) {
            return drop(on, "an echo differs from what was sent");
        }
        on.received += echo.size();
        if (on.received == options_.size) {
            shutdown(on.fd, SHUT_WR);
        }
    }

    void end(lane& on) {
        if (on.received != options_.size) {
            return drop(on, "the server ended the connection");
        }
        record(load_clock::now() - on.began);
        ++on.messages;
        drop(on, nullptr);
    }

    void drop(lane& on, const char* error) {
        if (error != nullptr) {
            note_error(error);
        }
        close(on.fd);
        on.fd = -1;
        --live_;
    }

    int epoll_;
    std::vector<lane> lanes_;
    std::size_t live_ = 0;
    std::uint64_t next_number_ = 0;
    bool ending_ = false;
    std::vector<std::byte> incoming_;
    std::vector<std::byte> outgoing_;
};

} // namespace bench

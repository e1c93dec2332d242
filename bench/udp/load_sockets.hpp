// The sockets of the UDP load: keeps a fixed number of datagrams on their way from each, checks every byte of every echo,
// and takes the time of each. A datagram that does not come back for a while is sent again and counted: the loopback
// interface drops what finds a full socket buffer. One thread on epoll that takes and sends datagrams in batches, so that
// it costs less than any server.
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

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

/// A datagram begins with its number; a slot sends the numbers that leave the same rest modulo the number of slots.
class load_sockets final : public load {
public:
    explicit load_sockets(const load_options& options)
        : load(options), epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), incoming_(batch * options.size),
          outgoing_(batch * options.size), expected_(options.size) {
        if (options.size < sizeof(std::uint64_t) || options.size > largest) {
            throw std::system_error(EMSGSIZE, std::generic_category(), "a datagram has 8 to 65507 bytes");
        }
        for (std::size_t i = 0; i < options_.connections; ++i) {
            const int fd =
                check(socket(options_.peer.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
            check(connect(fd, options_.peer.get(), options_.peer.size), "connect");
            channels_.push_back({fd, pattern(options_.seed + i), std::vector<slot>(options_.in_flight)});
            epoll_event event{};
            event.events = EPOLLIN | EPOLLET;
            event.data.u64 = i;
            check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
        }
        for (std::size_t i = 0; i < batch; ++i) {
            pieces_in_[i] = {&incoming_[i * options_.size], options_.size};
            pieces_out_[i] = {&outgoing_[i * options_.size], options_.size};
            received_[i].msg_hdr.msg_iov = &pieces_in_[i];
            received_[i].msg_hdr.msg_iovlen = 1;
            sent_[i].msg_hdr.msg_iov = &pieces_out_[i];
            sent_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    void start() override {
        for (channel& from : channels_) {
            for (std::size_t i = 0; i < from.slots.size(); ++i) {
                post(from, i, i, load_clock::now());
            }
            flush(from);
        }
    }

    /// Waits until every datagram on its way has come back, sent again where it has to be.
    void finish() override {
        ending_ = true;
        const auto limit = load_clock::now() + stall_limit;
        for (auto time = load_clock::now(); on_their_way() > 0; time = load_clock::now()) {
            if (time >= limit) {
                note_error("an echo never came");
                return;
            }
            turn(std::min<load_clock::duration>(limit - time, sweep_interval));
        }
    }

    double evenness() const override { return jain_index(channels_); }
    std::uint64_t resent() const override { return resent_; }

private:
    static constexpr std::size_t batch = 64;
    static constexpr std::size_t largest = 65507;
    static constexpr std::chrono::milliseconds sweep_interval{10};
    static constexpr std::chrono::milliseconds lost_after{200};

    struct slot {
        std::uint64_t number = 0; // of the datagram that is on its way
        bool waiting = false;
        bool was_resent = false; // once it was, its datagrams may come twice
        load_clock::time_point first_sent{};
        load_clock::time_point last_sent{};
    };

    struct channel {
        int fd;
        pattern bytes;
        std::vector<slot> slots;
        std::uint64_t messages = 0; // came back in the last exchange
    };

    void forget() override {
        resent_ = 0;
        for (channel& from : channels_) {
            from.messages = 0;
        }
    }

    int turn(load_clock::duration wait) override {
        std::array<epoll_event, 256> events;
        const auto timeout =
            std::chrono::ceil<std::chrono::milliseconds>(std::min<load_clock::duration>(wait, sweep_interval));
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                     std::max(static_cast<int>(timeout.count()), 0));
        check(count < 0 && errno == EINTR ? 0 : count, "epoll_wait");
        for (int i = 0; i < count; ++i) {
            receive(channels_[events[static_cast<std::size_t>(i)].data.u64]);
        }
        sweep();
        return count;
    }

    void receive(channel& from) {
        for (;;) {
            const int count = recvmmsg(from.fd, received_.data(), batch, 0, nullptr);
            if (count < 0) {
                if (errno != EAGAIN) {
                    note_error(std::strerror(errno));
                }
                return;
            }
            const auto time = load_clock::now();
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                take(from, {&incoming_[i * options_.size], received_[i].msg_len},
                     (received_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0, time);
            }
            flush(from);
            if (count < static_cast<int>(batch)) { // emptied: the next datagram gives a new edge
                return;
            }
        }
    }

    void take(channel& from, std::span<const std::byte> echo, bool truncated, load_clock::time_point time) {
        if (truncated || echo.size() != options_.size) {
            return note_error("an echo has another size than what was sent");
        }
        std::uint64_t number = 0;
        std::memcpy(&number, echo.data(), sizeof number);
        const std::size_t index = number % from.slots.size();
        slot& place = from.slots[index];
        if (number != place.number || !place.waiting) {
            if (number > place.number || !place.was_resent) {
                note_error("a datagram came that is not on its way");
            }
            return;
        }
        write_message(from, number, expected_);
        if (std::memcmp(echo.data(), expected_.data(), echo.size()) != 0) {
            return note_error("an echo differs from what was sent");
        }
        record(time - place.first_sent);
        ++from.messages;
        place.waiting = false;
        if (!ending_) {
            post(from, index, number + from.slots.size(), time);
        }
    }

    void write_message(const channel& from, std::uint64_t number, std::span<std::byte> out) const {
        std::memcpy(out.data(), &number, sizeof number);
        from.bytes.fill(number * options_.size, out.subspan(sizeof number));
    }

    void post(channel& from, std::size_t index, std::uint64_t number, load_clock::time_point time) {
        slot& place = from.slots[index];
        place.number = number;
        place.waiting = true;
        place.first_sent = time;
        queue(from, place, time);
    }

    void queue(channel& from, slot& place, load_clock::time_point time) {
        place.last_sent = time;
        write_message(from, place.number, std::span(outgoing_).subspan(queued_ * options_.size, options_.size));
        if (++queued_ == batch) {
            flush(from);
        }
    }

    // What a full socket does not take is lost, as on the way.
    void flush(const channel& from) {
        if (queued_ != 0 && sendmmsg(from.fd, sent_.data(), static_cast<unsigned>(queued_), MSG_NOSIGNAL) < 0 &&
            errno != EAGAIN && errno != ENOBUFS) {
            note_error(std::strerror(errno));
        }
        queued_ = 0;
    }

    void sweep() {
        const auto time = load_clock::now();
        if (time < next_sweep_) {
            return;
        }
        next_sweep_ = time + sweep_interval;
        for (channel& from : channels_) {
            for (slot& place : from.slots) {
                if (place.waiting && time - place.last_sent > lost_after) {
                    ++resent_;
                    place.was_resent = true;
                    queue(from, place, time);
                }
            }
            flush(from);
        }
    }

    std::size_t on_their_way() const {
        std::size_t count = 0;
        for (const channel& from : channels_) {
            count += static_cast<std::size_t>(std::ranges::count(from.slots, true, &slot::waiting));
        }
        return count;
    }

    int epoll_;
    std::vector<channel> channels_;
    bool ending_ = false;
    std::uint64_t resent_ = 0;
    load_clock::time_point next_sweep_{};
    std::size_t queued_ = 0; // in outgoing_; all for one channel
    std::vector<std::byte> incoming_;
    std::vector<std::byte> outgoing_;
    std::vector<std::byte> expected_;
    std::array<iovec, batch> pieces_in_{};
    std::array<iovec, batch> pieces_out_{};
    std::array<mmsghdr, batch> received_{};
    std::array<mmsghdr, batch> sent_{};
};

} // namespace bench

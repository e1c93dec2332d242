/// \file
/// What `socket::recvmsg` and `socket::recv_fds` give.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/ancillary.hpp>
#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/unique_handle.hpp>

namespace coax {

/// The received control messages that have no name in `received_control`, in their order.
class raw_control_list {
public:
    /// How many there are.
    std::size_t size() const noexcept { return entries_.size(); }
    /// Whether there are none.
    bool empty() const noexcept { return entries_.empty(); }
    /// One of them; its data live as long as the list.
    raw_control operator[](std::size_t index) const noexcept {
        const entry& at = entries_[index];
        return {at.level, at.type, std::span(bytes_).subspan(at.first, at.size)};
    }
    /// For the library. Throws `std::bad_alloc`.
    void add(const raw_control& message) {
        entries_.reserve(entries_.size() + 1);
        bytes_.insert(bytes_.end(), message.data.begin(), message.data.end());
        entries_.push_back({message.level, message.type, bytes_.size() - message.data.size(), message.data.size()});
    }

private:
    struct entry {
        int level;
        int type;
        std::size_t first;
        std::size_t size;
    };
    std::vector<entry> entries_;
    std::vector<std::byte> bytes_;
};

/// What came beside a message. Most of it only where an option of the socket asks for it.
struct received_control {
    /// Nothing.
    received_control() noexcept {} // no aggregate: see docs/compilers.md

    std::optional<packet_info> packet;                         ///< where it was sent to: `option::receive_packet_info`
    std::optional<std::uint8_t> traffic_class;                 ///< the whole byte: `option::receive_ecn`
    std::optional<std::uint8_t> hop_limit;                     ///< `option::receive_hop_limit`
    std::optional<std::chrono::system_clock::time_point> time; ///< when the system received it: `option::receive_time`
    std::optional<std::uint16_t> segment_size; ///< several datagrams of this size, the last one perhaps shorter
    std::optional<credentials> sender;         ///< `option::pass_credentials`
    std::vector<unique_handle> descriptors;    ///< closed on exec; at most as many as were asked for
    raw_control_list others;                   ///< the rest
    bool truncated = false;                    ///< there was more: it is gone, and descriptors among it are closed

    /// Congestion notification: a part of the traffic class.
    std::optional<ecn> congestion() const noexcept {
        return traffic_class ? std::optional(static_cast<ecn>(*traffic_class & 3U)) : std::nullopt;
    }
};

/// A message in a pooled buffer.
struct message {
    /// No bytes, from nobody.
    message() noexcept = default;
    /// What one receive gave.
    message(chunk bytes, const address& from, bool cut, received_control beside) noexcept
        : data(std::move(bytes)), peer(from), truncated(cut), control(std::move(beside)) {}

    chunk data;               ///< its bytes; false at the end of a stream
    address peer;             ///< who sent it; unnamed where there is none
    bool truncated = false;   ///< it was a datagram longer than what was asked for; the rest is gone
    received_control control; ///< what came beside the bytes
};

/// What was received into a buffer of the caller, with what came beside it.
struct received_message {
    /// No bytes, from nobody.
    received_message() noexcept = default;
    /// What one receive gave.
    received_message(std::size_t bytes, const address& from, bool cut, bool at_end, received_control beside) noexcept
        : size(bytes), peer(from), truncated(cut), ended(at_end), control(std::move(beside)) {}

    std::size_t size = 0;     ///< bytes
    address peer;             ///< who sent it; unnamed where there is none
    bool truncated = false;   ///< it was a datagram longer than the buffer; the rest is gone
    bool ended = false;       ///< it is no empty datagram: the stream has ended, or what the socket receives
    received_control control; ///< what came beside the bytes
};

/// What `socket::recv_fds` gives.
struct received_fds {
    /// No bytes and no descriptors.
    received_fds() noexcept = default;
    /// What one receive gave.
    received_fds(chunk bytes, std::vector<unique_handle> handles, bool cut, bool control_cut,
                 const address& from) noexcept
        : data(std::move(bytes)), fds(std::move(handles)), truncated(cut), control_truncated(control_cut), peer(from) {}

    chunk data;                     ///< the bytes; false at the end of a stream
    std::vector<unique_handle> fds; ///< the descriptors that came with the first of them, closed on exec
    bool truncated = false;         ///< it was a datagram longer than what was asked for; the rest is gone
    bool control_truncated = false; ///< there were more descriptors: those are closed
    address peer;                   ///< who sent it; unnamed where there is none
};

} // namespace coax

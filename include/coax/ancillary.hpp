/// \file
/// What the system says, or is told, beside the bytes of a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/message_flags.hpp>
#include <coax/unique_handle.hpp>

namespace coax {

/// Explicit congestion notification: the two low bits of the traffic class. Source: RFC 3168 §5.
enum class ecn : unsigned char {
    not_capable = 0, ///< Not-ECT: routers drop where they would mark
    capable_1 = 1,   ///< ECT(1), which L4S uses (RFC 9331)
    capable_0 = 2,   ///< ECT(0), the usual one
    congestion = 3,  ///< CE: a router on the way is congested
};

/// Where a datagram arrived, or from where one is to be sent.
struct packet_info {
    /// No address and no interface.
    packet_info() noexcept = default;
    /// An address of this machine, whose port means nothing, and the index of an interface (0: any).
    explicit packet_info(const address& at, std::uint32_t through = 0) noexcept : local(at), interface_index(through) {}

    address local; ///< received: the address that it was sent to, a group or broadcast address too, with port 0
    std::uint32_t interface_index = 0; ///< as `if_nametoindex` gives them; 0 where it is unknown or any
    bool to_many = false; ///< `local` is that of a group or a broadcast: an answer leaves from what the system chooses

    friend bool operator==(const packet_info&, const packet_info&) noexcept = default;
};

/// Who is at the other end of a UNIX socket. The system sees to it that what is received is true.
struct credentials {
    /// Nobody's.
    credentials() noexcept = default;
    /// Those of a process.
    credentials(std::int64_t pid, std::uint32_t uid, std::uint32_t gid) noexcept
        : process_id(pid), user_id(uid), group_id(gid) {}

    std::int64_t process_id = 0; ///< 0 where the process is not visible from here
    std::uint32_t user_id = 0;   ///< the user
    std::uint32_t group_id = 0;  ///< the group

    friend bool operator==(const credentials&, const credentials&) noexcept = default;
};

/// One control message by the system's own numbers. Source: cmsg(3).
struct raw_control {
    int level = 0;                   ///< such as SOL_SOCKET
    int type = 0;                    ///< what it is at this level
    std::span<const std::byte> data; ///< as the system has it
};

/// What `socket::recvmsg` may be asked for.
struct recvmsg_options {
    std::size_t descriptors = 0; ///< how many are taken at most; further ones are closed
    message_flags flags = {};    ///< as for `recv`
};

/// What `socket::sendmsg` sends beside the bytes. What is not set is left to the socket and the system.
struct sendmsg_options {
    address peer = {};                      ///< to whom; unnamed: to whom the socket is connected
    handles_view descriptors = {};          ///< through a UNIX socket, with the first byte; they stay the caller's
    std::optional<packet_info> source = {}; ///< the address and the interface that a datagram leaves from
    std::optional<std::uint8_t> traffic_class = {}; ///< of a datagram: the whole byte
    std::optional<ecn> congestion = {};             ///< of a datagram: the two low bits of that byte
    std::optional<std::uint8_t> hop_limit = {};     ///< of a datagram
    std::optional<std::uint16_t> segment_size = {}; ///< the bytes go out as datagrams of this size (UDP_SEGMENT)
    std::optional<credentials> sender = {};   ///< the system takes what is true, from privileged processes anything
    std::span<const raw_control> others = {}; ///< by the system's own numbers
    message_flags flags = {};                 ///< as for `send`
};

} // namespace coax

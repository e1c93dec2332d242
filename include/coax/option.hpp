/// \file
/// Socket options with a name and a type. Where the platform lacks one, the call fails with no_protocol_option.
// What each is called at the system's interface, and whether the platform has it at all, is known to src/os alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

#include <coax/config.hpp>
#include <coax/error.hpp>
#include <coax/interface.hpp>
#include <coax/kind.hpp>

namespace coax::detail {

enum class option_id : unsigned char {
    reuse_address,
    reuse_port,
    broadcast,
    keep_alive,
    keep_alive_idle,
    keep_alive_interval,
    keep_alive_count,
    linger,
    receive_buffer_size,
    send_buffer_size,
    out_of_band_inline,
    no_delay,
    quick_ack,
    user_timeout,
    v6_only,
    bind_address_no_port,
    hop_limit,
    multicast_hops,
    multicast_loop,
    multicast_interface,
    multicast_all,
    error,
    type,
    accepting,
    receive_packet_info,
    receive_ecn,
    receive_hop_limit,
    receive_time,
    pass_credentials,
    receive_offload,
};

/// The value of any option, wide enough that nothing is cut off before src/os has checked its range.
struct option_words {
    std::int64_t first = 0;
    std::int64_t second = 0;
};

/// How a value of type T becomes words and back.
template <class T>
struct option_codec;

template <>
struct option_codec<bool> {
    static constexpr option_words encode(bool value) noexcept { return {value ? 1 : 0, 0}; }
    static constexpr bool decode(option_words words) noexcept { return words.first != 0; }
};

template <>
struct option_codec<int> {
    static constexpr option_words encode(int value) noexcept { return {value, 0}; }
    static constexpr int decode(option_words words) noexcept { return static_cast<int>(words.first); }
};

template <class Rep, class Period>
struct option_codec<std::chrono::duration<Rep, Period>> {
    using duration = std::chrono::duration<Rep, Period>;
    static constexpr option_words encode(duration value) noexcept { return {value.count(), 0}; }
    static constexpr duration decode(option_words words) noexcept { return duration(words.first); }
};

template <>
struct option_codec<std::optional<std::chrono::seconds>> {
    using value_type = std::optional<std::chrono::seconds>;
    static constexpr option_words encode(value_type value) noexcept {
        return value ? option_words{1, value->count()} : option_words{};
    }
    static constexpr value_type decode(option_words words) noexcept {
        return words.first != 0 ? value_type(std::chrono::seconds(words.second)) : std::nullopt;
    }
};

template <>
struct option_codec<kind> {
    static constexpr kind decode(option_words words) noexcept { return static_cast<kind>(words.first); }
};

template <>
struct option_codec<interface_index> {
    static constexpr option_words encode(interface_index value) noexcept { return {value.value(), 0}; }
    static constexpr interface_index decode(option_words words) noexcept {
        return interface_index(static_cast<std::uint32_t>(words.first));
    }
};

template <>
struct option_codec<std::error_code> {
    static std::error_code decode(option_words words) noexcept { return system_error(static_cast<int>(words.first)); }
};

} // namespace coax::detail

/// The options of a socket that have a name and a type, for `socket::setsockopt` and `socket::getsockopt`.
/// Source: socket(7), tcp(7), ip(7), ipv6(7).
namespace coax::option {

/// An option whose value, of type T, can be read.
template <class T>
struct readable {
    using value_type = T; ///< what `getsockopt` gives
    /// For the library.
    constexpr explicit readable(detail::option_id which) noexcept : id(which) {}
    detail::option_id id; ///< for the library
};

/// An option whose value, of type T, can be set and read.
template <class T>
struct of : readable<T> {
    using readable<T>::readable;
};

/// Lets a listener bind an address whose earlier connections linger in TIME_WAIT (SO_REUSEADDR). Windows always does; what is set on
/// a stream socket there changes nothing.
inline constexpr of<bool> reuse_address{detail::option_id::reuse_address};

/// Lets several sockets bind one address; Linux and FreeBSD spread connections and datagrams over them (SO_REUSEPORT, SO_REUSEPORT_LB).
inline constexpr of<bool> reuse_port{detail::option_id::reuse_port};

/// Allows datagrams to a broadcast address (SO_BROADCAST). Without it sending one is `permission_denied`.
inline constexpr of<bool> broadcast{detail::option_id::broadcast};

/// Probes an idle connection, so that a vanished peer is noticed (SO_KEEPALIVE).
inline constexpr of<bool> keep_alive{detail::option_id::keep_alive};

/// How long a connection is idle before the first probe (TCP_KEEPIDLE), in seconds, at least 1.
inline constexpr of<std::chrono::seconds> keep_alive_idle{detail::option_id::keep_alive_idle};

/// The time between two probes (TCP_KEEPINTVL), in seconds, at least 1.
inline constexpr of<std::chrono::seconds> keep_alive_interval{detail::option_id::keep_alive_interval};

/// How many unanswered probes end the connection (TCP_KEEPCNT).
inline constexpr of<int> keep_alive_count{detail::option_id::keep_alive_count};

/// What becomes of unsent data at close (SO_LINGER): nothing set, it is sent in the background; zero seconds,
/// it is dropped and the connection is reset.
inline constexpr of<std::optional<std::chrono::seconds>> linger{detail::option_id::linger};

/// The size of the kernel's receive buffer in bytes (SO_RCVBUF). The kernel may round it, and caps it. Reads back in
/// the unit in which it is set: the doubling that Linux adds for its own bookkeeping is taken off.
inline constexpr of<int> receive_buffer_size{detail::option_id::receive_buffer_size};

/// The size of the kernel's send buffer in bytes (SO_SNDBUF), as `receive_buffer_size`.
inline constexpr of<int> send_buffer_size{detail::option_id::send_buffer_size};

/// Leaves urgent data in the stream, where it was sent (SO_OOBINLINE).
inline constexpr of<bool> out_of_band_inline{detail::option_id::out_of_band_inline};

/// Sends small segments at once instead of collecting them (TCP_NODELAY).
inline constexpr of<bool> no_delay{detail::option_id::no_delay};

/// Acknowledges at once instead of with the next data (TCP_QUICKACK; Linux, and not lasting: the kernel may leave
/// this mode by itself).
inline constexpr of<bool> quick_ack{detail::option_id::quick_ack};

/// How long sent data may stay unacknowledged before the connection fails (TCP_USER_TIMEOUT; Linux), in
/// milliseconds; zero is the system's default.
inline constexpr of<std::chrono::milliseconds> user_timeout{detail::option_id::user_timeout};

/// Whether an IPv6 socket refuses IPv4 (IPV6_V6ONLY). To be set before `bind`.
inline constexpr of<bool> v6_only{detail::option_id::v6_only};

/// Lets `bind` to port 0 choose the address only (IP_BIND_ADDRESS_NO_PORT; Linux): the port is chosen by `connect`, so that it is taken for
/// one destination and not for all of them. To be set before `bind`, also on IPv6 sockets; `getsockname` says port 0 in between.
inline constexpr of<bool> bind_address_no_port{detail::option_id::bind_address_no_port};

/// How many routers may pass on what is sent to a single machine (IP_TTL, IPV6_UNICAST_HOPS): 1 to 255.
inline constexpr of<int> hop_limit{detail::option_id::hop_limit};

/// How many routers may pass on what is sent to a multicast group, less one (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS): 0 for this machine alone,
/// 1, as it is at first, for the network of the interface, up to 255.
inline constexpr of<int> multicast_hops{detail::option_id::multicast_hops};

/// Whether members on this machine receive what is sent to a group from here (IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP); on at first. To be
/// set on the socket that sends, and on Windows on those that receive.
inline constexpr of<bool> multicast_loop{detail::option_id::multicast_loop};

/// The interface that sends to multicast groups (IP_MULTICAST_IF, IPV6_MULTICAST_IF); none, as at first, leaves it to the routes of the system.
/// A group that has a scope names its own. Over IPv4 an unbound socket sends from the first address of the interface; one that has none reads
/// back as none. An interface that does not exist is `no_such_device`.
inline constexpr of<interface_index> multicast_interface{detail::option_id::multicast_interface};

/// Whether a socket that is bound to "any" receives what is sent to a group that only another socket of the machine has joined
/// (IP_MULTICAST_ALL, IPV6_MULTICAST_ALL; Linux). Other systems do no such thing, and here it is off; sockets that were made elsewhere and
/// adopted are left as they are.
inline constexpr of<bool> multicast_all{detail::option_id::multicast_all};

/// The pending error, which reading it clears (SO_ERROR).
inline constexpr readable<std::error_code> error{detail::option_id::error};

/// The kind of the socket (SO_TYPE).
inline constexpr readable<kind> type{detail::option_id::type};

/// Whether the socket is listening (SO_ACCEPTCONN).
inline constexpr readable<bool> accepting{detail::option_id::accepting};

/// Datagrams come with the address that they were sent to and the interface that they came through (IP_PKTINFO, IPV6_RECVPKTINFO;
/// IP_RECVDSTADDR and IP_RECVIF on FreeBSD and OpenBSD). A mapped address where an IPv6 socket receives IPv4.
inline constexpr of<bool> receive_packet_info{detail::option_id::receive_packet_info};

/// Datagrams come with their traffic class, of which congestion notification is a part (IP_RECVTOS, IPV6_RECVTCLASS). On an IPv6 socket for
/// both families, where the system allows it; so are the next two.
inline constexpr of<bool> receive_ecn{detail::option_id::receive_ecn};

/// Datagrams come with the hop limit, or time to live, that they had left (IP_RECVTTL, IPV6_RECVHOPLIMIT).
inline constexpr of<bool> receive_hop_limit{detail::option_id::receive_hop_limit};

/// Datagrams come with the time at which the system received them (SO_TIMESTAMPNS, elsewhere SO_TIMESTAMP in microseconds).
inline constexpr of<bool> receive_time{detail::option_id::receive_time};

/// What comes through a UNIX socket comes with the credentials of its sender (SO_PASSCRED; Linux).
inline constexpr of<bool> pass_credentials{detail::option_id::pass_credentials};

/// Lets datagrams of one size from one sender, which come close behind each other, be received as one run (UDP_GRO; Linux), at a fraction of
/// the cost: `recvfrom(batch)` gives them as an entry with a `segment_size`. All other receives give single datagrams, as ever. Where the
/// system lacks it this changes nothing, and reads as false.
inline constexpr of<bool> receive_offload{detail::option_id::receive_offload};

} // namespace coax::option

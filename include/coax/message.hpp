/// \file
/// Messages with what travels beside their bytes: descriptors, credentials, the address and the interface that a datagram was sent to, its
/// hop limit, congestion notification, the time at which it came.
///
/// ```cpp
/// sock.setsockopt(coax::option::receive_packet_info, true);
/// coax::message got = co_await sock.recvmsg(1500);
/// co_await sock.sendmsg({.peer = got.peer, .source = got.control.packet}, got.data); // from where it was sent to
///
/// co_await channel.send_fds("listener", listener.fileno());
/// coax::received_fds passed = co_await channel.recv_fds(64, 1);
/// coax::socket same = coax::socket::adopt(std::move(passed.fds.at(0)));
/// ```
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <coax/ancillary.hpp>
#include <coax/bytes_view.hpp>
#include <coax/detail/message_operations.hpp>
#include <coax/detail/refused.hpp>
#include <coax/message_flags.hpp>
#include <coax/received_message.hpp>
#include <coax/socket.hpp>
#include <coax/unique_handle.hpp>

namespace coax {

inline detail::recvmsg_chunk_operation socket::recvmsg(detail::count<"recvmsg"> size,
                                                       const recvmsg_options& how) noexcept {
    return detail::recvmsg_chunk_operation(state_, size, how);
}

inline detail::recvmsg_operation socket::recvmsg(std::span<std::byte> buffer, const recvmsg_options& how) noexcept {
    return detail::recvmsg_operation(state_, buffer, how);
}

template <detail::receive_buffer Buffer>
detail::recvmsg_operation socket::recvmsg(Buffer&& buffer, const recvmsg_options& how) noexcept {
    return detail::recvmsg_operation(state_, detail::writable_bytes(buffer), how);
}

inline detail::recv_fds_operation socket::recv_fds(detail::count<"recv_fds"> size, detail::count<"recv_fds"> most,
                                                   message_flags flags) noexcept {
    return detail::recv_fds_operation(state_, size, most, flags);
}

template <class First, class... Bytes>
    requires(std::convertible_to<First, bytes_view> && (std::convertible_to<Bytes, bytes_view> && ...))
detail::sendmsg_of<First, Bytes...> socket::sendmsg(const sendmsg_options& how, First&& first,
                                                    Bytes&&... more) noexcept {
    return detail::sendmsg_of<First, Bytes...>(state_, how, bytes_view(first), bytes_view(more)...);
}

template <class Bytes>
    requires(std::convertible_to<Bytes, bytes_view>)
detail::send_fds_of<Bytes> socket::send_fds(Bytes&& bytes, handles_view fds, message_flags flags) noexcept {
    return detail::send_fds_of<Bytes>(state_, bytes_view(bytes), fds, flags);
}

} // namespace coax

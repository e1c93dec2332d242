/// \file
/// Closing a connection so that the last answer arrives.
#pragma once

#include <chrono>
#include <utility>

#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/socket.hpp>
#include <coax/task.hpp>

namespace coax {
namespace detail {

struct lingering_close_fn {
    /// Throws `std::invalid_argument` for a negative limit.
    COAX_API task<> operator()(socket conn, clock::duration limit = std::chrono::seconds(5)) const;
};

} // namespace detail

/// `co_await lingering_close(std::move(conn))`: ends what is sent, then receives and drops whatever still comes, and closes when the peer
/// has closed too. A plain `close()` while the peer is still sending makes the system reset the connection, and that takes from the peer
/// what it has not read yet: the last answer of a server that closes after it. For a stream: `lingering_close(std::move(in.source()))`,
/// after a `flush`.
///
/// It ends sooner where the peer keeps the connection open, but is silent and has acknowledged everything; and after the limit at the
/// latest. What the peer does, a reset for example, is no error. The connection is closed for all who share it, and keeps no buffer
/// meanwhile. A negative limit throws `std::invalid_argument`.
///
/// Cancellation: closes at once, and throws `cancelled`. Source: RFC 9112 §9.6; shutdown(2).
inline constexpr detail::lingering_close_fn lingering_close{};

} // namespace coax

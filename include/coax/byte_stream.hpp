/// \file
/// What buffered streams and frames stand on: a socket, or anything else that carries bytes in order.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <coax/address.hpp>
#include <coax/chunk.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/shutdown_how.hpp>

namespace coax {
namespace detail {

template <class A, class T>
concept scoped_awaitable_of = scoped_awaitable<A> && std::same_as<value_of<A>, T>;

/// A call that is over when it returns, or one that is awaited; either way it gives nothing.
template <class R>
concept over_or_awaited = std::is_void_v<R> || scoped_awaitable_of<R, void>;

} // namespace detail

/// A connection that carries bytes in order, both ways at once:
///
/// - `recv(n)` gives a `chunk` of 1 to n bytes, or one that is false at the end of the stream;
/// - `recv(span)` gives the number of bytes received, 0 at the end of the stream;
/// - `sendall(bytes)` and `sendall(bytes, bytes)` send all of it, and two of them never mix; a failure says by `transferred()` how
///   much went out;
/// - `shutdown(how)` ends a direction, at once or, where there is something to be sent first, when it has been awaited; `close()` ends
///   both, waking whoever waits;
/// - `getpeername()` names the other end for messages (unnamed where it has no name; it may throw `io_error`).
///
/// Each of the awaitables is an operation, a task or an adapter, so that deadlines and cancellation reach it, and keeps the rule that
/// nothing which completed is lost to either. `coax::socket` is one. One of your own gives chunks from `chunk::allocate`.
template <class S>
concept byte_stream = requires(S& stream, std::size_t size, std::span<std::byte> buffer, bytes_view bytes) {
    { stream.recv(size) } -> detail::scoped_awaitable_of<chunk>;
    { stream.recv(buffer) } -> detail::scoped_awaitable_of<std::size_t>;
    { stream.sendall(bytes) } -> detail::scoped_awaitable_of<void>;
    { stream.sendall(bytes, bytes) } -> detail::scoped_awaitable_of<void>;
    { stream.shutdown(shutdown_how::write) } -> detail::over_or_awaited;
    stream.close();
    { stream.getpeername() } -> std::same_as<address>;
};

} // namespace coax

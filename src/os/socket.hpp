// The system calls on sockets, in one shape for every platform. No policy lives here: each function is one call
// that retries when a signal interrupts it, never blocks, never raises SIGPIPE, and returns its error as an
// errno value. Everything above src/os includes this and no header of the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <coax/address.hpp>
#include <coax/bytes_view.hpp>
#include <coax/config.hpp>
#include <coax/kind.hpp>
#include <coax/message_flags.hpp>
#include <coax/option.hpp>
#include <coax/shutdown_how.hpp>

namespace coax::os {

using detail::buffer_view;

/// The most that one call moves: Linux takes 2 GiB less a page, and others refuse sizes beyond int.
inline constexpr std::size_t most_bytes = 0x7ffff000;
inline std::size_t limited(std::size_t size) noexcept { return size < most_bytes ? size : most_bytes; }

/// The value of a call, or what went wrong.
struct outcome {
    std::int64_t value = 0;
    int error = 0; // 0 or an errno value
};

/// A new socket, closed on exec and non-blocking; the value is its handle.
outcome open(family f, kind k, int protocol) noexcept;

/// What the ends of a pair are: UNIX sockets, where the system has pairs of them.
extern const family pair_family;
/// Two connected sockets, closed on exec and non-blocking.
int pair(kind k, native_handle (&ends)[2]) noexcept;

/// EAFNOSUPPORT, here and in `connect` and `sendto`, for an address that `usable_error` (os/address.hpp) refuses.
int bind(native_handle handle, const address& name) noexcept;

int listen(native_handle handle, int backlog) noexcept;

/// 0, or EINPROGRESS: the connection goes on, the handle becomes writable at its end and `connect_result` says how
/// it went. A UNIX stream socket gives EAGAIN instead when the listener's backlog is full: nothing has begun, no
/// readiness will be reported, and the call has to be made again.
int connect(native_handle handle, const address& peer) noexcept;

/// Takes the pending error of the socket (SO_ERROR): after EINPROGRESS, how the connection attempt ended. After a failure the socket may
/// be connected again, where the system allows it.
int connect_result(native_handle handle) noexcept;

/// The next connection, closed on exec and non-blocking; the value is its handle, and `peer` (may be null) gets its
/// address. Connections that failed before they were taken are passed over (see `is_stale_connection`).
outcome accept(native_handle handle, address* peer) noexcept;

/// Whether an error of accept(2) tells only of a connection that died in the queue, so that the next one is to be
/// tried: ECONNABORTED, EPROTO and the network errors that Linux hands over from the new connection.
bool is_stale_connection(int accept_error) noexcept;

/// The value is the number of bytes; a receive of 0 bytes is the end of the stream. EAGAIN when it would block.
outcome recv(native_handle handle, void* data, std::size_t size, message_flags flags) noexcept;
outcome send(native_handle handle, const void* data, std::size_t size, message_flags flags) noexcept;

/// `truncated` tells whether the datagram was longer than the buffer. The peer is unnamed where there is none.
outcome recvfrom(native_handle handle, void* data, std::size_t size, message_flags flags, address& peer,
                 bool& truncated) noexcept;
outcome sendto(native_handle handle, const void* data, std::size_t size, message_flags flags,
               const address& peer) noexcept;

/// Sends the pieces in order, as one datagram or as far as the stream takes them. No more pieces than the system's
/// limit go out in one call of a stream; more than that of a datagram give EMSGSIZE.
outcome send_vector(native_handle handle, const buffer_view* pieces, std::size_t count, message_flags flags) noexcept;

/// One receive with control data, and what came of it.
struct incoming_message {
    void* data = nullptr;
    std::size_t size = 0;         // room, in bytes
    std::span<std::byte> control; // the room, and then what is in it
    address* peer = nullptr;      // unnamed where there is none
    bool truncated = false;       // the datagram was longer
    bool control_cut = false;     // there were more control data
};
/// Descriptors among the control data are closed on exec. The value is the number of bytes.
outcome recvmsg(native_handle handle, incoming_message& into, message_flags flags) noexcept;
/// The pieces as one datagram, or some of them to a stream; to nobody in particular where the peer is unnamed.
outcome sendmsg(native_handle handle, std::span<const buffer_view> pieces, std::span<std::byte> control,
                const address& peer, message_flags flags) noexcept;

int shutdown(native_handle handle, shutdown_how how) noexcept;

/// How many bytes were sent to the peer, its end included, and have not been acknowledged by its machine (of a UNIX socket: not been read);
/// -1 where the system does not say.
std::int64_t unacknowledged(native_handle handle) noexcept;

/// The handle is gone afterwards, whatever the result: never call it twice.
int close(native_handle handle) noexcept;
/// The same on a thread of its own, for a handle whose closing may wait.
void close_elsewhere(native_handle handle) noexcept;

int getsockname(native_handle handle, address& name) noexcept;
int getpeername(native_handle handle, address& name) noexcept;

/// Any option by the system's own numbers. `size` is the room at `value`, and then what was written.
int set_option(native_handle handle, int level, int name, const void* value, std::size_t size) noexcept;
int get_option(native_handle handle, int level, int name, void* value, std::size_t& size) noexcept;

/// One of the library's options. A value that the system's type cannot hold gives EINVAL.
int set_option(native_handle handle, detail::option_id id, detail::option_words value) noexcept;
int get_option(native_handle handle, detail::option_id id, detail::option_words& value) noexcept;

/// SO_RCVLOWAT: how many bytes there have to be before a socket is readable; 1 where there is no such option.
int low_water_mark(native_handle handle) noexcept;
/// Whether it is the level of options of the socket itself, SOL_SOCKET.
bool is_of_the_socket(int level) noexcept;
/// Whether something can be received now, the end of the stream included, or sent, as poll(2) sees it.
bool is_ready(native_handle handle, bool to_read, bool to_write) noexcept;
/// Whether connections can be accepted from it; true where the system does not tell (macOS).
bool is_listening(native_handle handle) noexcept;
/// Whether a stream socket of an internet family speaks TCP.
bool is_tcp(native_handle handle) noexcept;

/// Makes a handle from elsewhere what `open` makes: closed on exec, non-blocking, without SIGPIPE.
int prepare(native_handle handle) noexcept;
int set_nonblocking(native_handle handle) noexcept;
int set_blocking(native_handle handle) noexcept;
/// False where the system does not tell (Windows).
bool is_blocking(native_handle handle) noexcept;
int set_cloexec(native_handle handle) noexcept;

/// What an adopted handle is. ENOTSOCK for a handle that is no socket; EAFNOSUPPORT and ESOCKTNOSUPPORT for a socket
/// of a family or kind that this library does not know.
int family_of(native_handle handle, family& result) noexcept;
int kind_of(native_handle handle, kind& result) noexcept;

/// The flags as the system's calls take them, with "no SIGPIPE" where it is a flag. For a kernel interface that waits
/// by itself: they do not include the system's "do not wait", which the calls above add.
int native_message_flags(message_flags flags) noexcept;

} // namespace coax::os

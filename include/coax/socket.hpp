/// \file
/// Sockets: the BSD vocabulary, awaited.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/ancillary.hpp>
#include <coax/chunk.hpp>
#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/detail/refused.hpp>
#include <coax/detail/socket_operations.hpp>
#include <coax/error.hpp>
#include <coax/interface.hpp>
#include <coax/kind.hpp>
#include <coax/message_flags.hpp>
#include <coax/option.hpp>
#include <coax/shutdown_how.hpp>
#include <coax/unique_handle.hpp>

namespace coax {
namespace detail {
struct socket_access;
}

struct detached;

struct stream_options;
template <class S>
class basic_stream;

/// A socket. Closed on exec and non-blocking underneath; it never raises SIGPIPE.
///
/// It may be made before a scheduler exists, and binds to the scheduler that first awaits it; while idle it can move on to another
/// one (on the same thread, or after the first has ended). Several tasks may wait on one socket: reading (`accept`, `recv`, `recvfrom`) and
/// writing (`connect`, `send`, `sendall`, `sendto`) are independent of each other, and each is first in, first out.
///
/// Every operation can throw `io_error` (with `std::errc` conditions; `bad_file_descriptor` once the socket is closed, also for
/// those already waiting), `timeout_error` after the limit of `settimeout`, and `cancelled`. An operation that completed before its
/// cancellation or timeout took effect reports what it did: no byte, datagram or connection is lost.
///
/// Awaitables refer to the socket and to the caller's buffers; await them before either is gone.
class COAX_API socket {
public:
    /// No socket: every operation fails with `bad_file_descriptor`.
    socket() noexcept = default;
    /// Makes a socket. Throws `io_error`. Source: socket(2).
    explicit socket(coax::family family, coax::kind kind = coax::kind::stream, int protocol = 0);
    /// Takes the socket over; `other` is none afterwards. Those who wait on it go on waiting.
    socket(socket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    /// The same, after closing what it had, as the destructor does.
    socket& operator=(socket&& other) noexcept;
    /// Closes the socket, unless a stream that `makefile` has made is still there.
    ~socket();

    /// Takes over a handle made elsewhere and makes it non-blocking and closed on exec. On failure (`not_a_socket`, an unknown family
    /// or kind) the handle stays the caller's. Nobody else may receive from it or close it afterwards.
    static socket adopt(native_handle handle);
    /// The same of a handle that somebody owns, such as one that was received; on failure it stays there.
    static socket adopt(unique_handle&& handle) {
        socket made = adopt(handle.get());
        static_cast<void>(handle.release());
        return made;
    }

    /// Gives the handle away, with whatever had been received for it and not yet been delivered. It is non-blocking, unless it was adopted
    /// and had been blocking before, as far as the system tells (Windows does not). Waiting operations end with `bad_file_descriptor`; the
    /// socket is closed afterwards.
    detached detach();

    /// Frees the socket from the scheduler that it was used on, for another one, on another thread perhaps, with everything that was received
    /// for it and not been delivered. To be called on that scheduler's thread while nothing waits on the socket; otherwise
    /// `std::logic_error`. After the scheduler's run it is free by itself.
    void unbind();

    /// A buffered stream over this connection (`#include <coax/stream.hpp>`). It shares the connection, as in Python: the descriptor is
    /// closed with the last of the socket and its streams, and at once for all of them by `close()` of any. The stream receives ahead, so
    /// what is read through the socket afterwards is not in order. Throws `io_error` when closed.
    inline basic_stream<socket> makefile(); // where it is not inline yet, GCC looks for it in a DLL
    /// The same with sizes of your own.
    inline basic_stream<socket> makefile(const stream_options& options);

    /// False when closed or moved from.
    bool is_open() const noexcept;
    /// The family; throws `io_error` when closed.
    coax::family family() const;
    /// The kind; throws `io_error` when closed.
    coax::kind kind() const;

    /// Binds to an address of this machine; a placeholder takes the socket's family. Source: bind(2).
    void bind(const address& name);
    /// Accepts connections from now on; `backlog` is how many may wait to be accepted (0 is legal, the system caps it); a negative
    /// number throws `std::invalid_argument`. Source: listen(2).
    void listen(int backlog = 128) COAX_REFUSE_NEGATIVE(backlog);
    /// The address this socket is bound to. Source: getsockname(2).
    address getsockname() const;
    /// The address of the other end; throws `not_connected` without one. Source: getpeername(2).
    address getpeername() const;

    /// Ends one direction or both: the peer reads the end of the stream after all that was sent. Waiting receives end as at the end of
    /// the stream, those of a datagram socket as well: chunks are false, `received::ended` is true, and `recv` into a buffer gives 0. So do
    /// later ones, once what has come by then has been received. Waiting accepts of a listener end with `invalid_argument`. A second call is
    /// harmless. Source: shutdown(2).
    void shutdown(shutdown_how how);
    /// Closes the socket: the address is free and the peer sees the end when this returns. Whoever waits on it resumes with
    /// `bad_file_descriptor`. Closing twice is harmless. Unread data make the peer see a reset, as POSIX says. It never waits: a time of
    /// `option::linger` other than zero is ignored, the system sends what is left afterwards. Where somebody else has closed the handle
    /// nobody is told. On another thread than that of a running scheduler which has the socket it ends the program.
    void close() noexcept;

    /// A typed option, such as `setsockopt(option::no_delay, true)`. Throws `io_error`; `no_protocol_option` where the system lacks it.
    template <class T>
    void setsockopt(option::of<T> which, std::type_identity_t<T> value) {
        set_words(which.id, detail::option_codec<T>::encode(value));
    }
    /// Reads a typed option, such as `getsockopt(option::receive_buffer_size)`. Throws `io_error` as `setsockopt` does.
    template <class T>
    T getsockopt(option::readable<T> which) const {
        return detail::option_codec<T>::decode(get_words(which.id));
    }
    /// Any option by the system's own numbers. Throws `io_error`. Where SO_RCVLOWAT is set a receive waits until so many bytes are there, or
    /// the end of the stream, however few it asks for. Source: setsockopt(2).
    void setsockopt(int level, int name, int value);
    /// The same for a value of any type, as its bytes.
    void setsockopt(int level, int name, std::span<const std::byte> value);
    /// The value of an option that is an `int`, by the system's own numbers. Throws `io_error`. Source: getsockopt(2).
    int getsockopt(int level, int name) const;
    /// At most `size` bytes of the value of any option. Throws `io_error`. Source: getsockopt(2).
    std::vector<std::byte> getsockopt(int level, int name, std::size_t size) const;

    /// Receives from now on what is sent to a multicast group, to the port that this datagram socket is bound to, on one interface. Without an
    /// interface it is that of the group's scope, as in `ff02::1%eth0`, or one of the system's choice. What is sent to this machine alone is
    /// received as before; a socket that is bound to the address of the group receives nothing else (not on Windows). For several receivers on
    /// one port each sets `option::reuse_address` before it is bound (macOS, BSD: `option::reuse_port`). Closing the socket leaves its groups.
    ///
    /// Throws `io_error` with the group: `invalid_argument` for what is no multicast address, or an interface that is not that of its scope;
    /// `address_family_not_supported` for another family than the socket's; `no_such_device` where there is no such interface, or no way to the
    /// group; `address_in_use` for a group that it has joined; `no_buffer_space` for too many (Linux: 20 over IPv4, a sysctl);
    /// `operation_not_supported` on a stream, or where the system has no such thing. Source: RFC 3678 section 5.1, ip(7), ipv6(7).
    void join_group(const address& group, interface_index on = {});
    /// Receives no more of it; what has arrived is still received. It needs the interface with which the group was joined. Throws `io_error` as
    /// `join_group` does, and `address_not_available` where the socket is no member.
    void leave_group(const address& group, interface_index on = {});
    /// The same of what one source sends; called again with another one, of that as well. A group is joined for all sources or for some: the
    /// other way is `address_in_use`, as far as the interface is given. Throws `io_error` as `join_group` does. Source: RFC 3678 section 5.1.2.
    void join_source_group(const address& group, const address& source, interface_index on = {});
    /// Receives no more of what this source sends; with the last one the group is left. Throws `io_error` as `leave_group` does.
    void leave_source_group(const address& group, const address& source, interface_index on = {});

    /// The limit of every single operation from now on: none (it waits), zero (`operation_would_block` at once when nothing can be
    /// done) or positive (`timeout_error` after it). A negative duration throws `std::invalid_argument`, a huge one is clamped.
    /// Accepted sockets start without a limit.
    template <class Rep, class Period>
    void settimeout(std::chrono::duration<Rep, Period> limit) {
        set_limit(detail::saturate(limit));
    }
    /// The same; nothing is no limit.
    void settimeout(std::optional<clock::duration> limit);
    /// No limit.
    void settimeout(std::nullopt_t) { settimeout(std::optional<clock::duration>()); }
    /// The limit of every single operation, which closing does not change; nothing where there is none, and for no socket.
    std::optional<clock::duration> gettimeout() const noexcept;
    /// `setblocking(true)` is no limit, `setblocking(false)` a limit of zero.
    void setblocking(bool blocking);
    /// False only where the limit is zero.
    bool getblocking() const noexcept;

    /// The system's handle, still owned by the socket; -1 when closed. From now on others may receive from it, so nothing is taken in advance
    /// any more; the up to 15 datagrams that were stay with the socket (`detach` would give them).
    native_handle fileno() const noexcept;

    /// Waits for a connection. Gives the new socket and its peer's address (unnamed if the peer is already gone). Connections that died
    /// while they waited are passed over. Errors: `too_many_files_open`, after which it can be tried again; `invalid_argument` when not
    /// listening.
    ///
    /// Cancellation: safe; a connection that had arrived is returned, or goes to the next `accept`. Source: accept(2).
    detail::accept_operation accept() noexcept { return detail::accept_operation(state_); }

    /// Connects to an address; a placeholder takes the socket's family. Throws on failure; afterwards the socket is best closed.
    /// For a datagram socket it sets the only peer. A stream that the system gives the very port to which it connects is connected to itself,
    /// as POSIX has it; `create_connection` refuses that. With a limit of zero an attempt under way is `operation_in_progress`.
    ///
    /// Cancellation: the attempt is given up; close the socket. Source: connect(2).
    detail::connect_operation connect(const address& peer) noexcept { return detail::connect_operation(state_, peer); }

    /// The same with the error as the value: zero on success. A limit of `settimeout` that passed is `std::errc::timed_out`.
    ///
    /// Cancellation: as `connect`; it is thrown, and so is the `timeout_error` of a `with_timeout` around it.
    detail::connect_ex_operation connect_ex(const address& peer) noexcept {
        return detail::connect_ex_operation(state_, peer);
    }

    /// Receives up to `size` bytes into a pooled buffer; what is there comes at once, and the chunk is false at the end of the stream.
    /// `size` 0 gives an empty chunk (true) and touches nothing. A negative number throws `std::invalid_argument` from the call itself.
    ///
    /// Cancellation: safe; received bytes are returned, never dropped. Source: recv(2).
    detail::recv_chunk_operation recv(detail::count<"recv"> size, message_flags flags = {}) noexcept {
        return detail::recv_chunk_operation(state_, size, flags);
    }

    /// Receives into the caller's buffer; gives the number of bytes, 0 at the end of the stream (or for an empty buffer).
    ///
    /// Cancellation: safe; received bytes are reported, never dropped. Source: recv(2).
    detail::recv_operation recv(std::span<std::byte> buffer, message_flags flags = {}) noexcept {
        return detail::recv_operation(state_, buffer, flags);
    }
    /// The same into an array, a string, a vector or a span, of bytes or of characters: all of it, as large as it is.
    ///
    /// Cancellation: as above.
    template <detail::receive_buffer Buffer>
    detail::recv_operation recv(Buffer&& buffer, message_flags flags = {}) noexcept {
        return detail::recv_operation(state_, detail::writable_bytes(buffer), flags);
    }

    /// Sends some of the bytes; gives how many, which may be fewer.
    ///
    /// Cancellation: safe; bytes that went out are reported. Source: send(2).
    detail::send_operation send(bytes_view bytes, message_flags flags = {}) noexcept {
        return detail::send_operation(state_, bytes, flags);
    }
    /// The same with bytes that go with the expression, as `std::string("x")` does, so it is awaited there.
    ///
    /// Cancellation: as above.
    template <detail::temporary_bytes Bytes>
    detail::on_temporaries<detail::send_operation> send(Bytes&& bytes, message_flags flags = {}) noexcept {
        return detail::on_temporaries<detail::send_operation>(state_, bytes_view(bytes), flags);
    }

    /// Sends all of the bytes and gives nothing; another task's send never comes in between. On failure the exception's `transferred()` says
    /// how many went out. The limit of `settimeout` is for all of it.
    ///
    /// Cancellation: `cancelled::transferred()` says how many bytes went out. Source: send(2).
    detail::sendall_operation sendall(bytes_view bytes, message_flags flags = {}) noexcept {
        return detail::sendall_operation(state_, bytes, flags);
    }

    /// The same with bytes that go with the expression, so it is awaited there.
    ///
    /// Cancellation: as above.
    template <detail::temporary_bytes Bytes>
    detail::on_temporaries<detail::sendall_operation> sendall(Bytes&& bytes, message_flags flags = {}) noexcept {
        return detail::on_temporaries<detail::sendall_operation>(state_, bytes_view(bytes), flags);
    }

    /// Sends several pieces, one after the other, as one `sendall`: `sendall(header, body)`.
    ///
    /// Cancellation: `cancelled::transferred()` says how many bytes went out. Source: sendmsg(2).
    template <class First, class... Bytes>
        requires(sizeof...(Bytes) >= 1 && std::convertible_to<First, bytes_view> &&
                 (std::convertible_to<Bytes, bytes_view> && ...))
    detail::sendall_pieces_of<First, Bytes...> sendall(First&& first, Bytes&&... more) noexcept {
        return detail::sendall_pieces_of<First, Bytes...>(state_, message_flags::none, bytes_view(first),
                                                          bytes_view(more)...);
    }
    /// The same with flags.
    ///
    /// Cancellation: as above.
    template <class First, class... Bytes>
        requires(sizeof...(Bytes) >= 1 && std::convertible_to<First, bytes_view> &&
                 (std::convertible_to<Bytes, bytes_view> && ...))
    detail::sendall_pieces_of<First, Bytes...> sendall(message_flags flags, First&& first, Bytes&&... more) noexcept {
        return detail::sendall_pieces_of<First, Bytes...>(state_, flags, bytes_view(first), bytes_view(more)...);
    }

    /// Receives one datagram of up to `size` bytes, with its sender; what is longer is cut off, and says so. An empty one is
    /// true. On a stream it is `recv` with an unnamed peer.
    ///
    /// Cancellation: safe; a received datagram is returned, never dropped. Source: recvfrom(2).
    detail::recvfrom_chunk_operation recvfrom(detail::count<"recvfrom"> size, message_flags flags = {}) noexcept {
        return detail::recvfrom_chunk_operation(state_, size, flags);
    }
    /// Receives one datagram into the caller's buffer; gives its size, its sender, and whether it was longer than the buffer.
    ///
    /// Cancellation: safe; a received datagram is reported, never dropped. Source: recvfrom(2).
    detail::recvfrom_operation recvfrom(std::span<std::byte> buffer, message_flags flags = {}) noexcept {
        return detail::recvfrom_operation(state_, buffer, flags);
    }
    /// The same into an array, a string, a vector or a span, of bytes or of characters.
    ///
    /// Cancellation: as above.
    template <detail::receive_buffer Buffer>
    detail::recvfrom_operation recvfrom(Buffer&& buffer, message_flags flags = {}) noexcept {
        return detail::recvfrom_operation(state_, detail::writable_bytes(buffer), flags);
    }

    /// Waits for a datagram, and receives all that have come, as many as the batch has room for; gives how many. What the batch held before is
    /// gone. 0 after `shutdown` has ended what the socket receives. Errors: `invalid_argument` for a stream, and for a batch without room.
    ///
    /// Cancellation: safe; what has been received is reported, never dropped. Source: recvmmsg(2).
    detail::batch_call recvfrom(datagram_batch& batch) noexcept {
        return {state_, detail::opcode::recv_batch, operation_name::recvfrom, batch.block_};
    }

    /// Sends one datagram to an address; a placeholder takes the socket's family. Gives the number of bytes. Errors: `message_size` for
    /// one that is too long.
    ///
    /// Cancellation: safe; a datagram that went out is reported. Source: sendto(2).
    detail::sendto_operation sendto(bytes_view bytes, const address& peer, message_flags flags = {}) noexcept {
        return detail::sendto_operation(state_, bytes, peer, flags);
    }
    /// The same with bytes that go with the expression, so it is awaited there.
    ///
    /// Cancellation: as above.
    template <detail::temporary_bytes Bytes>
    detail::on_temporaries<detail::sendto_operation> sendto(Bytes&& bytes, const address& peer,
                                                            message_flags flags = {}) noexcept {
        return detail::on_temporaries<detail::sendto_operation>(state_, bytes_view(bytes), peer, flags);
    }

    /// Sends what the batch holds, each entry to its `peer` (a placeholder takes the socket's family) or to the one to which the socket is
    /// connected; gives how many went out. An entry that fails says so (`datagram_entry::error`), such as `message_size`, and the others go
    /// out all the same. Waits where there is no room. Errors of the call itself: `invalid_argument` for a stream. A refusal that comes back
    /// while a batch goes out may be told to nobody (Linux). On failure the exception's `transferred()` says how many entries went out.
    ///
    /// Cancellation: `cancelled::transferred()` says how many entries went out. Source: sendmmsg(2), udp(7).
    detail::batch_call sendto(datagram_batch& batch) noexcept {
        return {state_, detail::opcode::send_batch, operation_name::sendto, batch.block_};
    }

    /// Receives up to `size` bytes with what came beside them (`#include <coax/message.hpp>`): one datagram, or of a stream bytes that were
    /// sent together. Descriptors are owned by the result; those that nobody asked for are closed. With `peek` nothing is taken, and
    /// descriptors are duplicates, as far as the system makes them. Malformed control data are `bad_message`.
    ///
    /// Cancellation: safe; a received message is returned, never dropped. What its coroutine did not live to take goes to the next receive, its
    /// descriptors too if that is one of messages. Source: recvmsg(2).
    inline detail::recvmsg_chunk_operation recvmsg(detail::count<"recvmsg"> size,
                                                   const recvmsg_options& how = {}) noexcept;
    /// The same into the caller's buffer.
    ///
    /// Cancellation: as above.
    inline detail::recvmsg_operation recvmsg(std::span<std::byte> buffer, const recvmsg_options& how = {}) noexcept;
    /// The same into an array, a string, a vector or a span, of bytes or of characters.
    ///
    /// Cancellation: as above.
    template <detail::receive_buffer Buffer>
    detail::recvmsg_operation recvmsg(Buffer&& buffer, const recvmsg_options& how = {}) noexcept;

    /// Receives up to `size` bytes and up to `most` descriptors that came with them; Python's `socket.recv_fds`.
    ///
    /// Cancellation: as `recvmsg`. Source: unix(7), SCM_RIGHTS.
    inline detail::recv_fds_operation recv_fds(detail::count<"recv_fds"> size, detail::count<"recv_fds"> most,
                                               message_flags flags = {}) noexcept;

    /// Sends one datagram, or some bytes of a stream, made of one or several pieces, with what is to go beside them; gives the number of
    /// bytes, which may be fewer on a stream. `operation_not_supported` for what the system cannot send, `invalid_argument` for descriptors
    /// without a byte on a stream, where they would not arrive.
    ///
    /// Cancellation: safe; what went out is reported. Source: sendmsg(2).
    template <class First, class... Bytes>
        requires(std::convertible_to<First, bytes_view> && (std::convertible_to<Bytes, bytes_view> && ...))
    detail::sendmsg_of<First, Bytes...> sendmsg(const sendmsg_options& how, First&& first, Bytes&&... more) noexcept;

    /// Sends all of the bytes, at least one on a stream, with descriptors, which go out with the first one; Python's `socket.send_fds`. They
    /// stay the caller's, and open until this has ended.
    ///
    /// Cancellation: `cancelled::transferred()` says how many bytes went out; with the first one went the descriptors. Source: unix(7).
    template <class Bytes>
        requires(std::convertible_to<Bytes, bytes_view>)
    detail::send_fds_of<Bytes> send_fds(Bytes&& bytes, handles_view fds, message_flags flags = {}) noexcept;

private:
    friend struct detail::accept_base;
    friend struct detail::socket_access;
    friend COAX_API struct socket_pair socketpair(coax::kind kind);

    explicit socket(detail::descriptor* state) noexcept : state_(state) {}

    /// Another handle on the same descriptor.
    socket share() const;
    void release() noexcept;
    void set_limit(clock::duration limit);
    void set_words(detail::option_id id, detail::option_words value);
    detail::option_words get_words(detail::option_id id) const;

    detail::descriptor* state_ = nullptr;
};

/// What `socket::accept` gives.
struct accepted {
    /// A connection and its other end.
    accepted(socket connection, const address& from) noexcept : conn(std::move(connection)), peer(from) {}

    socket conn;  ///< the new connection, without a limit of `settimeout`
    address peer; ///< its other end; unnamed if it is already gone
};

/// What `socket::detach` leaves in the caller's hands.
struct detached {
    /// A handle, and what the socket had received and accepted in advance.
    detached(native_handle of, std::vector<std::byte> bytes, std::vector<datagram> messages,
             std::vector<socket> connections) noexcept
        : handle(of), unread(std::move(bytes)), datagrams(std::move(messages)), unaccepted(std::move(connections)) {}

    native_handle handle;            ///< the caller closes it
    std::vector<std::byte> unread;   ///< of a stream: received, but not yet delivered to any `recv`
    std::vector<datagram> datagrams; ///< of a datagram socket: received, but not yet delivered
    std::vector<socket> unaccepted;  ///< of a listener: connections taken from its backlog, but not yet delivered
};

} // namespace coax

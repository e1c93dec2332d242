/// \file
/// Listening sockets that are ready to accept: made from an address, or inherited from the service manager.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/socket.hpp>

namespace coax {
namespace detail {
struct bound_path;
struct create_server_fn;
} // namespace detail

/// A socket that listens, and the path that it made in the file system if it is a UNIX socket.
///
/// The path belongs to the listener that `create_server` has bound to it: `close` and the destructor remove it, before the socket is
/// closed, if the file there is still the one that this socket made. A path that somebody else has replaced stays, and so does one that
/// was inherited from the service manager. In a forked child closing removes nothing: the path is the parent's. What is moved from
/// removes nothing.
class COAX_API listener {
public:
    /// No socket: `accept` fails with `bad_file_descriptor`.
    listener() noexcept;
    /// Takes a socket that listens already. Its path, if it has one, stays whoever's it is.
    explicit listener(coax::socket listening) noexcept;
    /// Takes the socket and its path; what is moved from is closed.
    listener(listener&& other) noexcept;
    /// The same, after closing what it had.
    listener& operator=(listener&& other) noexcept;
    /// Closes it.
    ~listener();

    /// Waits for a connection, as `socket::accept` does, with the same errors.
    ///
    /// Cancellation: safe; a connection that had arrived is returned, or goes to the next `accept`. Source: accept(2).
    detail::accept_operation accept() noexcept { return socket_.accept(); }

    /// The address it is bound to: the port that the system chose for port 0. Source: getsockname(2).
    address getsockname() const { return socket_.getsockname(); }

    /// False when closed or moved from.
    bool is_open() const noexcept { return socket_.is_open(); }

    /// Removes the path if it is its own, and closes the socket. Those who wait to accept resume with `bad_file_descriptor`. Connections
    /// that nobody has accepted are reset. Closing twice is harmless.
    void close() noexcept;

    /// The socket itself, for its options; it stays the listener's.
    coax::socket& socket() noexcept { return socket_; }

private:
    friend struct detail::create_server_fn;

    coax::socket socket_;
    std::unique_ptr<detail::bound_path> path_;
};

/// How `create_server` makes a listener.
struct server_options {
    /// How many connections may wait to be accepted; the system caps it.
    int backlog = 128;
    /// Several listeners share the address, and the system spreads the connections over them.
    bool reuse_port = false;
    /// For the address "any" (`""` and `::`): one IPv6 socket that takes IPv4 connections as well. Where the machine has no IPv6,
    /// `""` becomes an IPv4 socket. Without it `""` is IPv4, and an IPv6 socket takes IPv6 only. For other addresses it means nothing:
    /// IPv4 written as IPv6, with `ffff` in front, takes IPv4 in any case.
    bool dual_stack = false;
    /// Binds although connections of an earlier server are still in TIME_WAIT. Not for UNIX sockets.
    bool reuse_address = true;
    /// The permissions of a UNIX path, whatever the umask is. Who may not write to it cannot connect. On Linux it never has more than
    /// these; elsewhere it has those of the umask for a moment, before it listens. Permissions that the umask takes away are
    /// `operation_not_supported` where there is no /proc and Linux is older than 6.6.
    unsigned mode = 0600;
    /// Takes a listener for this address that the service manager has handed over, if there is one, instead of making it.
    bool activation = true;
};

namespace detail {
struct COAX_API create_server_fn {
    listener operator()(const address& at, const server_options& options = {}) const;
};
} // namespace detail

/// `listener server = create_server({"", 50007})`: a stream socket that is bound to the address and listens. At once, not awaited.
/// Placeholders are IPv4 unless `dual_stack` says otherwise.
///
/// A UNIX path is made with its permissions from the start: there is no moment in which others could connect. What is there already is
/// removed only if it is a socket on which nobody listens any more; a server that lives is `address_in_use`, and so is anything that is
/// no socket, which is never touched. Of servers of one user that are started at the same moment one gets the path, the others
/// `address_in_use`: meanwhile a file beside it, `.NAME.lock`, is locked with flock(2). Where the file belongs to somebody else or the file
/// system has no locks it is done without, and then it can happen, if rarely, that one of two such servers listens on a path that the
/// other has replaced. Nothing of this waits.
///
/// A listener from the service manager is taken as it is: it keeps its backlog, its options and its permissions. `""` takes one
/// for any address, IPv4 or IPv6.
///
/// Throws `io_error` (`address_in_use`, `address_not_available`, `permission_denied`, …), and `std::invalid_argument` as
/// `activated_listeners` does. Source: bind(2), listen(2), unix(7), flock(2).
inline constexpr detail::create_server_fn create_server{};

/// A listener from the service manager.
struct activated_listener {
    /// This listener, with this name.
    activated_listener(std::string called, coax::listener made) noexcept
        : name(std::move(called)), listener(std::move(made)) {}

    std::string name;        ///< of LISTEN_FDNAMES; "unknown" where there is none
    coax::listener listener; ///< listens already
};

/// The listeners that were handed to this process by systemd or whoever speaks its protocol (LISTEN_PID, LISTEN_FDS and
/// LISTEN_FDNAMES), in their order: the stream sockets that listen, those that `create_server` has taken left out. Sockets of other
/// kinds and files are skipped and stay open; all of them are closed on exec. Their paths are the service manager's.
///
/// Each is given away once: a second call gives nothing. The process remembers that, and leaves its environment as it is; children
/// are not concerned, since LISTEN_PID is not theirs. From any thread.
///
/// Throws `std::invalid_argument` that names the variable whose value cannot be right; an empty LISTEN_PID or LISTEN_FDS counts as
/// one that is not set. Source: sd_listen_fds(3).
COAX_API std::vector<activated_listener> activated_listeners();

} // namespace coax

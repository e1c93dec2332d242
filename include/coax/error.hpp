/// \file
/// The errors of I/O operations: as a value (`failure`) and as exceptions.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <system_error>

#include <coax/address.hpp>
#include <coax/config.hpp>

namespace coax {

/// What was being done when an error came up; part of every message.
enum class operation_name : unsigned char {
    none,                ///< none that is known
    socket,              ///< making a `socket`, and `socket::family`, `socket::kind`, `socket::makefile`
    socketpair,          ///< `socketpair`
    adopt,               ///< `socket::adopt`
    bind,                ///< `socket::bind`
    listen,              ///< `socket::listen`
    accept,              ///< `socket::accept`, `listener::accept`
    connect,             ///< `socket::connect`
    recv,                ///< `socket::recv`
    send,                ///< `socket::send`
    sendall,             ///< `socket::sendall`
    recvfrom,            ///< `socket::recvfrom`
    sendto,              ///< `socket::sendto`
    recvmsg,             ///< `socket::recvmsg`
    sendmsg,             ///< `socket::sendmsg`
    recv_fds,            ///< `socket::recv_fds`
    send_fds,            ///< `socket::send_fds`
    shutdown,            ///< `socket::shutdown`
    close,               ///< closing a socket; no error says it
    detach,              ///< `socket::detach`
    unbind,              ///< `socket::unbind`; no error says it
    getsockname,         ///< `socket::getsockname`
    getpeername,         ///< `socket::getpeername`
    setsockopt,          ///< `socket::setsockopt`, `socket::settimeout`
    getsockopt,          ///< `socket::getsockopt`
    join_group,          ///< `socket::join_group`
    leave_group,         ///< `socket::leave_group`
    join_source_group,   ///< `socket::join_source_group`
    leave_source_group,  ///< `socket::leave_source_group`
    sleep,               ///< `sleep_for`, `sleep_until`
    yield,               ///< `yield`
    wait_signal,         ///< `wait_signal`
    with_timeout,        ///< `with_timeout`
    with_deadline,       ///< `with_deadline`
    to_thread,           ///< `to_thread`
    lock,                ///< `mutex::lock`
    acquire,             ///< `semaphore::acquire`, `semaphore::scoped_acquire`
    wait,                ///< `event::wait`, `condition::wait`, `one_shot::get`
    channel_send,        ///< `channel::send`
    channel_recv,        ///< `channel::recv`
    read,                ///< `basic_stream::read`, `readinto` and `fill`
    readexactly,         ///< `basic_stream::readexactly`
    readline,            ///< `basic_stream::readline`
    readuntil,           ///< `basic_stream::readuntil`
    write,               ///< `basic_stream::write`
    flush,               ///< `basic_stream::flush`
    frame_recv,          ///< `framed::recv`
    frame_send,          ///< `framed::send`
    getaddrinfo,         ///< `getaddrinfo`
    getnameinfo,         ///< `getnameinfo`
    if_nameindex,        ///< `if_nameindex`
    if_nametoindex,      ///< `if_nametoindex`, and an `interface_index` that is made from a name
    if_indextoname,      ///< `if_indextoname`
    create_connection,   ///< `create_connection`
    create_server,       ///< `create_server`
    activated_listeners, ///< `activated_listeners`; no error says it
    proxy_header,        ///< `read_proxy_header`
    serve,               ///< `serve`
    drain,               ///< the wait of a draining `serve` for its connections; no error says it
    join,                ///< `task_handle::join`
};

/// The name as in the socket vocabulary, for example "recvfrom".
COAX_API const char* to_string(operation_name name) noexcept;

/// Why an operation gave no value: an error of the system, an expired limit, a cancellation, or an exception of a task.
class COAX_API failure {
public:
    /// The kinds of failure; each becomes an exception of its own.
    enum class cause : unsigned char {
        error,     ///< an error of the system: `io_error`
        timeout,   ///< a limit has passed: `timeout_error`
        cancelled, ///< a scope was cancelled: `coax::cancelled`
        exception, ///< an exception of a task, as it was
    };

    /// An error of the system.
    explicit failure(std::error_code code, operation_name operation = operation_name::none,
                     std::size_t transferred = 0) noexcept
        : code_(code), transferred_(transferred), operation_(operation) {}
    /// A timeout or a cancellation, of this operation.
    failure(cause why, operation_name operation, std::size_t transferred = 0) noexcept;
    /// The exception that is being handled, which `raise` throws again unchanged. I/O errors and cancellations are told apart.
    static failure from_current_exception() noexcept;

    /// Which kind of failure it is.
    cause why() const noexcept { return cause_; }
    /// The error code; `std::errc::timed_out` for a timeout, `operation_canceled` for a cancellation, zero for an exception of another kind.
    const std::error_code& code() const noexcept { return code_; }
    /// What was being done.
    operation_name operation() const noexcept { return operation_; }
    /// The other end (or the address given to the call); unnamed where none is known.
    const address& peer() const noexcept;
    /// Bytes that went out before the failure; other than zero only for `sendall` and what is built on it. For `sendto` of a batch,
    /// its entries.
    std::size_t transferred() const noexcept { return transferred_; }
    /// "recv 127.0.0.1:50007: Connection reset by peer", "recv 127.0.0.1:50007 (with_timeout 1 s): Connection timed out"; for a standard
    /// exception its `what()`.
    std::string message() const;

    /// Throws it: `io_error`, `timeout_error`, `cancelled` or the exception itself.
    [[noreturn]] void raise() const;
    /// The exception that `raise` throws.
    std::exception_ptr to_exception() const noexcept;

    /// Names the other end.
    failure& with_peer(const address& peer) noexcept;
    /// Says how many bytes went out; an exception of a more special type is forgotten if that changes.
    failure& with_transferred(std::size_t count) noexcept;
    /// Makes a timeout of a cancellation: the scope that was cancelled was one with a deadline. The message names the limit, and its
    /// seconds if there are any.
    failure& as_timeout(operation_name limited_by, double seconds = 0) noexcept;

    /// Whether this is its code.
    friend bool operator==(const failure& left, const std::error_code& right) noexcept { return left.code_ == right; }
    /// Whether its code means this condition.
    friend bool operator==(const failure& left, std::errc right) noexcept { return left.code_ == right; }

private:
    friend class io_error;

    /// "recv 127.0.0.1:50007 (with_timeout 1 s)".
    std::string subject() const;

    std::error_code code_;
    std::size_t transferred_ = 0;
    std::shared_ptr<const address> peer_;
    std::exception_ptr exception_;
    float limit_ = 0; // seconds
    operation_name operation_ = operation_name::none;
    operation_name limited_by_ = operation_name::none;
    cause cause_ = cause::error;
};

/// A failed socket operation. `what()` names the operation, the address and the reason.
class COAX_API io_error : public std::system_error {
public:
    /// The exception for this failure.
    explicit io_error(const failure& reason);
    ~io_error() override;

    /// What was being done.
    operation_name operation() const noexcept { return reason_.operation(); }
    /// The other end (or the address given to the call); unnamed where none is known.
    const address& peer() const noexcept { return reason_.peer(); }
    /// Bytes that went out before the error; other than zero only for `sendall` and what is built on it. For `sendto` of a batch, its
    /// entries.
    std::size_t transferred() const noexcept { return reason_.transferred(); }
    /// The same as a value.
    const failure& reason() const noexcept { return reason_; }

private:
    failure reason_;
};

/// The limit of an operation (`settimeout`, `with_timeout`) passed before it completed. `code()` is `std::errc::timed_out`; a
/// timeout that the system reports (a dead peer) is an `io_error` with the same condition instead.
class COAX_API timeout_error : public io_error {
public:
    /// The exception for this failure.
    explicit timeout_error(const failure& reason) : io_error(reason) {}
    ~timeout_error() override;
};

} // namespace coax

namespace coax::detail {

/// The code of an errno value. Whatever the system's own numbers are, it compares equal to the `std::errc` of that name.
COAX_API std::error_code system_error(int error) noexcept;

} // namespace coax::detail

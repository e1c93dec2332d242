/// \file
/// Serving: accept, handle, keep within limits, end gracefully.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

#include <coax/address.hpp>
#include <coax/cancelled.hpp>
#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/detail/refused.hpp>
#include <coax/function_ref.hpp>
#include <coax/listener.hpp>
#include <coax/socket.hpp>
#include <coax/sync/event.hpp>
#include <coax/task.hpp>

namespace coax {

/// What happens to connections when a server begins to end. Whichever it is, a connection whose handler ends while the server drains is
/// closed by `lingering_close`, so that what was sent arrives.
enum class drain_mode : unsigned char {
    /// Requests under way are finished, idle connections end. The server knows bytes and not requests: a connection is idle when its
    /// handler waits to receive, and has sent something since it last received (or nothing has come yet), for a quarter of a second; after
    /// a second of draining, without a pause. Where the peer spoke last, the rest of its request is waited for until nothing has moved for
    /// five seconds, or half of `drain_timeout` if that is shorter. The handler of an idle connection receives the end of the stream, and
    /// leaves as if the peer had finished. A handler that takes `serving&` is left alone: it knows better.
    finish,
    /// What they receive ends at once: a handler reads what has arrived already, then the end of the stream, even in the middle of a
    /// request, and leaves as if the peer had finished.
    end_input,
    leave_open, ///< Nothing; handlers learn in their own way that it is time to go.
};

namespace detail {
struct server;
}

/// What a handler can ask the server that runs it: `task<> handler(coax::socket conn, coax::address peer, coax::serving& server)`. It stays
/// valid until the handler has ended.
class serving {
public:
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;

    /// Whether the server has begun to end: no request should follow the one that is being answered.
    bool draining() const noexcept { return begun_.is_set(); }

    /// `co_await server.drain()`: waits until the server begins to end. Between two requests:
    /// `auto first = co_await when_any(conn.recv(4096), server.drain());`. What had been received in that moment is not lost:
    /// `first.slots` has it.
    ///
    /// Cancellation: throws `cancelled`.
    [[nodiscard]] detail::event_wait_operation drain() noexcept { return begun_.wait(); }

private:
    friend struct detail::server;
    serving() = default;

    event begun_;
};

/// Whether connections come through a proxy that says whose they are.
enum class proxy_mode : unsigned char {
    off,      ///< No: what arrives is for the handler, all of it.
    required, ///< Each begins with a PROXY header, see `read_proxy_header`; one that does not is refused.
};

/// Limits of `serve`, and whom it tells.
struct serve_options {
    /// How many connections may be handled at once; 0 is no limit. At the limit nothing is accepted, and clients wait in the backlog.
    /// A connection counts until its handler has ended: one that puts the socket somewhere else and returns gives its place to the
    /// next, and ends `idle_timeout` for it, although the connection stays open.
    std::size_t max_connections = 0;
    /// How long connections may go on when the server ends, before they are cancelled. Zero cancels them at once.
    clock::duration drain_timeout = std::chrono::seconds(30);
    /// A connection on which no byte has gone in either direction for so long is cancelled; zero is no limit. It counts what operations
    /// on the socket moved, also parts of a `sendall`. A peer that sends one byte now and then is not idle: what a whole request may
    /// take is limited with `with_timeout` in the handler.
    clock::duration idle_timeout = clock::duration::zero();
    /// Called for each exception that a handler threw, `connection_reset` and its like included, with the peer it served; for each connection
    /// that was lost because there was no memory to serve it; and, with an unnamed peer, for an error of `accept` that passes by itself, once
    /// until a connection has been accepted again. It must outlive the server. It should not throw: what it throws goes to the scheduler's
    /// `on_suppressed`, together with what it was told.
    ///
    /// The default is that handler, but for what is no fault of the program: that the peer of the connection has reset it, has left in the
    /// middle of something or cannot be reached any more, or that a limit has passed, nobody is told.
    function_ref<void(std::exception_ptr error, const address& peer)> on_error = {};
    /// What happens to the connections that are open when the server begins to end.
    drain_mode drain = drain_mode::finish;
    /// With `required` the handler gets the connection behind its header, and as `peer` the source that the header names; errors of the
    /// connection name it too, `getpeername` still gives the proxy. Where the header names nobody (`proxy_header::source`), a health check
    /// for one, the peer is the proxy. Connections that are refused, with `proxy_malformed`, `proxy_truncated`, `proxy_untrusted` or a
    /// `timeout_error`, are closed, and reported to `on_error` with the peer that the connection itself has.
    ///
    /// A handler that wants to know what else a header says leaves this off and calls `read_proxy_header` itself.
    proxy_mode proxy = proxy_mode::off;
    /// Whether this peer may say whose connection it is. All others are refused before anything is read: with a header of its own
    /// making, anybody can seem to be anybody. Without this everyone may, which is right only where nobody but the proxies can reach the
    /// server. It must outlive the server. If it throws, the connection is refused, and that is reported.
    function_ref<bool(const address& peer)> proxy_trusted = {};
    /// How long a connection may take to send its header; zero is no limit. No other connection waits for it. When the server
    /// ends, one whose header has not come is refused as if its peer had left.
    clock::duration proxy_timeout = std::chrono::seconds(5);
};

namespace detail {

/// What a connection is given to.
struct connection_handler {
    /// What is called refers to all it is given until its task has ended.
    using function = function_ref<task<>(socket& conn, const address& peer, serving& server)>;

    connection_handler(function with, bool knows) noexcept : run(with), knows_of_drain(knows) {}

    function run;
    bool knows_of_drain; ///< it takes `serving&`
};

/// What a server accepts from.
class listening {
public:
    listening(listener& from) noexcept : listener_(&from) {}   // NOLINT(google-explicit-constructor)
    listening(coax::socket& from) noexcept : socket_(&from) {} // NOLINT(google-explicit-constructor)
    coax::socket& socket() const noexcept { return listener_ != nullptr ? listener_->socket() : *socket_; }
    void close() const noexcept {
        if (listener_ != nullptr)
            listener_->close();
        else
            socket_->close();
    }

private:
    listener* listener_ = nullptr;
    coax::socket* socket_ = nullptr;
};

/// Closes the listener however the server ends.
struct closed_at_end {
    explicit closed_at_end(const listening& what) noexcept : at(what) {}
    closed_at_end(const closed_at_end&) = delete;
    closed_at_end& operator=(const closed_at_end&) = delete;
    ~closed_at_end() { at.close(); }
    listening at;
};

/// Throws `std::invalid_argument`.
COAX_API void check_options(const serve_options& options);

COAX_API task<> serve_connections(listening at, connection_handler handler, serve_options options);

template <class Handler>
inline constexpr bool takes_connection = std::is_invocable_r_v<task<>, Handler&, socket, const address&>;
template <class Handler>
inline constexpr bool takes_serving = std::is_invocable_r_v<task<>, Handler&, socket, const address&, serving&>;

template <class Handler>
task<> run_server(listening at, Handler handler, serve_options options) {
    using callable = std::remove_reference_t<Handler>;
    const closed_at_end guard{at};
    const auto give = [&handler](socket& conn, const address& peer, [[maybe_unused]] serving& server) -> task<> {
        if constexpr (takes_connection<callable>)
            return handler(std::move(conn), peer);
        else
            return handler(std::move(conn), peer, server);
    };
    co_await serve_connections(at, connection_handler(give, !takes_connection<callable>), options);
}

struct serve_fn {
    template <class Handler>
        requires(takes_connection<std::remove_reference_t<Handler>> || takes_serving<std::remove_reference_t<Handler>>)
    task<> operator()(listening at, Handler&& handler, serve_options options = {}) const {
        reject_unsafe_closure<Handler>();
        check_options(options);
        return run_server<Handler>(at, std::forward<Handler>(handler), options);
    }
};

} // namespace detail

/// `co_await serve(listener, handler)`: accepts connections and runs `handler(conn, peer)` (a `task<>(coax::socket, coax::address)`) for
/// each, all at the same time, until it is cancelled. The listener may be a `coax::socket` that listens. It, and a handler that has a
/// name, must outlive the call; the listener is closed when it ends, however it ends. Its `settimeout` is not for the server: `serve`
/// takes it off.
///
/// A handler may also take `coax::socket&&` and `const coax::address&`: they stay valid until it has ended. `coax::socket&` does not
/// compile: the connection is the handler's. With a third parameter, `coax::serving&`, it learns when the server begins to end.
///
/// What a handler throws goes to `on_error`, and no other connection notices. Where the process or the system runs out of
/// descriptors or memory, clients wait in the backlog: it tries again when a connection has ended, or after a pause that grows
/// from 5 milliseconds to a second. So it does after other errors of `accept` that say nothing against the listener, such as that of a
/// firewall (`operation_not_permitted`), and reports them. A connection for which there is no memory when it has been accepted is closed, and
/// reported. Errors of the listener itself (`bad_file_descriptor`, `invalid_argument`, `not_a_socket`, `operation_not_supported`,
/// `bad_address`) end it, after the connections, and are thrown. If somebody closes the listener it returns after the connections.
///
/// Cancellation: it drains. The listener is closed at once, so that new clients are refused, and connections in its backlog, which
/// nobody has accepted, are reset. Handlers go on, see `drain_mode` and `serving`, for up to `drain_timeout`, then they are cancelled;
/// `cancelled` is thrown when all have ended. A cancellation from further out than the one that began this, and the end of the scheduler's run, cancel
/// the handlers at once: a scope around a scope is the way to have a second Ctrl-C that does not wait.
inline constexpr detail::serve_fn serve{};

} // namespace coax

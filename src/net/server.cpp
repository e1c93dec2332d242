#include <coax/server.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>
#include <stdexcept>

#include <coax/as_result.hpp>
#include <coax/cancel.hpp>
#include <coax/detail/own_scope.hpp>
#include <coax/error.hpp>
#include <coax/linger.hpp>
#include <coax/proxy.hpp>
#include <coax/stream_error.hpp>
#include <coax/timeout.hpp>

#include "net/served.hpp"
#include "runtime/core.hpp"
#include "runtime/idle_scope.hpp"

namespace coax::detail {
namespace {

/// Awaits a connection's handler in a scope that is cancelled when the connection is idle.
class watched_awaiter {
public:
    watched_awaiter(descriptor& conn, clock::duration limit, task<> handler) noexcept
        : scope_(conn, limit), handler_(std::move(handler)), inner_(std::move(handler_).operator co_await()) {}
    watched_awaiter(const watched_awaiter&) = delete;
    watched_awaiter& operator=(const watched_awaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        const environment around = environment_of(coroutine);
        scope_.open(*around.on, *around.within);
        return inner_.suspend({around.on, &scope_}, coroutine);
    }
    void await_resume() {
        try {
            inner_.await_resume();
        } catch (const cancelled&) {
            if (!scope_.was_idle())
                throw;
        }
    }

private:
    idle_scope scope_;
    task<> handler_;
    task_awaiter<void> inner_;
};

/// Learns from the connection's PROXY header whose it is.
task<> identify(const server& by, const served& connection, socket& conn) {
    const address peer = connection.peer();
    // Nobody to be trusted or not: it was gone before its name could be asked for.
    if (peer.is_unnamed() && conn.family() != family::local)
        throw io_error(failure(std::make_error_code(std::errc::connection_reset), operation_name::proxy_header));
    if (by.options.proxy_trusted && !by.options.proxy_trusted(peer))
        throw io_error(failure(stream_errc::proxy_untrusted, operation_name::proxy_header).with_peer(peer));
    const bool limited = by.options.proxy_timeout != clock::duration::zero();
    const clock::duration limit = limited ? by.options.proxy_timeout : clock::duration::max();
    const auto header = co_await as_result(with_timeout(limit, read_proxy_header(conn)));
    if (!header && header.error().why() == failure::cause::timeout)
        throw timeout_error(failure(failure::cause::timeout, operation_name::proxy_header).with_peer(peer));
    const address& source = header.value().source;
    if (source.is_unnamed())
        co_return;
    connection.state().peer.set(source);
    if (connection.peer() != source) // no memory for a UNIX name: the client must not seem to be the proxy
        throw std::bad_alloc();
}

/// `Watched`: with an idle_timeout. Those without one need not carry what it takes.
template <bool Watched>
task<> serve_connection(server& by, socket accepted) {
    served self(by, accepted);
    try {
        {
            // Here, and not in the handler's frame: that may refer to them. They go before `self`, and before anything is reported.
            socket conn = std::move(accepted);
            // Whatever comes between accepting and handling belongs here: it is this connection's own time.
            if (by.options.proxy == proxy_mode::required)
                co_await identify(by, self, conn);
            const address peer = self.peer();
            if constexpr (Watched)
                co_await watched_awaiter(self.state(), by.options.idle_timeout, by.handler.run(conn, peer, by.face));
            else
                co_await by.handler.run(conn, peer, by.face);
        }
        socket rest = self.release();
        if (rest.is_open())
            co_await lingering_close(std::move(rest));
    } catch (const cancelled&) {
        self.release().close();
        if (!by.group->cancelled())
            by.report(std::current_exception(), self.peer());
    } catch (...) {
        self.release().close();
        by.report(std::current_exception(), self.peer());
    }
}

/// What an error of the accepting means.
enum class accept_error : unsigned char {
    fatal,    ///< that of the listener itself
    passing,  ///< it says nothing against the listener
    shortage, ///< something has run out, and will be there again: nothing to report
};

accept_error kind_of(const std::error_code& code) noexcept {
    if (code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system ||
        code == std::errc::no_buffer_space || code == std::errc::not_enough_memory)
        return accept_error::shortage;
    if (code == std::errc::bad_file_descriptor || code == std::errc::invalid_argument ||
        code == std::errc::not_a_socket || code == std::errc::operation_not_supported || code == std::errc::bad_address)
        return accept_error::fatal;
    return accept_error::passing;
}

/// Accepts, and pauses where that fails, until the listener is closed. Nothing on the way from a failure to the next try needs memory.
task<> accept_connections(server& by) {
    constexpr clock::duration shortest = std::chrono::milliseconds(5);
    constexpr clock::duration longest = std::chrono::seconds(1);
    clock::duration pause = shortest;
    std::error_code reported; // since a connection was last accepted
    const auto serve_one =
        by.options.idle_timeout != clock::duration::zero() ? &serve_connection<true> : &serve_connection<false>;
    const auto check = [](stop_reason why) {
        if (why == stop_reason::scope)
            throw cancelled(failure(failure::cause::cancelled, operation_name::serve));
        return why;
    };
    for (;;) {
        while (by.options.max_connections != 0 && by.count >= by.options.max_connections) {
            if (!by.at.socket().is_open())
                co_return;
            const stop_reason why = co_await server_wait(by, server_wait::what::room);
            check(why);
        }
        address peer;
        try {
            // A limit is for those who want to do something else meanwhile.
            if (by.at.socket().is_open())
                by.at.socket().settimeout(std::nullopt);
            accepted next = co_await by.at.socket().accept();
            peer = next.peer;
            by.group->spawn(serve_one(by, std::move(next.conn)));
            pause = shortest;
            reported = {};
            continue;
        } catch (const io_error& failed) {
            if (!by.at.socket().is_open())
                co_return;
            const accept_error kind = kind_of(failed.code());
            if (kind == accept_error::fatal)
                throw;
            if (kind == accept_error::passing && failed.code() != reported) {
                reported = failed.code();
                by.report(std::current_exception(), peer);
            }
        } catch (const std::bad_alloc&) { // the connection, if there was one, is closed
            by.report(std::current_exception(), peer);
        }
        const std::int64_t now = core::of(*by.around.on).now();
        const stop_reason why = co_await server_wait(by, server_wait::what::room, later(now, pause));
        if (check(why) == stop_reason::expired)
            pause = std::min(pause * 2, longest);
    }
}

task<> serve_in_group(server& by) {
    try {
        // The connections are shielded from the scope around the server, the accepting is not.
        task<> accepting = accept_connections(by);
        co_await scoped_awaiter<void>(std::move(accepting).operator co_await(), *by.around.within);
    } catch (...) {
        by.failed = std::current_exception();
    }
    by.begin_drain();
    while (by.count != 0) {
        const stop_reason why = co_await server_wait(by, server_wait::what::all_ended, by.next_look());
        if (!by.drains_on(why))
            break;
    }
    by.group->cancel();
}

} // namespace

void check_options(const serve_options& options) {
    if (options.drain_timeout < clock::duration::zero())
        throw std::invalid_argument("serve: a negative drain_timeout");
    if (options.idle_timeout < clock::duration::zero())
        throw std::invalid_argument("serve: a negative idle_timeout");
    if (options.proxy_timeout < clock::duration::zero())
        throw std::invalid_argument("serve: a negative proxy_timeout");
}

task<> serve_connections(listening at, connection_handler handler, serve_options options) {
    const promise_base& self = co_await own_promise();
    server by(at, handler, options, self.surroundings);
    descriptor* const state = socket_access::state(at.socket());
    if (state == nullptr || !state->open)
        throw io_error(failure(system_error(EBADF), operation_name::serve));
    const auto body = [&](task_group& group) -> task<> {
        by.group = &group;
        co_await serve_in_group(by);
    };
    co_await shield(with_task_group(body));
    if (by.failed != nullptr)
        std::rethrow_exception(by.failed);
}

} // namespace coax::detail

#include <coax/server.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

#include <coax/cancel.hpp>
#include <coax/detail/system_error.hpp>
#include <coax/detail/within.hpp>
#include <coax/proxy.hpp>
#include <coax/result.hpp>
#include <coax/stream_errc.hpp>
#include <coax/sync/event.hpp>
#include <coax/task_group.hpp>
#include <coax/timeout.hpp>

#include "backend/backend.hpp"
#include "backend/descriptor.hpp"
#include "net/socket_access.hpp"
#include "os/socket.hpp"
#include "runtime/core.hpp"
#include "runtime/idle_scope.hpp"

namespace coax::detail {
namespace {

class served;
class drain_wait;

/// One call of `serve`; it lives in its frame.
struct server {
    server(listening from, connection_handler with, const serve_options& how, environment where)
        : at(from), handler(with), options(how), around(where) {}

    listening at;
    connection_handler handler;
    serve_options options;
    environment around;
    task_group* group = nullptr;
    served* connections = nullptr;
    std::size_t count = 0;
    event one_ended;
    drain_wait* draining = nullptr;
    std::exception_ptr failed; // what ended the accepting

    void report(std::exception_ptr error, const address& peer) noexcept {
        if (options.on_error)
            options.on_error(std::move(error), peer);
        else
            core::of(*around.on).suppressed(std::move(error));
    }
};

/// A connection in its server's list. It is the last thing that goes when the connection ends: its descriptor is free by then.
class served {
public:
    served(server& by, const socket& conn) noexcept : server_(by), descriptor_(*socket_access::state(conn)) {
        descriptor_.retain();
        next_ = server_.connections;
        if (next_ != nullptr)
            next_->link_ = &next_;
        link_ = &server_.connections;
        server_.connections = this;
        ++server_.count;
    }
    served(const served&) = delete;
    served& operator=(const served&) = delete;
    ~served();

    address peer() const noexcept { return descriptor_.peer.get(); }
    descriptor& state() const noexcept { return descriptor_; }
    served* next() const noexcept { return next_; }

private:
    server& server_;
    descriptor& descriptor_;
    served* next_;
    served** link_;
};

/// Waits until no connection is left, until the deadline, or until the scope around the server is cancelled, from further out if it
/// has been cancelled already. No checkpoint: connections are what is waited for, and they are told by themselves.
class drain_wait : waiter {
public:
    drain_wait(server& of, std::int64_t until) noexcept : waiter(&on_stop), server_(of), until_(until) {}

    bool await_ready() const noexcept { return server_.count == 0; }
    void await_suspend(std::coroutine_handle<> coroutine) {
        timer_set& timers = core::of(*server_.around.on).timers();
        if (until_ != timer_heap::never)
            timers.make_room();
        owner = server_.around.on;
        within = server_.around.within;
        handle = coroutine;
        reason = stop_reason::none;
        link();
        if (until_ != timer_heap::never)
            set_deadline(until_);
        server_.draining = this;
    }
    stop_reason await_resume() noexcept {
        state = wait_state::idle;
        server_.draining = nullptr;
        return reason;
    }

    void all_ended() noexcept {
        if (state == wait_state::pending)
            finish();
    }

private:
    static void on_stop(waiter& self, stop_reason why) noexcept {
        self.reason = why;
        self.finish();
    }

    server& server_;
    std::int64_t until_;
};

served::~served() {
    *link_ = next_;
    if (next_ != nullptr)
        next_->link_ = link_;
    descriptor_.release();
    server_.one_ended.set();
    if (--server_.count == 0 && server_.draining != nullptr)
        server_.draining->all_ended();
}

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
    const served self(by, accepted);
    try {
        // Here, and not in the handler's frame: that may refer to them. They go before `self`, and before anything is reported.
        socket conn = std::move(accepted);
        // Whatever comes between accepting and handling belongs here: it is this connection's own time.
        if (by.options.proxy == proxy_mode::required)
            co_await identify(by, self, conn);
        const address peer = self.peer();
        if constexpr (Watched)
            co_await watched_awaiter(self.state(), by.options.idle_timeout, by.handler(conn, peer));
        else
            co_await by.handler(conn, peer);
    } catch (const cancelled&) {
        if (!by.group->cancelled())
            by.report(std::current_exception(), self.peer());
    } catch (...) {
        by.report(std::current_exception(), self.peer());
    }
}

/// Errors of accept(2) that say nothing against the listener: something has run out, and will be there again.
bool is_shortage(const std::error_code& code) noexcept {
    return code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system ||
           code == std::errc::no_buffer_space || code == std::errc::not_enough_memory;
}

task<> wait_for_supplies(server& by, clock::duration& pause) {
    constexpr clock::duration longest = std::chrono::seconds(1);
    by.one_ended.clear();
    const auto ended = co_await as_result(with_timeout(pause, by.one_ended.wait()));
    if (!ended)
        pause = std::min(pause * 2, longest);
}

task<> accept_connections(server& by) {
    constexpr clock::duration shortest = std::chrono::milliseconds(5);
    clock::duration pause = shortest;
    const auto serve_one =
        by.options.idle_timeout != clock::duration::zero() ? &serve_connection<true> : &serve_connection<false>;
    for (;;) {
        while (by.options.max_connections != 0 && by.count >= by.options.max_connections) {
            by.one_ended.clear();
            co_await by.one_ended.wait();
        }
        // A limit is for those who want to do something else meanwhile.
        if (by.at.socket().is_open())
            by.at.socket().settimeout(std::nullopt);
        auto next = co_await as_result(by.at.socket().accept());
        bool shortage = false;
        if (!next) {
            shortage = is_shortage(next.error().code());
            if (!shortage && !by.at.socket().is_open())
                co_return;
            if (!shortage)
                next.error().raise();
        } else {
            try {
                by.group->spawn(serve_one(by, std::move(next->conn)));
                pause = shortest;
            } catch (const std::bad_alloc&) {
                by.report(std::current_exception(), next->peer);
                shortage = true;
            }
        }
        if (shortage)
            co_await wait_for_supplies(by, pause);
    }
}

/// Lets the handler read to the end of what has arrived.
void end_input(descriptor& d) noexcept {
    if (d.open)
        backend::shut_down(d, shutdown_how::read);
}

task<> drain(server& by) {
    by.at.close();
    if (by.options.drain == drain_mode::end_input)
        for (const served* each = by.connections; each != nullptr; each = each->next())
            end_input(each->state());
    const std::int64_t until = later(core::of(*by.around.on).now(), by.options.drain_timeout);
    bool was_cancelled = by.around.within->cancelled();
    while (by.count != 0) {
        const stop_reason why = co_await drain_wait(by, until);
        if (why == stop_reason::expired || (why == stop_reason::scope && was_cancelled))
            break;
        was_cancelled = was_cancelled || why == stop_reason::scope;
    }
    by.group->cancel();
}

task<> serve_in_group(server& by) {
    try {
        // The connections are shielded from the scope around the server, the accepting is not.
        task<> accepting = accept_connections(by);
        co_await scoped_awaiter<void>(std::move(accepting).operator co_await(), *by.around.within);
    } catch (...) {
        by.failed = std::current_exception();
    }
    co_await drain(by);
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
    server by(at, handler, options, co_await environment_awaiter());
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

// One call of `serve`: the server, its connections, and what its own task waits for.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>

#include <coax/detail/waiter.hpp>
#include <coax/server.hpp>
#include <coax/task_group.hpp>

#include "backend/backend.hpp"
#include "backend/descriptor.hpp"
#include "net/socket_access.hpp"
#include "runtime/timer_heap.hpp"

namespace coax::detail {

class served;
class server_wait;

/// It lives in the frame of `serve`.
struct server {
    /// Throws `std::bad_alloc`.
    server(listening from, connection_handler with, const serve_options& how, const environment& where);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Tells `on_error`. What that throws goes to the scheduler's handler, with what it was told.
    void report(std::exception_ptr error, const address& peer) noexcept;

    /// Closes the listener, and lets handlers know.
    void begin_drain() noexcept;
    /// When the draining server wants to look again, in nanoseconds of the loop's clock.
    std::int64_t next_look() const noexcept;
    /// After a wait for the connections has ended for this reason: looks for idle ones; false when the rest is to be cancelled.
    bool drains_on(stop_reason why) noexcept;

    listening at;
    connection_handler handler;
    serve_options options;
    const environment& around; // of the task that is `serve`
    task_group* group = nullptr;
    served* connections = nullptr;
    std::size_t count = 0;
    server_wait* waiting = nullptr;
    std::exception_ptr failed; // what ended the accepting
    serving face;

private:
    bool end_idle_input() noexcept;

    std::int64_t drain_begun_ = 0;
    std::int64_t drain_until_ = 0;
    bool looks_for_idle_ = false;
    bool was_cancelled_ = false; // when it began to drain
};

/// A connection in its server's list. It is the last thing that goes when the connection ends: its descriptor is free by then.
class served {
public:
    served(server& by, const socket& conn) noexcept;
    served(const served&) = delete;
    served& operator=(const served&) = delete;
    ~served();

    address peer() const noexcept { return descriptor_.peer.get(); }
    descriptor& state() const noexcept { return descriptor_; }
    served* next() const noexcept { return next_; }

    /// Keeps the connection from being closed when its handler lets go of it.
    void hold() noexcept;
    /// After the handler has ended: the connection, if it was held, is open and nobody else has it; otherwise none.
    socket release() noexcept;

private:
    server& server_;
    descriptor& descriptor_;
    socket held_;
    served* next_;
    served** link_;
};

/// What the server's own task waits for: that there is room for a connection, or that none is left; or the given time, in nanoseconds of the
/// loop's clock; or that the scope around the server is cancelled. It needs no memory: the server has its place among the timers.
class server_wait : backend::close_wait {
public:
    enum class what : unsigned char {
        room,      ///< that a connection ends or the listener is closed; a checkpoint, as all waits are
        all_ended, ///< no checkpoint: in a cancelled scope it waits for a cancellation from further out
    };

    server_wait(server& of, what awaited, std::int64_t until = timer_heap::never) noexcept
        : close_wait(its_kind), server_(of), until_(until), awaited_(awaited) {}
    ~server_wait() {
        if (state != wait_state::idle)
            abandon(); // while all of it is there
        forget();
    }

    bool await_ready() const noexcept { return awaited_ == what::all_ended && server_.count == 0; }
    void await_suspend(awaiting_coroutine coroutine) noexcept;
    /// `none`: what it waited for has happened.
    stop_reason await_resume() noexcept {
        state = wait_state::idle;
        forget();
        return reason;
    }

    /// A connection has ended.
    void note() noexcept {
        if (state == wait_state::pending && (awaited_ == what::room || server_.count == 0))
            end_for(stop_reason::none);
    }

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;
    void end_for(stop_reason why) noexcept;
    void forget() noexcept {
        if (server_.waiting == this)
            server_.waiting = nullptr;
    }

    server& server_;
    std::int64_t until_;
    what awaited_;
};

} // namespace coax::detail

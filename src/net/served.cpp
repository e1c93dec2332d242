#include "net/served.hpp"

#include <cerrno>
#include <utility>

#include <coax/stream_error.hpp>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax::detail {
namespace {

/// Whether an error says only that the peer of this connection has gone, or was too slow: it can happen to every server.
bool is_peers_doing(const std::exception_ptr& error, const address& peer) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const io_error& failed) {
        // That of another connection, such as one to a database, is the program's business.
        if (!failed.peer().is_unnamed() && failed.peer() != peer)
            return false;
        const std::error_code& code = failed.code();
        return code == std::errc::connection_reset || code == std::errc::connection_aborted ||
               code == std::errc::broken_pipe || code == std::errc::timed_out || code == std::errc::not_connected ||
               code == std::errc::host_unreachable || code == std::errc::network_unreachable ||
               code == stream_errc::incomplete_read || code == stream_errc::frame_truncated ||
               code == stream_errc::proxy_truncated;
    } catch (...) {
        return false;
    }
}

} // namespace

server::server(listening from, connection_handler with, const serve_options& how, const environment& where)
    : at(from), handler(with), options(how), around(where) {
    core::of(*around.on).timers().reserve_one();
}

server::~server() { core::of(*around.on).timers().give_one_back(); }

void server::report(std::exception_ptr error, const address& peer) noexcept {
    core& on = core::of(*around.on);
    if (!options.on_error) {
        if (!is_peers_doing(error, peer))
            on.suppressed(std::move(error));
        return;
    }
    try {
        options.on_error(error, peer);
    } catch (...) {
        on.suppressed(std::move(error));
        on.suppressed(std::current_exception());
    }
}

served::served(server& by, const socket& conn) noexcept : server_(by), descriptor_(*socket_access::state(conn)) {
    descriptor_.retain();
    next_ = server_.connections;
    if (next_ != nullptr)
        next_->link_ = &next_;
    link_ = &server_.connections;
    server_.connections = this;
    ++server_.count;
}

served::~served() {
    *link_ = next_;
    if (next_ != nullptr)
        next_->link_ = link_;
    held_ = socket();
    descriptor_.release();
    --server_.count;
    if (server_.waiting != nullptr)
        server_.waiting->note();
}

void served::hold() noexcept {
    if (descriptor_.open)
        held_ = socket_access::share(descriptor_);
}

socket served::release() noexcept {
    const bool last = descriptor_.open && descriptor_.owners == 1;
    socket held = std::move(held_);
    return last ? std::move(held) : socket();
}

constinit const wait_kind server_wait::its_kind{&on_stop, &on_describe};

void server_wait::on_stop(waiter& self, stop_reason why) noexcept { static_cast<server_wait&>(self).end_for(why); }

void server_wait::end_for(stop_reason why) noexcept {
    if (is_queued())
        core::of(*owner).io().close_waits.remove(*this);
    reason = why;
    finish();
}

void server_wait::on_describe(const waiter& self, wait_description& what) noexcept {
    const auto& wait = static_cast<const server_wait&>(self);
    const bool drains = wait.awaited_ == server_wait::what::all_ended;
    what.operation = drains ? operation_name::drain : operation_name::serve;
    what.socket = socket_access::state(wait.server_.at.socket());
}

void server_wait::await_suspend(awaiting_coroutine coroutine) noexcept {
    const environment& around = server_.around;
    if (awaited_ == what::all_ended) {
        belong_to(*around.on, *around.within, coroutine);
        reason = stop_reason::none;
    } else if (!checkpoint(*around.on, *around.within, coroutine)) {
        return;
    }
    link();
    if (until_ != timer_heap::never)
        set_deadline(until_);
    // Nobody accepts meanwhile who would be told.
    descriptor* const listening = socket_access::state(server_.at.socket());
    if (awaited_ == what::room && listening != nullptr)
        core::of(*owner).io().end_when_closed(*this, *listening);
    server_.waiting = this;
}

} // namespace coax::detail

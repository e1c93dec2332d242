#include "net/served.hpp"

#include <utility>

#include "runtime/core.hpp"

namespace coax::detail {

server::server(listening from, connection_handler with, const serve_options& how, environment where)
    : at(from), handler(with), options(how), around(where) {
    core::of(*around.on).timers().reserve_one();
}

server::~server() { core::of(*around.on).timers().give_one_back(); }

void server::report(std::exception_ptr error, const address& peer) noexcept {
    if (options.on_error)
        options.on_error(std::move(error), peer);
    else
        core::of(*around.on).suppressed(std::move(error));
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

void server_wait::await_suspend(std::coroutine_handle<> coroutine) noexcept {
    const environment& around = server_.around;
    if (awaited_ == what::all_ended) {
        owner = around.on;
        within = around.within;
        handle = coroutine;
        reason = stop_reason::none;
    } else if (!arrive(*around.on, *around.within, coroutine)) {
        return;
    }
    link();
    if (until_ != timer_heap::never)
        set_deadline(until_);
    server_.waiting = this;
}

} // namespace coax::detail

#include <coax/scheduler.hpp>

#include <coax/clock.hpp>

#include "runtime/core.hpp"
#include "runtime/current_system.hpp"

namespace coax {

const char* to_string(backend_kind kind) noexcept {
    switch (kind) {
    case backend_kind::automatic:
        return "automatic";
    case backend_kind::io_uring:
        return "io_uring";
    case backend_kind::epoll:
        return "epoll";
    case backend_kind::poll:
        return "poll";
    }
    return "unknown";
}

scheduler::scheduler(const scheduler_options& options)
    : scheduler(options, {os::default_system(), &backend::make_backend}) {}

scheduler::scheduler(const scheduler_options& options, const detail::platform& on)
    : core_(std::make_unique<detail::core>(*this, options, on)) {}

scheduler::~scheduler() {
    // exit(3) on another thread than the one that is inside `run`: that one goes on until the process is gone.
    if (core_->runs_elsewhere())
        static_cast<void>(core_.release());
}

scheduler& scheduler::current() { return detail::core::of(detail::require_loop()).face(); }

const backend_info& scheduler::backend() const noexcept { return core_->info(); }

scheduler_stats scheduler::stats() const noexcept { return core_->stats(); }

void scheduler::run_to_end(std::coroutine_handle<> main, detail::promise_base* promise) {
    if (promise == nullptr || promise->surroundings.on != nullptr)
        detail::throw_empty_task();
    core_->run_to_end(main, *promise);
}

void scheduler::post_node(detail::posted* node) noexcept { core_->post(*node); }

clock::time_point clock::now() noexcept {
    detail::loop* on = detail::current_loop();
    return time_point(duration(on != nullptr ? detail::core::of(*on).now() : detail::current_system().now()));
}

} // namespace coax

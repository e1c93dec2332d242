#include <coax/signal.hpp>

#include <cerrno>

#include <coax/detail/system_error.hpp>

#include "runtime/core.hpp"

namespace coax::detail {

signal_operation::~signal_operation() {
    if (state != wait_state::idle)
        abandon();
    unsubscribe();
}

bool signal_operation::suspend(environment around, std::coroutine_handle<> coroutine) {
    core& on = core::of(*around.on);
    error_ = 0;
    received_ = 0;
    if (!enter(on, *around.within, coroutine))
        return true;
    for (; subscribed_ != count_ && error_ == 0; ++subscribed_) {
        error_ = on.subscribe(*this, signals_[subscribed_]);
        if (error_ != 0)
            break;
    }
    if (error_ != 0) {
        leave();
        unsubscribe();
        return false;
    }
    next_waiting = on.signal_waiters;
    if (next_waiting != nullptr)
        next_waiting->link = &next_waiting;
    link = &on.signal_waiters;
    on.signal_waiters = this;
    return true;
}

void signal_operation::unsubscribe() noexcept {
    while (subscribed_ != 0)
        core::of(*owner).unsubscribe(signals_[--subscribed_]);
    if (link != nullptr) {
        *link = next_waiting;
        if (next_waiting != nullptr)
            next_waiting->link = link;
        link = nullptr;
    }
}

bool signal_operation::offer(int signal) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (signals_[i] != signal)
            continue;
        received_ = signal;
        unsubscribe();
        finish();
        return true;
    }
    return false;
}

void signal_operation::on_stop(waiter& self, stop_reason why) noexcept {
    auto& op = static_cast<signal_operation&>(self);
    // A signal that has come already is not lost to the cancellation.
    core::of(*op.owner).deliver_signals();
    if (op.state != wait_state::pending)
        return;
    op.reason = why;
    op.unsubscribe();
    op.finish();
}

int signal_operation::await_resume() {
    auto outcome = await_result();
    return std::move(outcome).value();
}

result<int> signal_operation::await_result() noexcept {
    state = wait_state::idle;
    if (received_ != 0)
        return received_;
    if (error_ != 0)
        return failure(system_error(error_), operation_name::wait_signal);
    return failure(failure::cause::cancelled, operation_name::wait_signal);
}

} // namespace coax::detail

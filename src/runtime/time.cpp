#include <coax/time.hpp>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax {

cancelled::~cancelled() = default;

namespace detail {

bool sleep_operation::suspend(environment around, awaiting_coroutine coroutine) {
    core& on = core::of(*around.on);
    on.timers().make_room();
    if (!enter(on, *around.within, coroutine))
        return true;
    if (when_ <= (relative_ ? 0 : on.now()))
        finish();
    else if (relative_)
        set_limit(clock::duration(when_));
    else
        set_deadline(when_);
    return true;
}

constinit const wait_kind sleep_operation::its_kind{&on_stop, &on_describe};

void sleep_operation::on_describe(const waiter&, wait_description& what) noexcept {
    what.operation = operation_name::sleep;
}

void sleep_operation::on_stop(waiter& self, stop_reason why) noexcept {
    if (why != stop_reason::expired)
        self.reason = why;
    self.finish();
}

void sleep_operation::await_resume() {
    state = wait_state::idle;
    if (reason != stop_reason::none)
        throw cancelled(failure(failure::cause::cancelled, operation_name::sleep));
}

result<void> sleep_operation::await_result() noexcept {
    state = wait_state::idle;
    if (reason != stop_reason::none)
        return failure(failure::cause::cancelled, operation_name::sleep);
    return {};
}

void yield_operation::throw_cancelled() { throw cancelled(failure(failure::cause::cancelled, operation_name::yield)); }

result<void> yield_operation::await_result() noexcept {
    state = wait_state::idle;
    if (within->cancelled())
        return failure(failure::cause::cancelled, operation_name::yield);
    return {};
}

constinit const wait_kind yield_operation::its_kind{&on_stop, &on_describe};

void yield_operation::on_describe(const waiter&, wait_description& what) noexcept {
    what.operation = operation_name::yield;
}

// It is in the ready queue as soon as it has begun.
void yield_operation::on_stop(waiter&, stop_reason) noexcept {}

} // namespace detail
} // namespace coax

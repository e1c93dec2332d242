#include <coax/detail/waiter.hpp>

#include <cassert>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax::detail {

bool waiter::enter(loop& on, scope& in, awaiting_coroutine coroutine) noexcept {
    if (!checkpoint(on, in, coroutine))
        return false;
    assert(promise_at == 0 || promise() == coroutine.promise); // how this compiler lays out frames
    link();
    return true;
}

void waiter::refuse() noexcept {
    reason = stop_reason::scope;
    state = wait_state::ready;
    owner->push(*this);
}

void waiter::link() noexcept {
    state = wait_state::pending;
    settled = false;
    put_into_scope();
    ++core::of(*owner).waiting;
}

void waiter::put_into_scope() noexcept {
    scope_next = within->waiters_;
    if (scope_next != nullptr)
        scope_next->scope_link = &scope_next;
    scope_link = &within->waiters_;
    within->waiters_ = this;
}

bool waiter::complete() noexcept {
    if (core::of(*owner).may_run_on())
        return false;
    state = wait_state::ready;
    owner->push(*this);
    return true;
}

bool waiter::complete_behind() noexcept {
    if (core::of(*owner).may_take_shortcut())
        return false;
    state = wait_state::ready;
    owner->push_behind(*this);
    return true;
}

void waiter::unlink() noexcept {
    if (scope_link == nullptr)
        return;
    *scope_link = scope_next;
    if (scope_next != nullptr)
        scope_next->scope_link = scope_link;
    scope_link = nullptr;
}

void waiter::end() noexcept {
    unlink();
    if (is_set())
        core::of(*owner).timers().remove(*this);
    --core::of(*owner).waiting;
    state = wait_state::idle;
}

void waiter::finish() noexcept {
    end();
    state = wait_state::ready;
    owner->push(*this);
}

void waiter::set_deadline(std::int64_t nanoseconds) noexcept {
    deadline = nanoseconds;
    core::of(*owner).timers().insert(*this);
}

void waiter::set_limit(clock::duration time) noexcept {
    deadline = time.count();
    core::of(*owner).timers().insert_fresh(*this);
}

wait_description waiter::describe() const noexcept {
    wait_description what;
    kind.describe(*this, what);
    if (is_set())
        what.deadline = core::of(*owner).deadline_of(*this);
    return what;
}

void waiter::abandon() noexcept {
    if (state == wait_state::pending)
        stop(stop_reason::abandon);
    if (state == wait_state::ready)
        owner->remove(*this);
    state = wait_state::idle;
}

} // namespace coax::detail

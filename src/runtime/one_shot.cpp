#include <cassert>

#include <coax/detail/sync_wait.hpp>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax::detail {

one_shot_state::~one_shot_state() {
    assert(first_ == nullptr && "coax: a one_shot is destroyed while tasks wait for it");
}

void one_shot_state::announce() noexcept {
    // Until the mutex is free nobody learns that there is a value, so whoever destroys it then finds this thread gone.
    const std::lock_guard lock(mutex_);
    ready_ = true;
    loop* const here = current_loop();
    for (one_shot_wait* wait = first_; wait != nullptr;) {
        one_shot_wait* const next = wait->next_waiting;
        wait->waiting_link = nullptr;
        // The mutex keeps the other loop alive: before it ends its wait takes part in it.
        if (wait->owner == here)
            wait->finish();
        else
            send_message(*wait->owner, wait->news);
        wait = next;
    }
    first_ = nullptr;
    end_ = &first_;
}

bool one_shot_state::ready() noexcept {
    const std::lock_guard lock(mutex_);
    return ready_;
}

bool one_shot_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    if (!checkpoint(*around.on, *around.within, coroutine))
        return true;
    {
        const std::lock_guard lock(state_of.mutex_);
        if (!state_of.ready_) {
            waiting_link = state_of.end_;
            next_waiting = nullptr;
            *state_of.end_ = this;
            state_of.end_ = &next_waiting;
            // Under the mutex: another thread may tell it at once, and it is not to be finished before it has begun.
            link();
            return true;
        }
    }
    return complete();
}

void one_shot_wait::arrived(message& self) noexcept { static_cast<told&>(self).wait.finish(); }

constinit const wait_kind one_shot_wait::its_kind{&on_stop, &on_describe};

void one_shot_wait::on_describe(const waiter&, wait_description& what) noexcept {
    what.operation = operation_name::wait;
}

void one_shot_wait::on_stop(waiter& self, stop_reason why) noexcept {
    auto& wait = static_cast<one_shot_wait&>(self);
    {
        const std::lock_guard lock(wait.state_of.mutex_);
        if (wait.waiting_link != nullptr) {
            *wait.waiting_link = wait.next_waiting;
            if (wait.next_waiting != nullptr)
                wait.next_waiting->waiting_link = wait.waiting_link;
            else
                wait.state_of.end_ = wait.waiting_link;
            wait.waiting_link = nullptr;
            wait.reason = why;
        }
    }
    if (wait.reason != stop_reason::none)
        wait.finish();
    else if (why == stop_reason::abandon)
        core::of(*wait.owner).receive_messages(); // the one to this wait is under way
    // Otherwise the message ends the wait, with the value: it was there first.
}

void one_shot_wait::throw_error() {
    // Whoever has announced the value may be holding the mutex still, and this coroutine may destroy it.
    const std::lock_guard lock(state_of.mutex_);
    if (state_of.error != nullptr)
        std::rethrow_exception(state_of.error);
}

} // namespace coax::detail

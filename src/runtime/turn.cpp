// One turn of a scheduler's loop: what is posted and ready runs, the system is looked at, deadlines pass.
#include <algorithm>
#include <utility>

#include "runtime/core.hpp"
#include "runtime/idle_scope.hpp"

namespace coax::detail {

void core::run_tasks() noexcept {
    ++stats_.turns;
    run_on_ = run_on_budget;
    shortcuts_ = most_shortcuts;
    if (!posted_.seems_empty() || backlog_ != nullptr)
        run_posted();
    run_ready();
    run_on_ = run_on_budget;
}

void core::wait() noexcept {
    io_->refuse_in_child();
    std::int64_t timeout = 0;
    if (!has_ready() && backlog_ == nullptr) {
        // In this order: whoever posts either sees the loop asleep or is seen by it.
        asleep_.store(true);
        if (posted_.empty() && messages_.empty() && !signals_are_due()) {
            timeout = -1;
            if (!timers_.empty()) {
                time_known_ = false;
                timers_.end_turn(now());
                const std::int64_t next = timers_.nearest();
                timeout = next > now() ? next - now() : 0;
            }
        }
    }
    io_->wait(timeout);
    asleep_.store(false, std::memory_order_relaxed);
    time_known_ = false;
    if (timers_first_) [[unlikely]]
        expire_timers();
    io_->collect();
    receive_messages();
    if (signal_sources != nullptr)
        deliver_signals();
    // After the completions: a result that is there beats the clock.
    expire_timers();
    ready_.append(behind_);
}

void core::run_ready() noexcept {
    pace steps(turn_time);
    while (!ready_.empty()) {
        unsigned left = steps.grant(*this);
        if (left == 0)
            return;
        for (; left != 0 && !ready_.empty(); --left) {
            ++stats_.resumptions;
            shortcuts_ = most_shortcuts;
            ready_.pop()->handle.resume();
        }
    }
}

bool core::turn_has_lasted(std::int64_t time) noexcept {
    if (!time_known_) {
        static_cast<void>(now());
        return false;
    }
    return io_->now() - now_ >= time;
}

unsigned core::pace::grant(core& on) noexcept {
    if (stride_ != 0 && on.turn_has_lasted(time_))
        return 0;
    stride_ = std::clamp(stride_ * 2, 1U, most_between_looks);
    const unsigned granted = std::min(stride_, left_);
    left_ -= granted;
    return granted;
}

void core::expire_timers() noexcept {
    if (timers_.empty())
        return;
    const std::int64_t time = now();
    // Where the turn ended with something ready, the time before the wait was not looked at.
    timers_.end_turn(time);
    while (timer* due = timers_.expire(time)) {
        switch (due->belongs_to) {
        case timer::owner_kind::wait:
            static_cast<waiter&>(*due).stop(stop_reason::expired);
            break;
        case timer::owner_kind::scope:
            deadline_scope::expire(*due);
            break;
        case timer::owner_kind::idle:
            idle_scope::expire(*due, time);
            break;
        }
    }
}

void core::receive_messages() noexcept {
    if (messages_.seems_empty())
        return;
    for (message* what = messages_.take(); what != nullptr;) {
        message* next = what->next;
        what->deliver(*what);
        what = next;
    }
}

void core::take_posted() noexcept {
    if (posted_.seems_empty())
        return;
    *backlog_end_ = posted_.take();
    for (; *backlog_end_ != nullptr; backlog_end_ = &(*backlog_end_)->next)
        ++backlog_size_;
}

posted* core::pop_posted() noexcept {
    posted* node = backlog_;
    backlog_ = node->next;
    if (backlog_ == nullptr)
        backlog_end_ = &backlog_;
    --backlog_size_;
    if (owed_ != 0)
        --owed_;
    return node;
}

void core::run_posted() noexcept {
    take_posted();
    pace steps(turn_time / 2); // the other half is for what is ready
    while (backlog_ != nullptr) {
        unsigned left = steps.grant(*this);
        if (left == 0)
            return;
        for (; left != 0 && backlog_ != nullptr; --left)
            run_next_posted();
    }
}

void core::run_next_posted() noexcept {
    posted* node = pop_posted();
    try {
        node->run(node);
    } catch (...) {
        if (posted_error_ == nullptr)
            posted_error_ = std::current_exception();
        else
            suppressed(std::current_exception());
        root_.cancel();
    }
}

bool core::signals_are_due() const noexcept {
    for (const signal_source* source = signal_sources; source != nullptr; source = source->next)
        if (source->due() != 0)
            return true;
    return false;
}

void core::deliver_signals() noexcept {
    for (signal_source* source = signal_sources; source != nullptr;) {
        signal_source* next = source->next; // one on which nobody waits any more leaves the list
        source->deliver();
        source = next;
    }
}

} // namespace coax::detail

#include <coax/sync/condition.hpp>

#include <cassert>
#include <stdexcept>

#include "runtime/core.hpp"

namespace coax {
namespace detail {

bool condition_wait::suspend(environment around, awaiting_coroutine coroutine) {
    of.check(guard);
    notified_alone = false;
    if (!begin(around, coroutine))
        return true;
    wait_in(of.waiting_);
    guard.unlock();
    return true;
}

void condition_wait::notify(bool alone) noexcept {
    notified_alone = alone;
    // From here on the wait has succeeded; a cancellation would only keep it from locking.
    settled = true;
    lock_again();
}

void condition_wait::lock_again() noexcept {
    if (of.mutex_.take()) {
        grant();
        return;
    }
    line = &of.mutex_.waiting_;
    line->append(*this);
}

constinit const wait_kind condition_wait::its_kind{&on_stop, &on_describe};

void condition_wait::on_stop(waiter& self, stop_reason why) noexcept {
    auto& wait = static_cast<condition_wait&>(self);
    wait.line->remove(wait);
    wait.reason = why;
    if (why == stop_reason::abandon)
        wait.finish();
    else
        wait.lock_again();
}

bool condition_wait::conclude() noexcept {
    notified_alone = false;
    // A wait that was refused never gave the lock away.
    if (std::exchange(granted, false))
        guard.held_ = &of.mutex_;
    return sync_wait::conclude();
}

void condition_wait::destroyed() noexcept {
    abandon();
    if (granted)
        of.mutex_.unlock();
    if (notified_alone)
        of.notify_one();
}

bool checkpoint_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    return !begin(around, coroutine) || complete();
}

} // namespace detail

condition::~condition() { assert(waiting_.empty() && "coax: a condition is destroyed while tasks wait on it"); }

void condition::check(const mutex::guard& held) const {
    if (held.held_ != &mutex_)
        throw std::logic_error("coax: waiting on a condition needs a guard that holds its mutex");
}

void condition::notify_one() noexcept {
    if (auto* const first = static_cast<detail::condition_wait*>(waiting_.take()))
        first->notify(true);
}

void condition::notify_all() noexcept {
    while (auto* const first = static_cast<detail::condition_wait*>(waiting_.take()))
        first->notify(false);
}

} // namespace coax

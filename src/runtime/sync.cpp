// Events, mutexes and semaphores, and what all waits for other tasks have in common.

#include <cassert>
#include <limits>
#include <stdexcept>
#include <string>

#include <coax/detail/sync_wait.hpp>
#include <coax/sync/event.hpp>
#include <coax/sync/mutex.hpp>
#include <coax/sync/semaphore.hpp>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax {
namespace detail {

bool sync_wait::begin(environment around, awaiting_coroutine coroutine) noexcept {
    assert(core::of(*around.on).on_its_thread());
    granted = false;
    return checkpoint(*around.on, *around.within, coroutine);
}

bool sync_wait::grant_first(wait_queue& queue) noexcept {
    auto* const next = static_cast<sync_wait*>(queue.take());
    if (next == nullptr)
        return false;
    assert(core::of(*next->owner).on_its_thread());
    next->grant();
    return true;
}

constinit const wait_kind sync_wait::its_kind{&on_stop, &on_describe};

void sync_wait::on_describe(const waiter& self, wait_description& what) noexcept {
    what.operation = static_cast<const sync_wait&>(self).name;
}

void sync_wait::on_stop(waiter& self, stop_reason why) noexcept {
    auto& wait = static_cast<sync_wait&>(self);
    wait.line->remove(wait);
    wait.reason = why;
    wait.finish();
}

bool event_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    if (!begin(around, coroutine))
        return true;
    return target.set_ ? grant_at_once() : wait_in(target.waiting_);
}

bool lock_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    if (!begin(around, coroutine))
        return true;
    return target.take() ? grant_at_once() : wait_in(target.waiting_);
}

bool acquire_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    if (!begin(around, coroutine))
        return true;
    return target.try_acquire() ? grant_at_once() : wait_in(target.waiting_);
}

} // namespace detail

event::~event() { assert(waiting_.empty() && "coax: an event is destroyed while tasks wait on it"); }

void event::set() noexcept {
    set_ = true;
    while (detail::sync_wait::grant_first(waiting_)) {
    }
}

mutex::~mutex() { assert(!locked_ && "coax: a mutex is destroyed while it is locked"); }

void mutex::unlock() noexcept {
    // It stays locked when it goes to the next one: nobody who comes now is faster.
    locked_ = detail::sync_wait::grant_first(waiting_);
}

semaphore::semaphore(std::ptrdiff_t initial) : available_(initial) {
    if (initial < 0)
        throw std::invalid_argument("semaphore: a negative number of permits: " + std::to_string(initial));
}

semaphore::~semaphore() { assert(waiting_.empty() && "coax: a semaphore is destroyed while tasks wait on it"); }

bool semaphore::try_acquire() noexcept {
    if (available_ == 0)
        return false;
    --available_;
    return true;
}

void semaphore::put_back() noexcept {
    if (!detail::sync_wait::grant_first(waiting_))
        ++available_;
}

void semaphore::release(std::ptrdiff_t count) {
    if (count < 0 || count > std::numeric_limits<std::ptrdiff_t>::max() - available_)
        throw std::invalid_argument("semaphore: cannot release " + std::to_string(count) + " permits");
    while (count != 0 && detail::sync_wait::grant_first(waiting_))
        --count;
    available_ += count;
}

} // namespace coax

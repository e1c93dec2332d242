#include <coax/detail/scope.hpp>

#include <cassert>
#include <utility>

#include "runtime/core.hpp"

namespace coax::detail {

void scope::open(scope& parent, bool shielded) noexcept {
    parent_ = &parent;
    shielded_ = shielded;
    ended_ = parent.ended_;
    cancelled_ = shielded ? parent.ended_ : parent.cancelled_;
    sibling_ = parent.first_child_;
    if (sibling_ != nullptr)
        sibling_->sibling_link_ = &sibling_;
    sibling_link_ = &parent.first_child_;
    parent.first_child_ = this;
}

void scope::close() noexcept {
    if (sibling_link_ == nullptr)
        return;
    *sibling_link_ = sibling_;
    if (sibling_ != nullptr)
        sibling_->sibling_link_ = sibling_link_;
    sibling_link_ = nullptr;
}

void scope::cancel() noexcept {
    assert(current_loop() != nullptr); // another thread has post or a stop token
    requested_ = true;
    // Below a scope that is cancelled already everything that is not shielded is, too.
    if (!cancelled_)
        spread(false);
}

void scope::end() noexcept {
    requested_ = true;
    spread(true);
}

scope* scope::first_unshielded(scope* from, bool through_shields) noexcept {
    while (from != nullptr && from->shielded_ && !through_shields)
        from = from->sibling_;
    return from;
}

/// Depth first, without recursion: scopes may nest as deep as tasks do.
void scope::spread(bool through_shields) noexcept {
    scope* at = this;
    for (;;) {
        at->ended_ = at->ended_ || through_shields;
        at->stop_waiters();
        scope* next = first_unshielded(at->first_child_, through_shields);
        while (next == nullptr && at != this) {
            next = first_unshielded(at->sibling_, through_shields);
            if (next == nullptr)
                at = at->parent_;
        }
        if (next == nullptr)
            return;
        at = next;
    }
}

// g++ does not see that nothing is left that points at `rest` when the loop ends.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

/// Not every wait ends when it is asked to, and the end of one may end others.
void scope::stop_waiters() noexcept {
    cancelled_ = true;
    waiter* rest = std::exchange(waiters_, nullptr);
    if (rest != nullptr)
        rest->scope_link = &rest;
    while (waiter* w = rest) {
        w->unlink();
        w->put_into_scope();
        if (!std::exchange(w->settled, true))
            w->stop(stop_reason::scope);
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

void scope::orphan() noexcept {
    while (waiter* w = waiters_) {
        waiters_ = w->scope_next;
        w->scope_link = nullptr;
    }
    while (scope* child = first_child_) {
        first_child_ = child->sibling_;
        child->sibling_link_ = nullptr;
        child->parent_ = nullptr;
    }
}

void deadline_scope::open(loop& on, scope& parent, time_limit limit) {
    if (limit.nanoseconds != timer_heap::never) {
        timer_set& timers = core::of(on).timers();
        timers.make_room();
        deadline = limit.nanoseconds;
        if (limit.relative)
            timers.insert_fresh(*this);
        else
            timers.insert(*this);
    }
    on_ = &on;
    expired_ = false;
    scope::open(parent);
}

void deadline_scope::remove_timer() noexcept { core::of(*on_).timers().remove(*this); }

} // namespace coax::detail

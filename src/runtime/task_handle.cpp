#include <coax/task_handle.hpp>

#include <stdexcept>

#include <coax/task_group.hpp>

#include "runtime/core.hpp"

namespace coax::detail {

started_task::started_task(task_group& of) noexcept : group_(of) { scope_.open(task_group_access::scope_of(of)); }

started_task::~started_task() = default;

void started_task::remove_owner() noexcept {
    // Linked, it has failed and the group is there.
    if (--owners_ == 0 && link_ != nullptr) {
        unlink();
        task_group_access::fail(group_, error().to_exception());
    }
    remove_reference();
}

std::exception_ptr started_task::end(bool failed) noexcept {
    over_ = true;
    scope_.close();
    while (sync_wait::grant_first(joining_)) {
    }
    if (!failed)
        return nullptr;
    if (owners_ == 0)
        return error().to_exception();
    started_task*& first = task_group_access::unjoined(group_);
    next_ = first;
    if (next_ != nullptr)
        next_->link_ = &next_;
    link_ = &first;
    first = this;
    return nullptr;
}

std::exception_ptr started_task::leave_to_group() noexcept {
    unlink();
    return error().to_exception();
}

void started_task::unlink() noexcept {
    if (link_ == nullptr)
        return;
    *link_ = next_;
    if (next_ != nullptr)
        next_->link_ = link_;
    link_ = nullptr;
}

bool join_wait::suspend(environment around, awaiting_coroutine coroutine) {
    if (target == nullptr || target->joined())
        throw std::logic_error("coax: a task is joined once: this handle has none, or it has been joined");
    if (!begin(around, coroutine))
        return true;
    return target->over() ? grant_at_once() : wait_in(target->joining());
}

bool join_wait::conclude() noexcept {
    if (!sync_wait::conclude())
        return false;
    granted = false;
    too_late = target->joined();
    target->mark_joined();
    return !too_late && target->succeeded();
}

failure join_wait::failed() noexcept {
    if (reason != stop_reason::none)
        return sync_wait::failed();
    if (!too_late)
        return target->error();
    try {
        throw std::logic_error("coax: a task is joined once: another join has its outcome");
    } catch (...) {
        return failure::from_current_exception();
    }
}

} // namespace coax::detail

#include <coax/task_group.hpp>

#include <cassert>
#include <new>

#include "runtime/core.hpp"

namespace coax {

group_error::~group_error() = default;
const char* group_error::what() const noexcept { return "several tasks of a group failed"; }

void task_group::spawn(task<> child) {
    if (!child || child.has_started())
        detail::throw_empty_task();
    assert(detail::current_loop() == &on_);
    const auto coroutine = child.release();
    ++children_;
    running_.add(coroutine.promise());
    coroutine.promise().surroundings = {&on_, &scope_};
    coroutine.promise().start(coroutine, *this);
}

void task_group::child_ended(supervisor& self, detail::promise_base& child) noexcept {
    using promise = detail::task_promise<void>;
    auto& group = static_cast<task_group&>(self);
    std::exception_ptr error = child.take_error();
    group.running_.remove(child);
    // What the child owned is gone before anybody hears of its end.
    std::coroutine_handle<promise>::from_promise(static_cast<promise&>(child)).destroy();
    if (error != nullptr)
        group.fail(std::move(error));
    if (--group.children_ == 0 && group.join_ == join::waiting) {
        group.join_ = join::reported;
        group.on_.push(group.joiner_);
    }
}

// Children are left only where the coroutine that joins them is destroyed in the middle of it.
task_group::~task_group() {
    while (!running_.empty()) {
        auto& child = static_cast<detail::task_promise<void>&>(running_.first());
        running_.remove(child);
        std::coroutine_handle<detail::task_promise<void>>::from_promise(child).destroy();
    }
    while (unjoined_ != nullptr)
        unjoined_->leave_to_group();
    if (join_ == join::reported)
        on_.remove(joiner_);
}

void task_group::fail(std::exception_ptr error) noexcept {
    if (scope_.cancelled()) {
        try {
            std::rethrow_exception(error);
        } catch (const coax::cancelled& cut) {
            if (!cut_short_)
                cut_short_ = failure(cut.reason()).with_transferred(0);
            return;
        } catch (...) {
        }
    }
    bool kept = first_ == nullptr;
    if (options_.collect_failures) {
        try {
            collected_.push_back(error);
            kept = true;
        } catch (const std::bad_alloc&) {
            // Without a place in the collection it is reported.
        }
    }
    if (first_ == nullptr)
        first_ = std::move(error);
    else if (!kept && options_.on_suppressed)
        options_.on_suppressed(std::move(error));
    else if (!kept)
        detail::core::of(on_).suppressed(std::move(error));
    scope_.cancel();
}

void task_group::finish() {
    while (unjoined_ != nullptr)
        fail(unjoined_->leave_to_group());
    if (collected_.size() > 1)
        throw group_error(std::move(collected_));
    if (first_ != nullptr)
        std::rethrow_exception(std::move(first_));
    // A cancellation from outside goes on to where it belongs.
    if (cut_short_ && !scope_.absorbs())
        throw coax::cancelled(*std::move(cut_short_));
}

void detail::task_group_access::body_failed(task_group& group) noexcept { group.fail(std::current_exception()); }

} // namespace coax

#include <coax/to_thread.hpp>

#include <cerrno>
#include <new>
#include <stdexcept>

#include <coax/error.hpp>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax::detail {

bool thread_operation::suspend(environment around, awaiting_coroutine coroutine) {
    if (job_ == nullptr)
        throw std::logic_error("coax: this call of to_thread was left behind");
    core& on = core::of(*around.on);
    error_ = 0;
    if (!enter(on, *around.within, coroutine))
        return true;
    job_->on = around.on;
    job_->completion = this;
    try {
        error_ = on.workers(job_->place.served_by).submit(*job_);
    } catch (const std::bad_alloc&) {
        error_ = ENOMEM;
    }
    if (error_ == 0)
        return true;
    end();
    return false;
}

constinit const wait_kind thread_operation::its_kind{&on_stop, &on_describe};

void thread_operation::on_describe(const waiter& self, wait_description& what) noexcept {
    const auto& op = static_cast<const thread_operation&>(self);
    what.operation = op.job_ != nullptr ? op.job_->place.name : operation_name::to_thread;
}

void thread_operation::on_stop(waiter& self, stop_reason why) noexcept {
    auto& op = static_cast<thread_operation&>(self);
    core& on = core::of(*op.owner);
    os::workers& workers = on.workers(op.job_->place.served_by);
    if (workers.remove(*op.job_)) {
        op.reason = why;
        op.finish();
    } else if (workers.leave_behind(*op.job_)) {
        op.job_ = nullptr;
        op.reason = why;
        op.finish();
    } else if (why == stop_reason::abandon) {
        // The completion has been sent when the job is over. Its arrival ends the wait.
        workers.wait_until_over(*op.job_);
        on.receive_messages();
    }
}

failure thread_operation::failed() noexcept {
    if (error_ != 0)
        return failure(system_error(error_), operation_name::to_thread);
    return failure(failure::cause::cancelled, operation_name::to_thread);
}

} // namespace coax::detail

// Threads that carry out what blocks.
#pragma once

#include <cstddef>

#include <coax/detail/message.hpp>

namespace coax::os {

/// All of it is called on the thread of the scheduler.
class workers {
public:
    workers() noexcept = default;
    workers(const workers&) = delete;
    workers& operator=(const workers&) = delete;
    /// No job is queued, and none that is waited for runs. Those that were left behind end by themselves.
    virtual ~workers() = default;

    /// Queues a job; its completion is sent when it is over. 0, or the errno value that kept it from being carried out.
    virtual int submit(detail::thread_job& job) noexcept = 0;
    /// Takes a job out of the queue. False: it is not there any more.
    virtual bool remove(detail::thread_job& job) noexcept = 0;
    /// Leaves a running job to its thread, which frees it. No completion is sent. False: it is over, or not for that.
    virtual bool leave_behind(detail::thread_job& job) noexcept = 0;
    /// Blocks until the job is over and its completion sent.
    virtual void wait_until_over(const detail::thread_job& job) noexcept = 0;

    /// Jobs that are queued or running.
    virtual std::size_t jobs() const noexcept = 0;
};

} // namespace coax::os

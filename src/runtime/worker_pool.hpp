// The threads that carry out what blocks.
#pragma once

#include <cstddef>
#include <memory>

#include <coax/detail/thread_job.hpp>

namespace coax::detail {

/// A bounded number of threads that serve one queue, started one by one when there is work and no idle thread. Of jobs that are alike
/// (`job_place::likeness`) no more than so many run at once; the others let those behind them pass. All of it is called on the thread
/// of the scheduler.
class worker_pool {
public:
    /// Throws `std::bad_alloc`. `most_alike` 0: no bound but `most`.
    explicit worker_pool(unsigned most, unsigned most_alike = 0);
    /// No job is queued, and none that is waited for runs. Threads whose job was left behind end by themselves after it; the
    /// others have ended when this returns.
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    /// Queues a job; its completion is sent when it is over. 0, or the errno value that kept the first thread from starting.
    int submit(thread_job& job) noexcept;
    /// Takes a job out of the queue. False: it is not there any more.
    bool remove(thread_job& job) noexcept;
    /// Leaves a running job to its thread, which frees it. No completion is sent. False: it is over, or not for that.
    bool leave_behind(thread_job& job) noexcept;
    /// Blocks until the job is over and its completion sent.
    void wait_until_over(const thread_job& job) noexcept;

    /// Jobs that are queued or running.
    std::size_t jobs() const noexcept;

private:
    struct shared;

    std::shared_ptr<shared> shared_;
};

} // namespace coax::detail

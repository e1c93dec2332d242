// The threads of this process that carry out what blocks.
#pragma once

#include <cstddef>
#include <memory>

#include "os/system.hpp"
#include "os/workers.hpp"

namespace coax::os {

/// A bounded number of threads that serve one queue, started one by one when there is work and no idle thread. Of jobs that are alike
/// (`job_place::likeness`) no more than so many run at once; the others let those behind them pass.
class worker_pool final : public workers {
public:
    /// For schedulers on this system. Throws `std::bad_alloc`. `most_alike` 0: no bound but `most`.
    worker_pool(system& on, unsigned most, unsigned most_alike);
    /// Threads whose job was left behind end by themselves after it; the others have ended when this returns.
    ~worker_pool() override;

    int submit(detail::thread_job& job) noexcept override;
    bool remove(detail::thread_job& job) noexcept override;
    bool leave_behind(detail::thread_job& job) noexcept override;
    void wait_until_over(const detail::thread_job& job) noexcept override;
    std::size_t jobs() const noexcept override;

private:
    struct shared;

    std::shared_ptr<shared> shared_;
};

} // namespace coax::os

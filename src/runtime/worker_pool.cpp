// The threads hold the shared state, and touch nothing else of the pool or of the scheduler but the completion of a job
// that is waited for: so a thread whose job was left behind may outlive both.

#include "runtime/worker_pool.hpp"

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include <coax/detail/message.hpp>

#include "os/signal.hpp"

namespace coax::detail {

struct worker {
    std::thread thread;
    bool left_behind = false; // it runs a job that nobody waits for any more
};

struct worker_pool::shared {
    explicit shared(unsigned bound) noexcept : most(bound) {}

    void append(thread_job& job) noexcept {
        job.next = nullptr;
        job.link = tail;
        *tail = &job;
        tail = &job.next;
        job.at = thread_job::stage::queued;
        ++queued;
    }
    void unlink(thread_job& job) noexcept {
        *job.link = job.next;
        if (job.next != nullptr)
            job.next->link = job.link;
        else
            tail = job.link;
        job.at = thread_job::stage::idle;
        --queued;
    }

    int start(const std::shared_ptr<shared>& self) noexcept;
    void serve(worker& me);
    void carry_out(thread_job& job, worker& me, std::unique_lock<std::mutex>& lock);

    const unsigned most;
    std::mutex mutex;
    std::condition_variable changed; // there is work, or the end
    std::condition_variable over;    // a job is
    thread_job* head = nullptr;
    thread_job** tail = &head;
    std::size_t queued = 0;
    std::size_t running = 0;
    std::size_t idle = 0; // threads that wait for work, or are about to look for some
    bool ending = false;
    std::deque<worker> workers; // their addresses stay
};

/// Starts one more thread. 0 or an errno value.
int worker_pool::shared::start(const std::shared_ptr<shared>& self) noexcept {
    try {
        worker& added = workers.emplace_back();
        try {
            // Signals are for the program's threads; this way there is no moment in which one could come here.
            os::with_signals_blocked([&] { added.thread = std::thread([self, &added] { self->serve(added); }); });
        } catch (...) {
            workers.pop_back();
            throw;
        }
    } catch (const std::system_error& error) {
        return error.code().value();
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
    ++idle;
    return 0;
}

void worker_pool::shared::serve(worker& me) {
    std::unique_lock lock(mutex);
    for (;;) {
        changed.wait(lock, [this] { return head != nullptr || ending; });
        if (head == nullptr)
            return;
        thread_job& job = *head;
        unlink(job);
        --idle;
        carry_out(job, me, lock);
        ++idle;
    }
}

void worker_pool::shared::carry_out(thread_job& job, worker& me, std::unique_lock<std::mutex>& lock) {
    ++running;
    job.at = thread_job::stage::running;
    job.runs_on = &me;
    lock.unlock();
    job.run(job);
    lock.lock();
    if (me.left_behind) {
        // What it destroys may take its time, too.
        lock.unlock();
        job.drop(job);
        lock.lock();
        me.left_behind = false;
        --running;
        return;
    }
    --running;
    job.at = thread_job::stage::over;
    // Under the lock, so that whoever finds the job over knows that its completion is there. Then the job may be gone.
    send_message(*job.on, *job.completion);
    over.notify_all();
}

worker_pool::worker_pool(unsigned most) : shared_(std::make_shared<shared>(most)) {}

worker_pool::~worker_pool() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->ending = true;
        for (worker& each : shared_->workers)
            if (each.left_behind)
                each.thread.detach();
    }
    shared_->changed.notify_all();
    for (worker& each : shared_->workers)
        if (each.thread.joinable())
            each.thread.join();
}

int worker_pool::submit(thread_job& job) noexcept {
    const std::lock_guard lock(shared_->mutex);
    shared_->append(job);
    if (shared_->queued > shared_->idle && shared_->workers.size() < shared_->most) {
        const int error = shared_->start(shared_);
        if (error != 0 && shared_->workers.empty()) {
            shared_->unlink(job);
            return error;
        }
    }
    shared_->changed.notify_one();
    return 0;
}

bool worker_pool::remove(thread_job& job) noexcept {
    const std::lock_guard lock(shared_->mutex);
    if (job.at != thread_job::stage::queued)
        return false;
    shared_->unlink(job);
    return true;
}

bool worker_pool::leave_behind(thread_job& job) noexcept {
    const std::lock_guard lock(shared_->mutex);
    if (job.at != thread_job::stage::running || job.drop == nullptr)
        return false;
    job.runs_on->left_behind = true;
    return true;
}

void worker_pool::wait_until_over(const thread_job& job) noexcept {
    std::unique_lock lock(shared_->mutex);
    shared_->over.wait(lock, [&] { return job.at == thread_job::stage::over; });
}

std::size_t worker_pool::jobs() const noexcept {
    const std::lock_guard lock(shared_->mutex);
    return shared_->queued + shared_->running;
}

} // namespace coax::detail

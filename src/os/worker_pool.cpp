// The threads hold the shared state, and touch nothing else of the pool or of the scheduler but the completion of a job
// that is waited for: so a thread whose job was left behind may outlive both.

#include "os/worker_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <list>
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
    std::size_t likeness = 0; // of the job that it runs
};

} // namespace coax::detail

namespace coax::os {

using detail::thread_job;
using detail::worker;

namespace {
constinit thread_local system* served = nullptr;
}

system* system_of_job() noexcept { return served; }

struct worker_pool::shared {
    shared(system& of, unsigned bound, unsigned bound_of_alike) : on(of), most(bound), most_alike(bound_of_alike) {}

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

    bool has_room(const thread_job& job) const noexcept {
        if (job.place.likeness == 0 || most_alike == 0)
            return true;
        const auto alike = [&](const worker& each) { return each.likeness == job.place.likeness; };
        return std::count_if(workers.begin(), workers.end(), alike) < static_cast<std::ptrdiff_t>(most_alike);
    }
    /// The first that may run now.
    thread_job* next_job() const noexcept {
        thread_job* job = head;
        while (job != nullptr && !has_room(*job))
            job = job->next;
        return job;
    }

    int start(const std::shared_ptr<shared>& self) noexcept;
    void serve(worker& me);
    void retire(worker& me) noexcept;
    void carry_out(thread_job& job, worker& me, std::unique_lock<std::mutex>& lock);

    system& on;
    const unsigned most;
    const unsigned most_alike;
    std::mutex mutex;
    std::condition_variable changed; // there is work, or the end
    std::condition_variable over;    // a job is
    thread_job* head = nullptr;
    thread_job** tail = &head;
    std::size_t queued = 0;
    std::size_t running = 0;
    std::size_t idle = 0; // threads that wait for work, or are about to look for some
    bool ending = false;
    std::list<worker> workers; // their addresses stay
};

/// Starts one more thread. 0 or an errno value.
int worker_pool::shared::start(const std::shared_ptr<shared>& self) noexcept {
    try {
        worker& added = workers.emplace_back();
        try {
            // Signals are for the program's threads; this way there is no moment in which one could come here.
            with_signals_blocked([&] { added.thread = std::thread([self, &added] { self->serve(added); }); });
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
        thread_job* job = nullptr;
        changed.wait(lock, [&] {
            job = next_job();
            return job != nullptr || ending;
        });
        if (job == nullptr)
            return;
        unlink(*job);
        --idle;
        me.likeness = job->place.likeness;
        // One that had no room when it was queued may have some now; nobody else has been woken for it.
        if (most_alike != 0 && idle != 0 && next_job() != nullptr)
            changed.notify_one();
        carry_out(*job, me, lock);
        me.likeness = 0;
        ++idle;
        if (most_alike != 0 && idle > most_alike && next_job() == nullptr && !ending) {
            retire(me);
            return;
        }
    }
}

/// What lookups that hang have taken in addition ends with them. Nothing of the thread is used afterwards but the shared state.
void worker_pool::shared::retire(worker& me) noexcept {
    --idle;
    me.thread.detach();
    workers.remove_if([&](const worker& each) { return &each == &me; });
}

void worker_pool::shared::carry_out(thread_job& job, worker& me, std::unique_lock<std::mutex>& lock) {
    ++running;
    job.at = thread_job::stage::running;
    job.runs_on = &me;
    const struct serving {
        explicit serving(system& which) noexcept { served = &which; }
        serving(const serving&) = delete;
        serving& operator=(const serving&) = delete;
        ~serving() { served = nullptr; }
    } here(on);
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
    detail::send_message(*job.on, *job.completion);
    over.notify_all();
}

worker_pool::worker_pool(system& on, unsigned most, unsigned most_alike)
    : shared_(std::make_shared<shared>(on, most, most_alike)) {}

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
    if (shared_->queued > shared_->idle && shared_->workers.size() < shared_->most && shared_->has_room(job)) {
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

} // namespace coax::os

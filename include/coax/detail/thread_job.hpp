// A call on its way through the pool of worker threads.
#pragma once

namespace coax::detail {

class loop;
struct message;
struct worker;

/// An entry of the pool's queue. It is part of whatever makes the call, so that queueing one allocates nothing.
struct thread_job {
    using function = void (*)(thread_job&) noexcept;
    enum class stage : unsigned char { idle, queued, running, over };

    explicit thread_job(function call, function end = nullptr) noexcept : run(call), drop(end) {}
    thread_job(const thread_job&) = delete;
    thread_job& operator=(const thread_job&) = delete;

    function run;  // makes the call and keeps what it gives; on a worker
    function drop; // frees a job that was left behind, also on a worker; null for one that cannot be left behind

    // What is sent, and where, when it is over.
    loop* on = nullptr;
    message* completion = nullptr;

    // The pool's, under its lock.
    thread_job* next = nullptr;
    thread_job** link = nullptr; // what points at it in the queue
    worker* runs_on = nullptr;
    stage at = stage::idle;

protected:
    ~thread_job() = default;
};

} // namespace coax::detail

// What loops and other threads hand to each other.
#pragma once

#include <cstddef>

#include <coax/config.hpp>
#include <coax/error.hpp>

namespace coax::detail {

class loop;

/// An entry of a loop's mailbox. It lives in whatever waits for it, so sending one allocates nothing and cannot fail.
struct message {
    using delivery_function = void (*)(message&) noexcept;

    explicit message(delivery_function on_delivery) noexcept : deliver(on_delivery) {}
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    message* next = nullptr;
    /// Called on the loop's thread, where no user code runs; the message may be gone when it returns.
    delivery_function deliver;

protected:
    ~message() = default;
};

/// Sends a message to a loop, from any thread. It must not be sent again before it has arrived.
COAX_API void send_message(loop& to, message& what) noexcept;

struct worker;

/// What a job is, which threads carry it out, and with which others it shares a bound.
struct job_place {
    /// Lookups have threads of their own, those for each family too: where a name server answers for one family and is silent for the
    /// other, what is left behind of the one must not keep the other waiting.
    enum class threads : unsigned char { calls, inet6_lookups, inet_lookups, other_lookups };
    static constexpr std::size_t count = 4;

    job_place() noexcept = default;
    job_place(operation_name as, threads by, std::size_t same) noexcept : name(as), served_by(by), likeness(same) {}

    operation_name name = operation_name::to_thread;
    threads served_by = threads::calls;
    std::size_t likeness = 0; // of the jobs with the same number other than 0 only so many run at once
};

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

    job_place place;

    // The pool's, under its lock.
    thread_job* next = nullptr;
    thread_job** link = nullptr; // what points at it in the queue
    worker* runs_on = nullptr;
    stage at = stage::idle;

protected:
    ~thread_job() = default;
};

} // namespace coax::detail

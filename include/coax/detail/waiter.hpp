// What a suspended coroutine waits on, and the queues in which it stands.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/detail/scope.hpp>

namespace coax::detail {

class promise_base;

/// The coroutine that awaits something, and its promise if it is a task. Two words, which are passed in registers.
struct awaiting_coroutine {
    awaiting_coroutine() noexcept = default;
    template <class Promise>
        requires(!std::is_void_v<Promise>) // whose promise is no longer known
    awaiting_coroutine(std::coroutine_handle<Promise> coroutine) noexcept : handle(coroutine) {
        if constexpr (std::is_base_of_v<promise_base, Promise>)
            promise = &coroutine.promise();
    }

    std::coroutine_handle<> handle;
    promise_base* promise = nullptr; // null for a foreign coroutine
};

class loop;
struct wait_description;

/// An entry of the ready queue: a coroutine that the loop resumes in a later step.
struct ready_node {
    ready_node* next = nullptr;
    std::coroutine_handle<> handle;
};

/// Why a wait is asked to end before what it waits for has happened.
enum class stop_reason : unsigned char {
    none,
    scope,   // its scope was cancelled
    expired, // its deadline passed
    closed,  // the socket was closed
    input,   // the input was declared to have ended: a receive gives what it has, or the end
    abandon, // the coroutine is being destroyed
};

enum class wait_state : unsigned char { idle, pending, ready };

/// What the waits of one kind have in common. There is one of each, in the library and not in users' code.
struct wait_kind {
    /// Asks the wait to end for the given reason; it ends by `finish` at once or later, exactly once.
    void (*stop)(waiter&, stop_reason) noexcept;
    /// Says what it waits for.
    void (*describe)(const waiter&, wait_description&) noexcept;
};

/// The base of everything that suspends a coroutine. It lives in the awaiter, so in the coroutine's frame: starting a
/// wait allocates nothing. While pending it is linked into its scope (and, with a deadline, into the timers).
struct COAX_API waiter : ready_node, timer {
    explicit waiter(const wait_kind& of) noexcept : timer(owner_kind::wait), kind(of) {}
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() {
        if (state != wait_state::idle)
            abandon();
    }

    /// Begins the wait: `checkpoint`, and `link` unless it is refused.
    bool enter(loop& on, scope& within, awaiting_coroutine coroutine) noexcept;

    /// Stands at the checkpoint. In a cancelled scope the wait is refused: the coroutine resumes through the ready queue with
    /// `reason == stop_reason::scope`, and false is returned. Defined in loop.hpp, which knows loops.
    inline bool checkpoint(loop& on, scope& within, awaiting_coroutine coroutine) noexcept;

    /// Notes whose wait it is, and where. `checkpoint` begins with it, and so does a wait that is no checkpoint.
    void belong_to(loop& on, scope& in, awaiting_coroutine coroutine) noexcept {
        owner = &on;
        within = &in;
        handle = coroutine.handle;
        promise_at = place_in_frame(coroutine);
    }

    /// Asks the pending wait to end.
    void stop(stop_reason why) noexcept { kind.stop(*this, why); }

    /// What the wait is for.
    wait_description describe() const noexcept;

    /// That of the task that waits; null for a foreign coroutine. After the wait has begun.
    promise_base* promise() const noexcept {
        return promise_at == 0 ? nullptr
                               : static_cast<promise_base*>(
                                     static_cast<void*>(static_cast<std::byte*>(handle.address()) + promise_at));
    }

    /// For a wait that has arrived and has to last.
    void link() noexcept;

    /// For one that has arrived and is over already. False: the coroutine goes on at once. It resumes through the ready queue where it
    /// has gone on often enough in this turn of the loop.
    bool complete() noexcept;

    /// The same for an operation of a socket. Where it has gone on often enough since its coroutine was resumed, it resumes after the loop
    /// has looked at the system, behind all who are ready by then.
    bool complete_behind() noexcept;

    /// Ends the wait: the coroutine goes to the ready queue.
    void finish() noexcept;

    /// Ends the wait without resuming anybody, because the coroutine runs on (or is about to be destroyed).
    void end() noexcept;

    /// Lets the loop ask the wait to stop at the given time; room among the timers has been made before the wait began.
    void set_deadline(std::int64_t nanoseconds) noexcept;

    /// The same after so much time, which counts from the end of this turn of the loop.
    void set_limit(clock::duration time) noexcept;

    stop_reason reason = stop_reason::none; // first, in room that the timer leaves
    const wait_kind& kind;
    loop* owner = nullptr;
    scope* within = nullptr;
    waiter* scope_next = nullptr;
    waiter** scope_link = nullptr; // what points at this waiter in its scope's list; null when not linked
    wait_state state = wait_state::idle;
    bool settled = false; // no cancellation of its scope is to reach it any more; while it is pending
    // Where the promise lies in the frame of the coroutine: a pointer to it would make each wait larger. 0: it is a foreign one's, or
    // has an alignment of 64 KiB.
    std::uint16_t promise_at = 0;

protected:
    /// The coroutine is destroyed while it waits: the wait ends synchronously.
    void abandon() noexcept;

private:
    friend class scope;

    /// Lets the coroutine resume through the ready queue with `stop_reason::scope`.
    void refuse() noexcept;
    void put_into_scope() noexcept;
    void unlink() noexcept;
    static std::uint16_t place_in_frame(awaiting_coroutine coroutine) noexcept {
        const void* const promise = coroutine.promise;
        if (promise == nullptr)
            return 0;
        // Compilers put it behind the two functions with which each frame begins, as near as its alignment allows.
        return static_cast<std::uint16_t>(static_cast<const std::byte*>(promise) -
                                          static_cast<const std::byte*>(coroutine.handle.address()));
    }
};

/// A wait that stands in a queue. It leaves the queue before it ends, since the ready queue links it by the same member.
struct queued_waiter : waiter {
    using waiter::waiter;

    bool is_queued() const noexcept { return queue_link != nullptr; }

    // Its place in a list of whoever carries it out. First, in room that the base leaves.
    std::uint32_t slot_in_list = 0;
    ready_node** queue_link = nullptr; // what points at it in its queue; its successor is `next`
};

class wait_queue {
public:
    wait_queue() noexcept = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;

    bool empty() const noexcept { return head_ == nullptr; }
    /// The one that has waited longest; null when nobody waits.
    queued_waiter* first() const noexcept { return static_cast<queued_waiter*>(head_); }

    void append(queued_waiter& w) noexcept {
        w.next = nullptr;
        w.queue_link = tail_;
        *tail_ = &w;
        tail_ = &w.next;
    }
    void remove(queued_waiter& w) noexcept {
        *w.queue_link = w.next;
        if (w.next != nullptr)
            static_cast<queued_waiter*>(w.next)->queue_link = w.queue_link;
        else
            tail_ = w.queue_link;
        w.queue_link = nullptr;
        w.next = nullptr;
    }
    /// Removes and gives the first one; null when nobody waits.
    queued_waiter* take() noexcept {
        queued_waiter* w = first();
        if (w != nullptr)
            remove(*w);
        return w;
    }

private:
    ready_node* head_ = nullptr;
    ready_node** tail_ = &head_;
};

} // namespace coax::detail

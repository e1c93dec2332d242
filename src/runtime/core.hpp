// The scheduler behind `coax::scheduler`.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <thread>

#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/promise.hpp>
#include <coax/scheduler.hpp>

#include "backend/backend.hpp"
#include "os/system.hpp"
#include "runtime/mailbox.hpp"
#include "runtime/platform.hpp"
#include "runtime/signal_source.hpp"
#include "runtime/timer_set.hpp"

namespace coax::detail {

/// The loop that runs on this thread, as `current_loop` gives it, without a call.
extern constinit thread_local loop* running;

class core final : public loop {
public:
    core(scheduler& face, const scheduler_options& options, const platform& on);
    ~core();

    /// The core of the loop that a waiter of this library waits on.
    static core& of(loop& on) noexcept { return static_cast<core&>(on); }

    void run_to_end(std::coroutine_handle<> main, promise_base& promise);

    /// Both from any thread. What is posted is user code; a message only ends a wait or cancels a scope.
    void post(posted& node) noexcept;
    void send(message& what) noexcept;
    /// Lets the messages that have come arrive.
    void receive_messages() noexcept;

    scheduler& face() noexcept { return face_; }
    backend::backend& io() noexcept { return *io_; }
    os::system& system() noexcept { return system_; }
    const backend_info& info() const noexcept { return info_; }
    scheduler_stats stats() const noexcept;

    /// The time of this turn.
    std::int64_t now() noexcept {
        if (!time_known_) {
            now_ = io_->now();
            time_known_ = true;
        }
        return now_;
    }
    timer_set& timers() noexcept { return timers_; }
    /// When one of them is due; what counts from the end of this turn counts from its time.
    std::int64_t deadline_of(const timer& t) noexcept { return timer_set::deadline_of(t, now()); }
    /// Made at its first use; throws `std::bad_alloc` then.
    os::workers& workers(job_place::threads which);

    /// Whether an operation of a socket that has ended at once may go on without suspending. Only a few times between two suspensions of
    /// its coroutine: a socket that is always ready would keep the thread for itself, while nobody looks whether others are ready.
    bool may_take_shortcut() noexcept { return shortcuts_ != 0 && shortcuts_-- != 0; }
    /// The same for waits of tasks for each other, in which the system has no part: so many in a turn.
    bool may_run_on() noexcept {
        if (run_on_ == 0)
            return false;
        --run_on_;
        if (run_on_ % most_between_looks == 0 && turn_has_lasted(turn_time))
            run_on_ = 0;
        return true;
    }
    /// Whether this is the thread to use the scheduler on; outside of `run` every thread is, one at a time.
    bool on_its_thread() const noexcept {
        return thread_ == std::thread::id() || thread_ == std::this_thread::get_id();
    }

    /// Whether another thread is inside `run`.
    bool runs_elsewhere() const noexcept { return in_run_.load() && !on_its_thread(); }

    /// Lets deadlines pass before completions are looked at, against the contract. For tests: in practice a completion that has
    /// come is seen first, so that an operation hardly ever completes after it was asked to end.
    void examine_timers_first(bool on) noexcept { timers_first_ = on; }

    /// An exception for which there is no better place.
    void suppressed(std::exception_ptr error) noexcept;

    void count_operation() noexcept { ++stats_.operations; }
    std::size_t waiting = 0; // pending waiters

    /// What `wait_signal` waits on. What it has subscribed to stays until the run ends.
    signal_source& signals() noexcept { return signals_; }
    /// Those on which somebody waits.
    signal_source* signal_sources = nullptr;

private:
    struct main_supervisor : promise_base::supervisor {
        main_supervisor() noexcept : supervisor{&main_ended, nullptr} {}
        static void main_ended(supervisor& self, promise_base&) noexcept {
            static_cast<main_supervisor&>(self).over = true;
        }
        bool over = false;
    };

    static constexpr unsigned ready_budget =
        1024; // coroutines resumed, and functions called, between two looks at the system, or
    static constexpr std::int64_t turn_time = 1000000; // for so long (in nanoseconds), as measured by
    static constexpr unsigned most_between_looks = 16; // looks at the time that are at most so many of them apart

    /// Says how many steps of one kind may be taken before the time is looked at again: few where each is long, more where they are quick.
    class pace {
    public:
        explicit pace(std::int64_t time) noexcept : time_(time) {}
        /// 0: they have taken their share of the turn.
        unsigned grant(core& on) noexcept;

    private:
        std::int64_t time_;
        unsigned stride_ = 0;
        unsigned left_ = ready_budget;
    };

    template <class Node>
    void put(mailbox<Node>& into, Node& node) noexcept;
    void run_tasks() noexcept;
    void wait() noexcept;
    void run_ready() noexcept;
    bool turn_has_lasted(std::int64_t time) noexcept;
    void take_posted() noexcept;
    posted* pop_posted() noexcept;
    void run_posted() noexcept;
    void run_next_posted() noexcept;
    void expire_timers() noexcept;
    bool signals_are_due() const noexcept;
    void deliver_signals() noexcept;
    void drain() noexcept;
    bool quiet() const noexcept;
    bool has_ready() const noexcept { return !ready_.empty() || !behind_.empty(); }

    static constexpr unsigned run_on_budget = 64; // waits for other tasks, in a turn, that do not suspend
    // Operations of sockets, from one resumption to the next, that do not suspend. An answer to a request is one of them, or a few in
    // pieces; more would be no faster, since the look at the system that comes between them costs less than each of them.
    static constexpr unsigned most_shortcuts = 4;
    // Lookups, of each family: most of the threads can be left behind with lookups that hang, and no name takes all of them.
    static constexpr unsigned lookup_threads = 64;
    static constexpr unsigned lookups_of_a_name = 8; // at once

    scheduler& face_;
    os::system& system_;
    std::unique_ptr<backend::backend> io_;
    backend_info info_;
    timer_set timers_;
    std::int64_t now_ = 0;
    bool time_known_ = false;
    bool timers_first_ = false;
    unsigned run_on_ = run_on_budget;
    unsigned shortcuts_ = most_shortcuts;
    std::thread::id thread_;
    bool entered_ = false;
    std::atomic<bool> in_run_{false};
    scheduler_stats stats_;
    function_ref<void(std::exception_ptr)> on_suppressed_;
    std::exception_ptr posted_error_;
    signal_source signals_;
    unsigned worker_threads_;
    std::array<std::unique_ptr<os::workers>, job_place::count> workers_;

    mailbox<posted> posted_;
    posted* backlog_ = nullptr; // what has been taken out of there and not been called
    posted** backlog_end_ = &backlog_;
    std::size_t backlog_size_ = 0;
    std::size_t owed_ = 0; // of these, what has to be called before the run ends
    mailbox<message> messages_;
    std::atomic<bool> asleep_{false};
    std::atomic<int> senders_{0}; // threads inside `post` or `send` now: the end waits for them
};

} // namespace coax::detail

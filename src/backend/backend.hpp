// The seam between the runtime and what carries out I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <coax/detail/loop.hpp>
#include <coax/detail/operation.hpp>
#include <coax/scheduler.hpp>
#include <coax/shutdown_how.hpp>

#include "backend/attempt.hpp"
#include "backend/buffer_pool.hpp"
#include "backend/descriptor.hpp"
#include "backend/retry_list.hpp"
#include "os/process.hpp"
#include "os/system.hpp"
#include "os/wake.hpp"

namespace coax::backend {

using detail::descriptor;
using detail::opcode;
using detail::operation;
using detail::operation_queue;
using detail::stop_reason;

/// A wait that ends with `stop_reason::closed` when a descriptor is closed, or leaves its backend in another way, on which no operation
/// waits. It stands in its queue from `end_when_closed` until it has been told, or leaves it.
struct close_wait : detail::queued_waiter {
    using queued_waiter::queued_waiter;

    descriptor* target = nullptr;
};

/// Carries out operations. It knows descriptors and operations, nothing of sockets' policy or of coroutines: an operation
/// that has ended goes to its scheduler's ready queue by `operation::finish`, and no user code runs inside a backend.
///
/// This base keeps the queues: of each direction of a descriptor only the first operation is started. Derived classes do the work.
class backend {
public:
    backend(os::system& on, buffer_pool::owner pool) noexcept : system_(on), pool_(std::move(pool)) {}
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;
    virtual ~backend() = default;

    virtual backend_kind kind() const noexcept = 0;

    /// Whether this is a copy in a forked process: the kernel's part is shared with the parent, and not to be touched.
    bool is_inherited() const noexcept { return os::forks() != made_after_; }
    /// Ends a child that goes on inside its parent's `run`: it would take the parent's completions, and nothing of it can be unwound
    /// without the kernel.
    void refuse_in_child() const noexcept {
        if (is_inherited()) [[unlikely]]
            end_child();
    }

    /// Whether its loop runs on this thread now. A descriptor is attached only while its loop runs, so one that is attached to another
    /// loop is another thread's.
    bool runs_here() const noexcept { return pool_->loop() == detail::current_loop(); }

    /// Called once, on the thread that will run the loop, before anything else but `wake`. 0 or an errno value.
    virtual int enter_thread() noexcept { return 0; }

    /// Makes a descriptor known, at its first operation. 0 or an errno value.
    int attach(descriptor& d) noexcept;
    /// Ends everything of a descriptor for the given reason and forgets it. Afterwards the system holds nothing of it, so that it
    /// can be closed or used elsewhere; those who waited are in the ready queue.
    void detach(descriptor& d, stop_reason why) noexcept;
    /// Detaches whatever is attached: the scheduler ends.
    void detach_all() noexcept;
    /// For a pending wait: `detach` of this descriptor stops it. It is removed from `close_waits` before it ends.
    void end_when_closed(close_wait& wait, descriptor& closed) noexcept {
        wait.target = &closed;
        close_waits.append(wait);
    }
    detail::wait_queue close_waits;

    /// Begins an operation, or queues it behind those before it. True: it has ended already and `finish` is not called.
    bool submit(operation& op) noexcept;
    /// Asks an operation to end. It ends by `finish`, now or later, with what it did or with ECANCELED.
    void stop(operation& op) noexcept;
    /// The same, and returns when it has ended.
    void stop_and_wait(operation& op) noexcept;
    /// Something was kept while others may be waiting to receive: they come first.
    void serve_waiting(descriptor& d) noexcept;
    /// From now on somebody else may accept from this listener. An accept that waits begins anew, as one of several.
    void note_shared(descriptor& d) noexcept;
    /// Carries out an operation without waiting; EAGAIN when that is impossible.
    void try_now(operation& op) noexcept;

    /// Hands what has been begun to the system and waits until something completes or for `timeout` nanoseconds (0: not at all, -1: for
    /// ever). `collect` comes next.
    void wait(std::int64_t timeout) noexcept { do_wait(clocked_.empty() ? timeout : until_clocked(timeout)); }
    /// Ends the operations that are complete.
    void collect() noexcept {
        do_collect();
        if (!clocked_.empty()) [[unlikely]]
            try_again();
    }
    /// Hands what has been begun to the system, so that a direct system call comes after it.
    virtual void flush() noexcept {}
    /// Ends a wait that is going on, or the next one. From any thread and from a signal handler.
    void wake() noexcept { waker().notify(); }
    virtual os::waker& waker() noexcept = 0;
    /// The system's clock.
    std::int64_t now() noexcept { return system_.now(); }
    os::system& system() noexcept { return system_; }

    buffer_pool& pool() noexcept { return *pool_; }
    std::uint64_t waits() const noexcept { return waits_; }

protected:
    /// Begins the first operation of a direction. True: it has ended.
    virtual bool start(operation& op) noexcept = 0;
    /// Tries an operation without waiting. Where handles are this process's, `attempt` does that.
    virtual progress try_once(operation& op) noexcept = 0;
    virtual void do_wait(std::int64_t timeout) noexcept = 0;
    virtual void do_collect() noexcept = 0;
    /// Asks an operation that `start` began to end; `done` follows. It is none that is tried by the clock.
    virtual void cancel(operation& op) noexcept = 0;
    /// Has the system give back a receive that it is carrying out, if it can; the operation goes on afterwards. False: the system has
    /// nothing of it.
    virtual bool interrupt(operation&) noexcept { return false; }
    /// `descriptor::input_ended` has become true; not every system reports that to those who wait.
    virtual void input_ended(descriptor&) noexcept {}
    /// The queue of readers has changed from outside.
    virtual void readers_changed(descriptor&) noexcept {}
    virtual int do_attach(descriptor& d) noexcept = 0;
    /// Ends everything that `start` began on the descriptor (each by `done`) and undoes `do_attach`.
    virtual void do_detach(descriptor& d) noexcept = 0;

    /// Lets an operation of which the system will report nothing be tried again by the clock; it was begun, and the system has nothing
    /// of it. False: there is no memory, and it has ended.
    [[nodiscard]] bool try_by_the_clock(operation& op) noexcept;
    /// An operation that was begun has ended: it leaves its queue, is finished, and the next one begins.
    void done(operation& op) noexcept;
    /// Ends an operation before it is complete: with the error, unless it is a receive that has to fill its buffer and has got a part of
    /// it, which is a result.
    static void end_early(operation& op, int why) noexcept;
    /// Ends an operation whose turn has come by what is kept for it or, where the input was cut, by what has arrived.
    bool serve_at_once(operation& op) noexcept;
    /// Begins operations until one is under way.
    void advance(operation_queue& queue) noexcept;

    std::uint64_t waits_ = 0;

private:
    friend int shut_down(descriptor& d, shutdown_how how) noexcept;
    void unlink(descriptor& d) noexcept;
    void tell_closed(const descriptor& d) noexcept;
    static void end(operation& op) noexcept;
    [[noreturn]] static void end_child() noexcept;

    void try_again() noexcept;
    /// The same time, or a shorter one, after which an operation is to be tried by the clock.
    std::int64_t until_clocked(std::int64_t timeout) noexcept;

    os::system& system_;
    buffer_pool::owner pool_;
    descriptor* attached_ = nullptr;
    retry_list clocked_;
    const unsigned made_after_ = os::forks();
};

/// shutdown(2): what was begun before goes out before, and those who wait for input hear of its end. 0 or an errno value.
int shut_down(descriptor& d, shutdown_how how) noexcept;

/// Lets those who receive get what has arrived, and then the end of the stream, without telling the system: it would answer what the peer
/// still sends with a reset once the other direction has been shut down. Whoever clears `input_cut` and `input_ended` receives again.
void cut_input(descriptor& d) noexcept;

/// What a backend is made with.
struct settings {
    os::system& system;
    backend_kind kind = backend_kind::automatic;
    unsigned queue_depth = 0;
    unsigned completion_depth = 0;
    unsigned buffer_count = 0;
    std::size_t buffer_size = 0;
};

/// Makes the backend that is asked for, or the best one that is to be had, and says why it is that one. Throws `std::system_error`.
std::unique_ptr<backend> make_backend(const settings& wanted, std::string& reason);

} // namespace coax::backend

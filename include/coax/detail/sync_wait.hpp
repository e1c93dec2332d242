// Waits for other tasks of the same thread: for events, locks, permits and items.
#pragma once

#include <coroutine>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/wait_queue.hpp>
#include <coax/error.hpp>

namespace coax::detail {

/// A wait that stands in the queue of what it waits for until somebody grants it. Once granted it is out of reach of any cancellation.
struct COAX_API sync_wait : queued_waiter {
    explicit sync_wait(operation_name as, const wait_kind& of = its_kind) noexcept : queued_waiter(of), name(as) {}
    ~sync_wait() {
        if (state != wait_state::idle)
            abandon();
    }

    /// `checkpoint`, on the thread to which all of this belongs.
    bool begin(environment around, awaiting_coroutine coroutine) noexcept;

    /// For a wait that has arrived: it gets what it wants at once.
    bool grant_at_once() noexcept {
        granted = true;
        return complete();
    }

    /// For a wait that has arrived: it has to wait for its turn.
    bool wait_in(wait_queue& queue) noexcept {
        line = &queue;
        queue.append(*this);
        link();
        return true;
    }

    /// For one that has been taken out of its queue: it gets what it stood there for.
    void grant() noexcept {
        granted = true;
        finish();
    }

    /// Lets the first one in the queue have it; false: nobody waits.
    static bool grant_first(wait_queue& queue) noexcept;

    /// After the coroutine has resumed: true for a success.
    bool conclude() noexcept {
        state = wait_state::idle;
        return reason == stop_reason::none;
    }
    /// The failure that `conclude` announced.
    failure failed() const noexcept { return failure(failure::cause::cancelled, name); }

    wait_queue* line = nullptr; // where it stands
    operation_name name;
    bool granted = false; // it has what it wanted, and its coroutine has not taken it yet

protected:
    static void on_describe(const waiter& self, wait_description& what) noexcept;

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
};

} // namespace coax::detail

// The tree through which cancellation is inherited, and the deadlines in it.
#pragma once

#include <cstdint>

#include <coax/config.hpp>

namespace coax::detail {

/// A point in time at which the loop is to do something. It lives in whatever has the deadline; while it is set the scheduler's
/// timers refer to it.
struct timer {
    /// What the deadline belongs to, and so what happens when it has passed.
    enum class owner_kind : unsigned char { wait, scope, idle };

    static constexpr std::uint32_t not_set = 0xffffffffU;

    explicit timer(owner_kind of) noexcept : belongs_to(of) {}
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    bool is_set() const noexcept { return slot != not_set; }

    std::int64_t deadline = 0; // nanoseconds of the scheduler's clock, or from the end of the turn in which it was set
    std::uint32_t slot = not_set; // its entry
    owner_kind belongs_to;
};

class loop;
struct waiter;

/// A node of the tree. Waits are linked into the scope they began in, until they end; only the thread of the scheduler touches any of it.
class COAX_API scope {
public:
    /// A root until it is opened below another one.
    scope() noexcept = default;
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() {
        if (waiters_ != nullptr || first_child_ != nullptr) [[unlikely]]
            orphan();
        close();
    }

    /// Puts the scope below another one. A shielded one is not cancelled with its parent, only by the end of the scheduler's run.
    void open(scope& parent, bool shielded = false) noexcept;
    /// Takes it out again. No wait is left in it.
    void close() noexcept;

    /// Cancels this scope and all below, except what is shielded: pending waits are asked to stop, each once, and later ones are refused.
    void cancel() noexcept;

    /// Cancels everything, shields included: the run is over. `reset` makes the root usable again.
    void end() noexcept;
    void reset() noexcept { requested_ = cancelled_ = ended_ = false; }

    /// Whether a wait in this scope is refused: it or a scope above it has been cancelled.
    bool cancelled() const noexcept { return cancelled_; }

    /// Whether a `cancelled` that arrives here stems from this very scope, so that it is absorbed here. A cancellation from further out
    /// goes on to where it belongs.
    bool absorbs() const noexcept { return requested_ && (parent_ == nullptr || !parent_->cancelled_); }

    /// For those who look at the tree: the first scope below, the next one beside it, and the first of the pending waits, which the others
    /// follow by `scope_next`. A wait that has been asked to stop is among them until it has ended.
    const scope* first_child() const noexcept { return first_child_; }
    const scope* sibling() const noexcept { return sibling_; }
    const waiter* waiters() const noexcept { return waiters_; }

private:
    friend struct waiter;

    void spread(bool through_shields) noexcept;
    void stop_waiters() noexcept;
    /// A coroutine is destroyed in the middle of a wait, and the scope before what is in it.
    void orphan() noexcept;
    static scope* first_unshielded(scope* from, bool through_shields) noexcept;

    scope* parent_ = nullptr;
    scope* first_child_ = nullptr;
    scope* sibling_ = nullptr;
    scope** sibling_link_ = nullptr;
    waiter* waiters_ = nullptr;
    bool requested_ = false;
    bool cancelled_ = false;
    bool shielded_ = false;
    bool ended_ = false;
};

/// The time by which something has to end, in nanoseconds: from the end of the turn in which it begins, or on the loop's clock.
struct time_limit {
    std::int64_t nanoseconds;
    bool relative;
};

/// A scope that cancels itself when its time has come.
class COAX_API deadline_scope : public scope, private timer {
public:
    deadline_scope() noexcept : timer(owner_kind::scope) {}
    ~deadline_scope() { disarm(); }

    /// Throws `std::bad_alloc`, and is not open then.
    void open(loop& on, scope& parent, time_limit limit);
    void close() noexcept {
        disarm();
        scope::close();
    }

    /// The loop says that the deadline has passed.
    static void expire(timer& due) noexcept {
        auto& self = static_cast<deadline_scope&>(due);
        self.expired_ = true;
        self.cancel();
    }

    /// Whether a `cancelled` that arrives here means that the time ran out.
    bool timed_out() const noexcept { return expired_ && absorbs(); }

private:
    void disarm() noexcept {
        if (is_set())
            remove_timer();
    }
    void remove_timer() noexcept;

    loop* on_ = nullptr;
    bool expired_ = false;
};

} // namespace coax::detail

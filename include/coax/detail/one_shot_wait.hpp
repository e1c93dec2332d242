// What is the same in each one_shot, whatever its value is: who waits, on which scheduler.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <mutex>

#include <coax/config.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/error.hpp>

namespace coax::detail {

struct one_shot_wait;

class COAX_API one_shot_state {
public:
    one_shot_state() noexcept = default;
    one_shot_state(const one_shot_state&) = delete;
    ~one_shot_state();

    /// True for the first one, who may store a value now and then has to `announce` it, or `give_up`.
    bool claim() noexcept { return !claimed_.exchange(true); }
    void give_up() noexcept { claimed_.store(false); }
    /// Tells all who wait, on their schedulers. The state may be gone when it returns.
    void announce() noexcept;
    bool ready() noexcept;

    std::exception_ptr error;

private:
    friend struct one_shot_wait;

    std::atomic<bool> claimed_{false};
    std::mutex mutex_; // of what follows, and of the waits' links
    bool ready_ = false;
    one_shot_wait* first_ = nullptr;
    one_shot_wait** end_ = &first_;
};

/// A wait for it. Only its own scheduler's thread ends it; others send it a message.
struct COAX_API one_shot_wait : waiter {
    explicit one_shot_wait(one_shot_state& of) noexcept : waiter(its_kind), state_of(of), news(*this) {}
    ~one_shot_wait() {
        if (state != wait_state::idle)
            abandon();
    }

    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    /// After the coroutine has resumed: true if the value, or an exception in its place, is there.
    bool conclude() noexcept {
        state = wait_state::idle;
        return reason == stop_reason::none;
    }
    failure failed() const noexcept { return failure(failure::cause::cancelled, operation_name::wait); }
    /// After `conclude`, in any case: throws what was set in place of a value. When it returns the state may be destroyed.
    void throw_error();

private:
    friend class one_shot_state;

    struct told : message {
        explicit told(one_shot_wait& to) noexcept : message(&arrived), wait(to) {}
        one_shot_wait& wait;
    };

    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;
    static void arrived(message& self) noexcept;

    one_shot_state& state_of;
    told news;
    one_shot_wait* next_waiting = nullptr;
    one_shot_wait** waiting_link = nullptr; // null when it has been told, or does not wait
};

} // namespace coax::detail

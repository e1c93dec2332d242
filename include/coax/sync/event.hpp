/// \file
/// Something that has happened, or not yet.
#pragma once

#include <coroutine>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/detail/waiter.hpp>

namespace coax {
class event;

namespace detail {

struct COAX_API event_wait : sync_wait {
    explicit event_wait(event& of) noexcept : sync_wait(operation_name::wait), target(of) {}
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    void value() const noexcept {}

    event& target;
};

using event_wait_operation = awaited<event_wait>;

} // namespace detail

/// Something that tasks wait for and another task announces. It stays set until it is cleared, and wakes everybody.
///
/// For tasks of one scheduler's thread. Nobody may wait on it when it is destroyed.
class COAX_API event {
public:
    /// Set or not.
    explicit event(bool set = false) noexcept : set_(set) {}
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event();

    /// Wakes all who wait, in the order in which they came, and lets later ones pass. Doing it again changes nothing.
    void set() noexcept;

    /// Lets later ones wait. Those that `set` has woken pass all the same, even if they have not run yet.
    void clear() noexcept { set_ = false; }

    /// Whether it is set now.
    bool is_set() const noexcept { return set_; }

    /// `co_await happened.wait()`: waits until the event is set.
    ///
    /// Cancellation: throws `cancelled`; one who has been woken passes.
    [[nodiscard]] detail::event_wait_operation wait() noexcept { return detail::event_wait_operation(*this); }

private:
    friend struct detail::event_wait;

    detail::wait_queue waiting_;
    bool set_;
};

} // namespace coax

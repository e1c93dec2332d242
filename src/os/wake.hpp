// Waking a loop from another thread or from a signal handler.
#pragma once

#include <coax/config.hpp>

namespace coax::os {

/// What ends the wait of a loop.
class waker {
public:
    waker() noexcept = default;
    waker(const waker&) = delete;
    waker& operator=(const waker&) = delete;

    /// From any thread and from a signal handler.
    virtual void notify() noexcept = 0;

protected:
    ~waker() = default;
};

/// A handle that becomes readable once it has been notified, until it is drained: for loops that wait for handles.
class wake_event final : public waker {
public:
    /// Throws `std::system_error`.
    wake_event();
    ~wake_event();

    native_handle readable_handle() const noexcept { return read_end_; }
    void notify() noexcept override;
    void drain() noexcept;

private:
    native_handle read_end_;
    native_handle write_end_;
};

} // namespace coax::os

// Waking a loop from another thread or from a signal handler.
#pragma once

#include <coax/config.hpp>

namespace coax::os {

/// A handle that becomes readable once it has been notified, until it is drained.
class wake_event {
public:
    /// Throws `std::system_error`.
    wake_event();
    ~wake_event();
    wake_event(const wake_event&) = delete;
    wake_event& operator=(const wake_event&) = delete;

    native_handle readable_handle() const noexcept { return read_end_; }
    /// From any thread and from a signal handler.
    void notify() noexcept;
    void drain() noexcept;

private:
    native_handle read_end_;
    native_handle write_end_;
};

} // namespace coax::os

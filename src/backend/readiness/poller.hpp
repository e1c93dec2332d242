// How a readiness backend learns which sockets are ready.
#pragma once

#include <cstdint>
#include <memory>

#include "backend/descriptor.hpp"
#include "os/wake.hpp"

namespace coax::backend {

/// Hears of readiness.
struct readiness_sink {
    /// The socket may be read from or written to, or has failed (both). `beyond_data`: the end, an error or urgent data have come.
    virtual void ready(detail::descriptor& d, bool readable, bool writable, bool beyond_data) noexcept = 0;

protected:
    ~readiness_sink() = default;
};

class poller {
public:
    poller() = default;
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    virtual ~poller() = default;

    /// Registers a socket until `remove`. 0 or an errno value.
    virtual int add(detail::descriptor& d) noexcept = 0;
    virtual void remove(detail::descriptor& d) noexcept = 0;
    /// The queues of a registered socket have changed: a direction is of interest while its queue has an operation in it.
    virtual void update(detail::descriptor& d) noexcept = 0;
    /// Has the socket reported again if it is ready still. False: that is impossible.
    virtual bool ask_again(detail::descriptor& d) noexcept = 0;
    /// Waits for readiness, for the wake event, or for `timeout` nanoseconds (-1: for ever). After a signal it has looked once more what is
    /// ready. 0, or an errno value where there will never be an answer again.
    virtual int wait(std::int64_t timeout) noexcept = 0;
    /// Tells the sink what the wait found. No socket is removed between the two.
    virtual void report(readiness_sink& sink) noexcept = 0;
};

/// Both throw `std::system_error`. The event must outlive the poller.
std::unique_ptr<poller> make_poll_poller(os::wake_event& wake);
std::unique_ptr<poller> make_epoll_poller(os::wake_event& wake);

} // namespace coax::backend

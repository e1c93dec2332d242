// The readiness backend: tries the system call, waits until the socket is ready, tries again.
#pragma once

#include <cstdint>
#include <memory>

#include "backend/backend.hpp"
#include "backend/readiness/poller.hpp"
#include "os/wake.hpp"

namespace coax::backend {

class readiness_backend final : public backend, private readiness_sink {
public:
    /// `which` is epoll or poll. Throws `std::system_error`.
    readiness_backend(backend_kind which, const settings& wanted);

    backend_kind kind() const noexcept override { return kind_; }
    os::waker& waker() noexcept override { return wake_; }

protected:
    void do_wait(std::int64_t timeout) noexcept override;
    void do_collect() noexcept override;
    bool start(operation& op) noexcept override;
    progress try_once(operation& op) noexcept override { return attempt(op, pool()); }
    void cancel(operation& op) noexcept override;
    void input_ended(descriptor& d) noexcept override { ready(d, true, false, true); }
    void readers_changed(descriptor& d) noexcept override { poller_->update(d); }
    int do_attach(descriptor& d) noexcept override { return poller_->add(d); }
    void do_detach(descriptor& d) noexcept override;

private:
    void ready(descriptor& d, bool readable, bool writable, bool beyond_data) noexcept override;
    progress try_in_turn(operation& op) noexcept;
    bool try_and_note(operation& op, bool& unready) noexcept;
    void try_head(operation_queue& queue, bool& unready, bool failed) noexcept;

    backend_kind kind_;
    os::wake_event wake_;
    std::unique_ptr<poller> poller_;
};

} // namespace coax::backend

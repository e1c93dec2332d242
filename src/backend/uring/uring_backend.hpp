// The io_uring backend: an operation is a submission; what ends it is its own completion, and nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.hpp"
#include "backend/uring/buffer_ring.hpp"
#include "backend/uring/ring.hpp"
#include "os/wake.hpp"

namespace coax::backend {

class uring_backend final : public backend {
public:
    /// Throws `std::system_error` that names the refused call.
    explicit uring_backend(const settings& wanted);
    ~uring_backend() override;

    backend_kind kind() const noexcept override { return backend_kind::io_uring; }
    int enter_thread() noexcept override { return ring_.enable(); }
    void flush() noexcept override { ring_.submit(); }
    os::waker& waker() noexcept override { return wake_; }

protected:
    void do_wait(std::int64_t timeout) noexcept override;
    void do_collect() noexcept override;
    bool start(operation& op) noexcept override;
    progress try_once(operation& op) noexcept override { return attempt(op, pool()); }
    void cancel(operation& op) noexcept override;
    bool interrupt(operation& op) noexcept override;
    void input_ended(descriptor& d) noexcept override;
    int do_attach(descriptor&) noexcept override { return 0; }
    void do_detach(descriptor& d) noexcept override;

private:
    // What a completion belongs to, in the low bits of its user data.
    enum class tag : std::uint64_t { operation, ignored, wake, cancel };
    static constexpr std::uint64_t tag_mask = 7;
    // Above an address of user space 16 bits are free: operations have their generation there, so that no request to cancel one
    // can meet another at the same address.
    static constexpr unsigned generation_shift = 48;
    static std::uint64_t key_of(const operation& op) noexcept;

    // What is submitted (uring_prepare.cpp)
    bool start_special(operation& op) noexcept;
    bool send_alone(operation& op) noexcept;
    void begin(operation& op) noexcept;
    bool tries_first(const operation& op) noexcept;
    void note_direct(const operation& op) noexcept;
    void prepare(operation& op, io_uring_sqe& sqe) noexcept;
    void prepare_accept(operation& op, io_uring_sqe& sqe) noexcept;
    void prepare_receive(operation& op, io_uring_sqe& sqe) noexcept;

    // What a completion means (uring_complete.cpp). What returns a bool says whether the operation has to be submitted again.
    void complete(operation& op, int result, unsigned flags) noexcept;
    bool complete_call(operation& op, int result, unsigned flags) noexcept;
    bool complete_ready(operation& op, int result) noexcept;
    bool complete_accept(operation& op, int result, unsigned flags) noexcept;
    bool complete_connect(operation& op, int result) noexcept;
    bool complete_receive(operation& op, int result, unsigned flags) noexcept;
    bool complete_send(operation& op, int result) noexcept;
    void receive_rest(operation& op) noexcept;
    bool make_room_for_rest(operation& op) noexcept;

    // How operations are asked to end (uring_cancel.cpp)
    void ask_to_end(operation& op) noexcept;
    void cancel_by_key(std::uint64_t target, tag answer) noexcept;
    void note_stopping(operation& op) noexcept;
    void forget_stopping(operation& op) noexcept;
    std::int64_t ask_again() noexcept;

    ring ring_;
    buffer_ring buffers_;
    os::wake_event wake_;
    bool wake_armed_ = false;
    bool accept_hints_ =
        true; // the kernel can wait before it accepts, and says whether more connections wait (Linux 6.10)
    // The loop had nothing else to do when it last looked at the system, at most one operation ended then, and nothing has been begun to be
    // sent since.
    bool quiet_ = false;
    std::uint16_t generation_ = 0;
    std::vector<operation*> stopping_; // asked to end, and not yet ended
    bool cancel_missed_ = false;       // a cancellation did not find its target
    std::int64_t ask_again_at_ = 0;    // and so all that are here are asked again at this time,
    std::int64_t ask_interval_ = 0;    // and again after this long, nanoseconds
};

} // namespace coax::backend

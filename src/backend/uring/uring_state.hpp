// What the io_uring backend notes in descriptors and operations.
#pragma once

#include <cstdint>

#include <sys/socket.h>

#include "backend/descriptor.hpp"
#include "backend/scratch.hpp"

namespace coax::backend {

struct uring_state {
    std::uint32_t in_kernel; // submissions whose completion is to come
    bool drained;            // the last receive left nothing behind
    bool backlog_drained;    // the last accept left nothing behind
};

inline uring_state& uring_of(detail::descriptor& d) noexcept { return noted<uring_state>(d); }

/// Of an operation.
struct submission_state {
    std::uint32_t stop_slot;  // its place among those that are asked to end
    socklen_t peer_size;      // of an accept: written by the kernel
    std::uint16_t generation; // tells it from others that had this address before
    bool in_kernel;
    bool stop_asked;   // the kernel was asked to cancel it
    bool awaits_ready; // what was submitted waits for readiness only; then the call is made directly
    bool connecting;   // of such a connect: the attempt goes on by itself
    bool plain_accept; // without the flags that kernels before 6.10 do not know
    std::uint8_t
        idle_wakes; // the socket was ready, and the call would have blocked all the same: so many times in a row
};

inline submission_state& submission_of(detail::operation& op) noexcept { return noted<submission_state>(op); }
inline const submission_state& submission_of(const detail::operation& op) noexcept {
    return noted<submission_state>(op);
}

} // namespace coax::backend

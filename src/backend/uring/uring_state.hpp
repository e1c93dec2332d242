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
    bool in_bulk;            // a stream: more came at once than a buffer of the pool holds
    std::uint8_t misses;     // so many direct receives of datagrams in a row have found none
    std::uint8_t until_try;  // so many more come by a completion before the next direct one
};

/// The kernel does not say whether there is another datagram. A direct call that finds none is tried less and less often.
inline void note_miss(uring_state& state) noexcept {
    constexpr std::uint8_t most = 5;
    state.drained = true;
    if (state.misses < most)
        ++state.misses;
    state.until_try = static_cast<std::uint8_t>((1U << state.misses) - 1);
}
/// Of streams it does.
inline void note_received_by_ring(uring_state& state, bool more) noexcept {
    state.drained = !more;
    state.in_bulk = more;
}
inline void note_datagram(uring_state& state) noexcept {
    state.drained = state.until_try != 0;
    if (state.drained)
        --state.until_try;
}

inline uring_state& uring_of(detail::descriptor& d) noexcept { return noted<uring_state>(d); }

/// Of an operation.
struct submission_state {
    socklen_t peer_size;      // of an accept: written by the kernel
    std::uint16_t generation; // tells it from others that had this address before
    bool in_kernel;
    bool stop_asked : 1;   // the kernel was asked to cancel it, and it has its place among those that were
    bool awaits_ready : 1; // what was submitted waits for readiness only; then the call is made directly
    bool connecting : 1;   // of such a connect: the attempt goes on by itself
    bool plain_accept : 1; // without the flags that kernels before 6.10 do not know
    std::uint8_t
        idle_wakes : 2; // the socket was ready, and the call would have blocked all the same: so many times in a row
};

inline submission_state& submission_of(detail::operation& op) noexcept { return noted<submission_state>(op); }
inline const submission_state& submission_of(const detail::operation& op) noexcept {
    return noted<submission_state>(op);
}

} // namespace coax::backend

// What the io_uring backend notes in descriptors and operations.
#pragma once

#include <cstdint>

#include "backend/descriptor.hpp"
#include "backend/scratch.hpp"

namespace coax::backend {

struct uring_state {
    std::uint32_t in_kernel; // submissions whose last completion is to come
    bool drained;            // the last receive emptied the socket
    // A multishot accept is armed, and has been asked to end.
    bool accept_armed;
    bool accept_ending;
    bool accept_listed; // among those to be looked at before the next wait
};

inline uring_state& uring_of(detail::descriptor& d) noexcept { return noted<uring_state>(d); }

/// Of an operation.
struct submission_state {
    std::uint32_t stop_slot;  // its place among those that are asked to end
    std::uint16_t generation; // tells it from others that had this address before
    bool in_kernel;
    bool stop_asked; // the kernel was asked to cancel it
    bool poll_first; // it waits for data before it takes a buffer
};

inline submission_state& submission_of(detail::operation& op) noexcept { return noted<submission_state>(op); }
inline const submission_state& submission_of(const detail::operation& op) noexcept {
    return noted<submission_state>(op);
}

} // namespace coax::backend

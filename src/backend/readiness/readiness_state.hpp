// What the readiness backend notes in descriptors and operations.
#pragma once

#include <cstdint>

#include "backend/descriptor.hpp"
#include "backend/scratch.hpp"

namespace coax::backend {

/// What a receive tells that has given less than was asked for.
enum class short_receive : unsigned char { unknown, socket_is_empty, nothing };

struct readiness_state {
    // The system has said that it would block, and has not reported the contrary since.
    bool unreadable;
    bool unwritable;
    short_receive when_short;
    bool writable_asked;     // epoll: of datagrams
    std::uint32_t poll_slot; // poll: its entry
};

inline readiness_state& readiness_of(detail::descriptor& d) noexcept { return noted<readiness_state>(d); }

/// Of an operation.
struct attempt_state {
    bool connecting;           // the system goes on connecting by itself
    std::uint8_t idle_reports; // of an error, of which the call knows nothing
};

} // namespace coax::backend

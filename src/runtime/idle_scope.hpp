// A scope that is cancelled when a socket has been idle for too long.
#pragma once

#include <cstdint>

#include <coax/clock.hpp>
#include <coax/detail/scope.hpp>

#include "backend/descriptor.hpp"

namespace coax::detail {

/// One deadline for the whole life of a connection: operations only note when they moved something, and when the deadline has come it
/// is put off by as much as that, and for a little where the socket is ready and the loop has not come to it.
class idle_scope : public scope, private timer {
public:
    idle_scope(descriptor& watched, clock::duration limit) noexcept
        : timer(owner_kind::idle), watched_(watched), limit_(limit) {}
    ~idle_scope() { close(); }

    /// Throws `std::bad_alloc`, and is not open then.
    void open(loop& on, scope& parent);
    void close() noexcept;

    /// The loop says that the deadline has passed.
    static void expire(timer& due, std::int64_t now) noexcept;

    /// Whether a `cancelled` that arrives here means that the socket was idle.
    bool was_idle() const noexcept { return expired_ && absorbs(); }

private:
    descriptor& watched_;
    clock::duration limit_;
    loop* on_ = nullptr;
    unsigned looks_ = 0; // how often it was put off for bytes that had come and were not served yet
    bool expired_ = false;
};

} // namespace coax::detail

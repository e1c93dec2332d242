// Operations that wait for something of which the system reports nothing: they are tried again by the clock.
#pragma once

#include <cstdint>
#include <vector>

#include <coax/detail/operation.hpp>

namespace coax::backend {

/// Each is tried again after a twentieth of a millisecond, and then less and less often, so that a wait costs next to nothing however long it lasts.
class retry_list {
public:
    bool empty() const noexcept { return entries_.empty(); }
    /// False: there is no memory.
    bool add(detail::operation& op, std::int64_t now) noexcept;
    void remove(detail::operation& op) noexcept;

    /// The time until the next try in nanoseconds, -1 where there is none.
    std::int64_t until_next(std::int64_t now) const noexcept;
    /// One whose time has come, which is put off to its next time; null when there is none (any more).
    detail::operation* due(std::int64_t now) noexcept;

private:
    struct entry {
        detail::operation* op;
        std::int64_t at;       // nanoseconds
        std::int64_t interval; // nanoseconds
    };
    std::vector<entry> entries_;
};

} // namespace coax::backend

// Operations that wait for something of which the system reports nothing: they are tried again by the clock.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <coax/detail/operation.hpp>

namespace coax::backend {

/// Each is tried again after a twentieth of a millisecond, and then less and less often, the less often the more there are: waits cost next
/// to nothing, however long they last and however many they are.
class retry_list {
public:
    bool empty() const noexcept { return entries_.empty(); }
    /// False: there is no memory.
    bool add(detail::operation& op, std::int64_t now) noexcept;
    void remove(detail::operation& op) noexcept;
    /// It has got a part of what it waited for, and begins anew to be tried less and less often.
    void restart(detail::operation& op, std::int64_t now) noexcept;

    /// The time until the next try in nanoseconds, at the latest; -1 where there is none.
    std::int64_t until_next(std::int64_t now) const noexcept;
    /// One whose time has come, which is put off to its next time; null when there is none (any more).
    detail::operation* due(std::int64_t now) noexcept;

private:
    struct entry {
        detail::operation* op;
        std::int64_t at;       // nanoseconds
        std::int64_t interval; // nanoseconds
    };
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    std::vector<entry> entries_;        // an operation knows its place
    std::int64_t nearest_ = never;      // none is due before
    std::size_t looked_at_ = 0;         // by `due`, in this round
    std::int64_t next_nearest_ = never; // of those
};

} // namespace coax::backend

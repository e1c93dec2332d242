// An entry among the deadlines of a scheduler.
#pragma once

#include <cstdint>

namespace coax::detail {

/// A point in time at which the loop is to do something. It lives in whatever has the deadline; while it is set the scheduler's
/// timers refer to it.
struct timer {
    /// What the deadline belongs to, and so what happens when it has passed.
    enum class owner_kind : unsigned char { wait, scope, idle };

    static constexpr std::uint32_t not_set = 0xffffffffU;

    explicit timer(owner_kind of) noexcept : belongs_to(of) {}
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    bool is_set() const noexcept { return slot != not_set; }

    std::int64_t deadline = 0; // nanoseconds of the scheduler's clock, or from the end of the turn in which it was set
    std::uint32_t slot = not_set; // its entry
    owner_kind belongs_to;
};

} // namespace coax::detail

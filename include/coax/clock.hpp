/// \file
/// The library's clock, and durations made safe for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>
#include <type_traits>

#include <coax/config.hpp>

namespace coax {

/// The only clock in signatures: monotonic. On a scheduler's thread it is that scheduler's time, read once per turn of the loop.
struct clock {
    using rep = std::int64_t;                            ///< signed, 64 bits
    using period = std::nano;                            ///< nanoseconds
    using duration = std::chrono::duration<rep, period>; ///< about 292 years either way
    using time_point =
        std::chrono::time_point<clock>;     ///< counted from a point that the system chooses, often its start
    static constexpr bool is_steady = true; ///< it is never set back

    /// The time: on a thread that runs a scheduler when its loop last looked, however long a task has computed since, elsewhere now. Source: clock_gettime(2), CLOCK_MONOTONIC.
    COAX_API static time_point now() noexcept;
};

namespace detail {

/// Any duration in nanoseconds; what does not fit becomes the largest (some 292 years) or the smallest.
template <class Rep, class Period>
constexpr clock::duration saturate(std::chrono::duration<Rep, Period> time) noexcept {
    using seconds = std::chrono::duration<long double>;
    const long double count = std::chrono::duration_cast<seconds>(time).count();
    if (count >= 9.2e9L)
        return clock::duration::max();
    if (count <= -9.2e9L)
        return clock::duration::min();
    if (count != count)
        return clock::duration::max();
    // Where it is not a mere multiplication the cast would multiply first and might overflow.
    if constexpr (std::ratio_divide<Period, clock::period>::den == 1)
        return std::chrono::duration_cast<clock::duration>(time);
    else
        return clock::duration(static_cast<clock::rep>(count * 1e9L));
}

/// The same without arithmetic for what is nanoseconds already.
constexpr clock::duration saturate(clock::duration time) noexcept { return time; }

/// `start + time`, clamped to the clock's range.
constexpr std::int64_t later(std::int64_t start, clock::duration time) noexcept {
    constexpr std::int64_t end = clock::duration::max().count();
    return time.count() > end - start ? end : start + time.count();
}

} // namespace detail
} // namespace coax

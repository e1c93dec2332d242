#include "os/clock.hpp"

#include <windows.h>

namespace coax::os {

std::int64_t monotonic_now() noexcept {
    static const std::int64_t frequency = [] {
        LARGE_INTEGER ticks;
        ::QueryPerformanceFrequency(&ticks);
        return std::int64_t{ticks.QuadPart};
    }();
    LARGE_INTEGER now;
    ::QueryPerformanceCounter(&now);
    // In two parts, as the product of ticks and nanoseconds would not fit after some days.
    constexpr std::int64_t second = 1'000'000'000;
    return now.QuadPart / frequency * second + now.QuadPart % frequency * second / frequency;
}

} // namespace coax::os

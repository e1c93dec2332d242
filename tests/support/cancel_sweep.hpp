// Cancels a scripted session at each of its checkpoints in turn, as coax/cancel_sweep.hpp does, and looks at more of what is left.
#pragma once

#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"

#include <coax/cancel_sweep.hpp>

#include <cstddef>

namespace support {

/// Where the session is cancelled relative to the checkpoint.
using coax::detail::strike;

/// Runs `session()` (a task) over and over, each time cancelled at a later checkpoint, until one run passes fewer checkpoints than that. The
/// session lets `cancelled` pass, and makes everything it uses. After each run no wait, deadline, lent buffer, frame or descriptor
/// is left; a run that hangs fails. Gives the number of checkpoints.
template <class Session>
std::size_t cancel_at_every_checkpoint(Session session, strike when) {
    constexpr std::size_t limit = 10'000;
    for (std::size_t at = 1; at < limit; ++at) {
        INFO("cancelled " << (when == strike::before ? "before" : "after") << " checkpoint " << at);
        const int descriptors = open_descriptors();
        const std::ptrdiff_t frames = coax::detail::live_frames();
        bool cut = false;
        {
            coax::scheduler scheduler;
            const watchdog guard(scheduler);
            coax::detail::sweep = {&scheduler, nullptr, when, at, 0};
            cut = scheduler.run(coax::detail::struck(session));
            const coax::scheduler_stats left = scheduler.stats();
            CHECK(left.waiting == 0);
            CHECK(left.timers == 0);
            CHECK(left.buffers_leased == 0);
        }
        CHECK(coax::detail::live_frames() == frames);
        CHECK(open_descriptors() == descriptors);
        if (coax::detail::sweep.passed < at) {
            CHECK_FALSE(cut);
            return at - 1;
        }
    }
    FAIL("the session passes more than " << limit << " checkpoints");
    return 0;
}

} // namespace support

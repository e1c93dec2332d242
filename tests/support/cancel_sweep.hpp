// Cancels a scripted session at each of its checkpoints in turn.
#pragma once

#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"

#include <cstddef>
#include <string>

namespace support {

/// Where the session is cancelled relative to the checkpoint.
enum class strike {
    before, // it is refused
    after,  // it waits, or what it waited for is there already and it has not resumed
};

namespace detail {

struct sweep_state {
    coax::scheduler* scheduler = nullptr;
    coax::cancel_scope* scope = nullptr; // null when the session is not running
    strike when = strike::before;
    std::size_t at = 0;
    std::size_t passed = 0;
};

inline thread_local sweep_state sweep;

inline void at_checkpoint(coax::detail::loop&) noexcept {
    if (sweep.scope == nullptr || ++sweep.passed != sweep.at)
        return;
    if (sweep.when == strike::before) {
        sweep.scope->cancel();
        return;
    }
    sweep.scheduler->post([] {
        if (sweep.scope != nullptr)
            sweep.scope->cancel();
    });
}

/// One run of the session. True: it was cut short.
template <class Session>
coax::task<bool> struck(Session& session) {
    co_return co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
        struct armed {
            explicit armed(coax::cancel_scope& of) {
                sweep.scope = &of;
                this_core().at_checkpoint = &at_checkpoint;
            }
            ~armed() {
                sweep.scope = nullptr;
                this_core().at_checkpoint = nullptr;
            }
        } const while_it_runs(scope);
        co_await session();
    });
}

} // namespace detail

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
            detail::sweep = {&scheduler, nullptr, when, at, 0};
            cut = scheduler.run(detail::struck(session));
            const coax::scheduler_stats left = scheduler.stats();
            CHECK(left.waiting == 0);
            CHECK(left.timers == 0);
            CHECK(left.buffers_leased == 0);
        }
        CHECK(coax::detail::live_frames() == frames);
        CHECK(open_descriptors() == descriptors);
        if (detail::sweep.passed < at) {
            CHECK_FALSE(cut);
            return at - 1;
        }
    }
    FAIL("the session passes more than " << limit << " checkpoints");
    return 0;
}

} // namespace support

/// \file
/// For tests of programs: a session is cancelled at each of its waits in turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include <coax/cancel.hpp>
#include <coax/detail/loop.hpp>
#include <coax/error.hpp>
#include <coax/scheduler.hpp>
#include <coax/task.hpp>
#include <coax/timeout.hpp>

namespace coax {

/// How `cancel_at_every_checkpoint` goes about it.
struct cancel_sweep_options {
    std::chrono::milliseconds limit = std::chrono::seconds(10); ///< how long one run may wait; then it is said to hang
    std::size_t most = 10'000;                                  ///< how many checkpoints a session may have at most
};

namespace detail {

/// Where a run is cancelled: at a checkpoint, which refuses to wait then, or right after it, when it waits or has what it waits for.
enum class strike { before, after };

struct sweep_state {
    scheduler* on = nullptr;
    cancel_scope* scope = nullptr; // null when the session is not running
    strike when = strike::before;
    std::size_t at = 0;     // the checkpoint, counted from 1
    std::size_t passed = 0; // how many there have been
};

// What a loop calls at a checkpoint gets no more than the loop.
inline thread_local sweep_state sweep;

inline void strike_at_checkpoint(loop&) noexcept {
    if (sweep.scope == nullptr || ++sweep.passed != sweep.at)
        return;
    if (sweep.when == strike::before) {
        sweep.scope->cancel();
        return;
    }
    sweep.on->post([] {
        if (sweep.scope != nullptr)
            sweep.scope->cancel();
    });
}

/// One run of the session. True: it was cut short.
template <class Session>
task<bool> struck(Session& session) {
    co_return co_await with_cancel_scope([&](cancel_scope& scope) -> task<> {
        struct armed {
            explicit armed(cancel_scope& of) {
                sweep.scope = &of;
                require_loop().at_checkpoint = &strike_at_checkpoint;
            }
            ~armed() {
                sweep.scope = nullptr;
                require_loop().at_checkpoint = nullptr;
            }
        } const while_it_runs(scope);
        co_await session();
    });
}

template <class Session>
task<bool> struck_in_time(Session& session, std::chrono::milliseconds limit) {
    co_return co_await with_timeout(limit, struck(session));
}

inline std::string describe_strike() {
    return std::string(sweep.when == strike::before ? "before" : "after") + " checkpoint " + std::to_string(sweep.at);
}

template <class Session, class Check>
std::size_t sweep_checkpoints(Session& session, Check& check, strike when, const cancel_sweep_options& options) {
    for (std::size_t at = 1; at <= options.most; ++at) {
        {
            scheduler on;
            sweep = {&on, nullptr, when, at, 0};
            try {
                on.run(struck_in_time(session, options.limit));
            } catch (const timeout_error&) {
                throw std::runtime_error("the session does not end in time, cancelled " + describe_strike());
            }
            const scheduler_stats left = on.stats();
            if (left.waiting != 0 || left.timers != 0 || left.buffers_leased != 0)
                throw std::runtime_error("cancelled " + describe_strike() + " the session leaves " +
                                         std::to_string(left.waiting) + " waits, " + std::to_string(left.timers) +
                                         " timers, " + std::to_string(left.buffers_leased) + " buffers");
        }
        check();
        if (sweep.passed < at)
            return at - 1;
    }
    throw std::runtime_error("the session has more than " + std::to_string(options.most) + " checkpoints");
}

struct check_nothing {
    void operator()() const noexcept {}
};

} // namespace detail

/// `cancel_at_every_checkpoint([]() -> task<> { … })`: runs `session()` over and over, each time on a new scheduler and cancelled at a
/// later checkpoint, first just before and then just after it, until a run ends by itself. Whatever a program does wrong when it is cancelled
/// at an unlucky moment, it does here. It gives the number of checkpoints.
///
/// The session makes everything that it uses, lets `cancelled` pass, and waits for nothing that takes long. `check()` is called after each
/// run, when its scheduler is gone, to see whether the program kept what it promises: there stand the assertions of your framework. Throws
/// `std::runtime_error`, which names the checkpoint, where a run leaves waits, timers or buffers behind or waits beyond the limit (a wait
/// in a `shield` is not ended by it), and whatever the session and `check` throw. Not to be called while a scheduler runs on this thread.
template <class Session, class Check = detail::check_nothing>
std::size_t cancel_at_every_checkpoint(Session session, Check check = {}, const cancel_sweep_options& options = {}) {
    const std::size_t checkpoints = detail::sweep_checkpoints(session, check, detail::strike::before, options);
    detail::sweep_checkpoints(session, check, detail::strike::after, options);
    return checkpoints;
}

} // namespace coax

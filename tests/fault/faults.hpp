// Sessions in which one thing after another fails: an allocation, a system call. Each run is a process of its own, so that one that ends the
// program fails alone and is named.
#pragma once

#include <coax/coax.hpp>

#include <cstddef>
#include <string>

namespace fault {

/// Which of the things that can fail do: `failing` of them, from the one with the number `first` on, counted from 1.
struct plan {
    std::size_t first = 0; ///< 0: none
    std::size_t failing = 1;
    std::size_t variant = 0; ///< of several ways to fail, which
};

/// What fails.
struct kind {
    void (*begin)(const plan& which);
    /// Nothing fails any more. Gives whether something has.
    bool (*end)();
    /// What it was that failed last, and how.
    std::string (*last)();
    /// How many ways to fail the last one had; without one, 0.
    std::size_t (*variants)();
    /// Fewer than that many in a session mean that they are not seen.
    std::size_t least;
};

extern const kind allocations;
extern const kind system_calls;

/// A conversation that makes everything it uses. It gives whether what was said arrived, or throws.
struct session {
    const char* name;
    coax::task<bool> (*run)();
    bool recovers; ///< it may go on without what has failed, and then gives false
};

extern const session sessions[];
extern const std::size_t session_count;

/// Runs the session over and over, and lets a later thing fail each time, in every way, until a run does with fewer. Nothing is left: no
/// wait, deadline, buffer, frame or descriptor; the scheduler serves another run; what is thrown is the failure. Gives what was wrong, a
/// line for each run that was not right.
std::string fail_at_each(const kind& what, const session& conversation, std::size_t failing);

} // namespace fault

// What tests reach of the library's inside: the order in which the loop looks, where a checkpoint begins, live frames, the tree of tasks.
#pragma once

#include <coax/coax.hpp>
#include <coax/detail/promise.hpp>

#include "runtime/core.hpp"

namespace support {

inline coax::detail::core& this_core() { return coax::detail::core::of(coax::detail::require_loop()); }

/// While it lives, deadlines pass before completions are looked at: what completes meanwhile has been asked to end already.
class timers_first {
public:
    explicit timers_first(bool on = true) : core_(this_core()) { core_.examine_timers_first(on); }
    timers_first(const timers_first&) = delete;
    timers_first& operator=(const timers_first&) = delete;
    ~timers_first() { core_.examine_timers_first(false); }

private:
    coax::detail::core& core_;
};

/// How many tasks `to` is further up, where each awaits or started the one below; -1: it is not there.
inline int steps_up(const coax::detail::promise_base* from, const coax::detail::promise_base& to) {
    int steps = 0;
    for (; from != nullptr && from != &to; from = from->parent())
        ++steps;
    return from != nullptr ? steps : -1;
}

} // namespace support

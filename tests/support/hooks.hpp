// What tests reach of the library's inside: the order in which the loop looks, where a checkpoint begins, live frames, the tree of tasks.
#pragma once

#include <coax/coax.hpp>
#include <coax/detail/promise.hpp>

#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

#include <cstddef>

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

/// Shows each wait that the tree of scopes leads to.
template <class Look>
void each_wait(const coax::detail::scope& in, Look look) {
    for (const coax::detail::waiter* each = in.waiters(); each != nullptr; each = each->scope_next)
        look(*each);
    for (const coax::detail::scope* child = in.first_child(); child != nullptr; child = child->sibling())
        each_wait(*child, look);
}

/// The pending wait for this on this scheduler; null where there is none.
inline const coax::detail::waiter* pending(coax::operation_name operation) {
    const coax::detail::waiter* found = nullptr;
    each_wait(coax::detail::require_loop().root(), [&](const coax::detail::waiter& each) {
        if (each.describe().operation == operation)
            found = &each;
    });
    return found;
}

inline std::size_t waits_in_tree() {
    std::size_t count = 0;
    each_wait(coax::detail::require_loop().root(), [&](const coax::detail::waiter&) { ++count; });
    return count;
}

} // namespace support

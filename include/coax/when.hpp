/// \file
/// Awaiting several things at the same time: all of them, or the first.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <coax/config.hpp>
#include <coax/detail/when_branches.hpp>
#include <coax/task.hpp>

namespace coax {
namespace detail {
struct when_all_fn {
    template <scoped_awaitable... As>
        requires(sizeof...(As) != 0)
    all_awaiter<static_branches<As...>> operator()(As&&... awaitables) const {
        return all_awaiter<static_branches<As...>>(std::in_place, std::forward<As>(awaitables)...);
    }
    template <class T>
    all_awaiter<task_branches<T>> operator()(std::vector<task<T>> tasks) const {
        return all_awaiter<task_branches<T>>(std::in_place, std::move(tasks));
    }
};
} // namespace detail

/// `auto both = co_await when_all(first(), conn.recv(n))`: awaits all at the same time and gives a tuple of their values
/// (`std::monostate` for `void`). A `std::vector<task<T>>` gives a `std::vector<T>` (of pointers for references, nothing for `void`).
///
/// The branches begin in the order in which they are written. The first to fail cancels the others; when all have ended its exception is
/// thrown unchanged, and the exceptions of others go to the scheduler's `on_suppressed`. What other branches had produced is dropped
/// then: where that matters await them by `as_result`, whose failures are values, or by `when_any`, which keeps everything. Await it in the
/// expression that makes it.
///
/// Cancellation: cancels all branches and throws `cancelled` when all have ended, unless every one of them had completed, or one failed
/// for a reason of its own. Values of branches that had completed are dropped then, too.
inline constexpr detail::when_all_fn when_all{};

/// What `when_any` gives: which branch ended first, and what became of each.
template <class Slots>
struct any_outcome {
    /// The branch with the index `first` decided; `all` is what became of every one.
    any_outcome(std::size_t first, Slots all) : index(first), slots(std::move(all)) {}

    std::size_t index; ///< the branch that ended first, counted from 0
    /// For each branch a `result`: a value, an error, or `failure::cause::cancelled` for one that was cut short. A branch that completed
    /// before its cancellation took effect has its value here, though it did not win.
    Slots slots;
};

namespace detail {
struct when_any_fn {
    template <scoped_awaitable... As>
        requires(sizeof...(As) != 0)
    any_awaiter<static_branches<As...>> operator()(As&&... awaitables) const {
        return any_awaiter<static_branches<As...>>(std::in_place, std::forward<As>(awaitables)...);
    }
    template <class T>
    any_awaiter<task_branches<T>> operator()(std::vector<task<T>> tasks) const {
        if (tasks.empty())
            throw_nothing_to_wait_for();
        return any_awaiter<task_branches<T>>(std::in_place, std::move(tasks));
    }
};
} // namespace detail

/// `auto [index, slots] = co_await when_any(conn.recv(n), sleep_for(1s))`: awaits all at the same time until one has ended, with a value
/// or an error; the others are cancelled and waited for. `slots` is a tuple of `result`s, for a `std::vector<task<T>>` a vector. Nothing that
/// completed is lost: a branch that lost by a hair has its value in its slot. Errors are in the slots, too, and none is thrown.
///
/// The branches begin in the order in which they are written; those after one that ends at once do no I/O. No tasks at all are a
/// `std::invalid_argument`. Await it in the expression that makes it.
///
/// Cancellation: cancels all branches; throws `cancelled` only if none of them ended otherwise.
inline constexpr detail::when_any_fn when_any{};

} // namespace coax

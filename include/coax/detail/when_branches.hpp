// The awaitables of `when_all` and `when_any`: one task for each branch, and room for what becomes of it.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <coax/config.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/detail/own_scope.hpp>
#include <coax/error.hpp>
#include <coax/result.hpp>
#include <coax/task.hpp>

namespace coax {
template <class Slots>
struct any_outcome;
}

namespace coax::detail {

template <class T>
using tuple_value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
branch::ending ending_of(const result<T>& slot) noexcept {
    if (slot)
        return branch::ending::value;
    return slot.error().why() == failure::cause::cancelled ? branch::ending::cancelled : branch::ending::failed;
}

/// Awaits one branch and notes how it ended.
template <class Awaiter, class T>
task<> run_operation(Awaiter& awaiter, result<T>& slot, branch& self) {
    try {
        slot = co_await outcome_awaiter<Awaiter>(awaiter);
    } catch (...) { // it could not begin, or its value could not be moved
        slot = failure::from_current_exception();
    }
    self.how = ending_of(slot);
}

/// The same for a task, which goes with its branch: what it owned is gone before anybody hears of its end.
template <class Task, class T>
task<> run_owned(Task owned, result<T>& slot, branch& self) {
    auto awaiter = std::move(owned).operator co_await();
    try {
        slot = co_await outcome_awaiter<decltype(awaiter)>(awaiter);
    } catch (...) {
        slot = failure::from_current_exception();
    }
    self.how = ending_of(slot);
}

template <class A, class T>
std::coroutine_handle<task_promise<void>> make_branch(A&& awaitable, result<T>& slot, branch& self) {
    if constexpr (gives_result_awaiter<A>)
        return run_owned<std::remove_cvref_t<A>>(std::move(awaitable), slot, self).release();
    else
        return run_operation(awaitable, slot, self).release();
}

inline failure cut_short() noexcept { return failure(failure::cause::cancelled, operation_name::none); }

/// Branches of different types, and room for what becomes of them.
template <class... As>
class static_branches {
public:
    using slots = std::tuple<result<value_of<As>>...>;

    explicit static_branches(As&&... awaitables) {
        make(std::index_sequence_for<As...>(), std::forward<As>(awaitables)...);
    }

    branch* data() noexcept { return branches_.data(); }
    std::size_t size() const noexcept { return sizeof...(As); }
    slots take() { return std::move(slots_); }

    /// Calls `visit(index, slot)` for each.
    template <class Visit>
    void each(Visit visit) noexcept {
        std::apply(
            [&](auto&... slot) {
                std::size_t index = 0;
                (visit(index++, slot), ...);
            },
            slots_);
    }
    auto values() {
        return std::apply([](auto&... slot) { return std::tuple<tuple_value<value_of<As>>...>(value_in(slot)...); },
                          slots_);
    }

private:
    template <class T>
    static T&& value_in(result<T>& slot) noexcept {
        return std::move(*slot);
    }
    template <class T>
    static T& value_in(result<T&>& slot) noexcept {
        return *slot;
    }
    static std::monostate value_in(result<void>&) noexcept { return {}; }

    template <std::size_t... I>
    void make(std::index_sequence<I...>, As&&... awaitables) {
        ((branches_[I].coroutine = make_branch<As>(std::forward<As>(awaitables), std::get<I>(slots_), branches_[I])),
         ...);
    }
    template <class>
    static failure cut_short_for() noexcept {
        return cut_short();
    }

    slots slots_{cut_short_for<As>()...};
    std::array<branch, sizeof...(As)> branches_;
};

/// Any number of tasks of one type.
template <class T>
class task_branches {
public:
    using slots = std::vector<result<T>>;

    explicit task_branches(std::vector<task<T>> tasks) : branches_(tasks.size()) {
        slots_.reserve(tasks.size());
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            slots_.emplace_back(cut_short());
            branches_[i].coroutine = make_branch<task<T>>(std::move(tasks[i]), slots_[i], branches_[i]);
        }
    }

    branch* data() noexcept { return branches_.data(); }
    std::size_t size() const noexcept { return branches_.size(); }
    slots take() { return std::move(slots_); }

    template <class Visit>
    void each(Visit visit) noexcept {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            visit(i, slots_[i]);
    }
    auto values() {
        if constexpr (!std::is_void_v<T>) {
            std::vector<std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>> all;
            all.reserve(slots_.size());
            for (auto& slot : slots_) {
                if constexpr (std::is_reference_v<T>)
                    all.push_back(std::addressof(*slot));
                else
                    all.push_back(std::move(*slot));
            }
            return all;
        }
    }

private:
    std::vector<result<T>> slots_;
    std::vector<branch> branches_;
};

/// Waits for all branches. `Branches` is one of the two above.
template <class Branches>
class [[nodiscard]] all_awaiter : public adapter<all_awaiter<Branches>> {
public:
    using value_type = decltype(std::declval<Branches&>().values());

    template <class... From>
    explicit all_awaiter(std::in_place_t, From&&... from)
        : branches_(std::forward<From>(from)...), joint_(branch_policy::all) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
        return joint_.start(around, coroutine, branches_.data(), branches_.size());
    }
    value_type await_resume() { return std::move(await_result()).value(); }
    result<value_type> await_result() noexcept {
        joint_.close();
        // A failure, or where there is none the cancellation from outside that kept a branch from its value.
        std::optional<failure> reason;
        branches_.each([&](std::size_t index, auto& slot) {
            if (slot)
                return;
            if (index == joint_.decisive() || (joint_.decisive() == branch_set::none && !reason))
                reason = std::move(slot.error());
            else if (slot.error().why() != failure::cause::cancelled)
                joint_.report(slot.error());
        });
        if (reason)
            return std::move(*reason);
        if constexpr (std::is_void_v<value_type>) {
            return {};
        } else {
            try {
                return branches_.values();
            } catch (...) {
                return failure::from_current_exception();
            }
        }
    }

private:
    Branches branches_;
    branch_set joint_;
};

/// Waits for the first branch to end, then for the others to be cancelled.
template <class Branches>
class [[nodiscard]] any_awaiter : public adapter<any_awaiter<Branches>> {
public:
    using value_type = any_outcome<typename Branches::slots>;

    template <class... From>
    explicit any_awaiter(std::in_place_t, From&&... from)
        : branches_(std::forward<From>(from)...), joint_(branch_policy::any) {}

    bool suspend(environment around, awaiting_coroutine coroutine) {
        return joint_.start(around, coroutine, branches_.data(), branches_.size());
    }
    value_type await_resume() { return std::move(await_result()).value(); }
    result<value_type> await_result() noexcept {
        joint_.close();
        if (joint_.decisive() == branch_set::none) {
            failure cut = cut_short(); // of the first branch
            branches_.each([&](std::size_t index, auto& slot) {
                if (index == 0)
                    cut = std::move(slot.error());
            });
            return cut;
        }
        try {
            return value_type(joint_.decisive(), branches_.take());
        } catch (...) {
            return failure::from_current_exception();
        }
    }

private:
    Branches branches_;
    branch_set joint_;
};

} // namespace coax::detail

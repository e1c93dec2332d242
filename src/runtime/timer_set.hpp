// All deadlines of a scheduler, and those that have yet to become one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <coax/clock.hpp>

#include "runtime/timer_heap.hpp"

namespace coax::detail {

/// A timer has a deadline, which goes to the heap, or a duration, which counts from the end of the turn in which it was set: what a task
/// computes in between does not use it up. Until then it stands in a list, so one that is taken out in the same turn, as most limits
/// are, never sees the heap.
class timer_set {
public:
    bool empty() const noexcept { return size() == 0; }
    std::size_t size() const noexcept { return heap_.size() + fresh_set_; }

    /// Makes the next `insert` or `insert_fresh` certain to succeed. Throws `std::bad_alloc`.
    void make_room() {
        heap_.make_room(fresh_set_ + reserved_ + 1);
        if (fresh_.size() != fresh_.capacity())
            return;
        remove_holes();
        if (fresh_.size() * 2 >= fresh_.capacity())
            fresh_.reserve(fresh_.empty() ? 16 : fresh_.capacity() * 2);
    }
    /// Makes every `insert` of one timer certain to succeed until it gives its place back. Throws `std::bad_alloc`.
    void reserve_one() {
        make_room();
        ++reserved_;
    }
    void give_one_back() noexcept { --reserved_; }
    /// Inserts `t` with its `deadline`.
    void insert(timer& t) noexcept { heap_.insert(t); }
    /// Inserts `t`, whose `deadline` is a duration until `end_turn`.
    void insert_fresh(timer& t) noexcept {
        t.slot = fresh_mark | static_cast<std::uint32_t>(fresh_.size());
        fresh_.push_back(&t);
        ++fresh_set_;
    }
    /// When one that is set is due, if the turn ends at this time.
    static std::int64_t deadline_of(const timer& t, std::int64_t now) noexcept {
        return (t.slot & fresh_mark) == 0 ? t.deadline : later(now, clock::duration(t.deadline));
    }
    void remove(timer& t) noexcept {
        if ((t.slot & fresh_mark) == 0) {
            heap_.remove(t);
            return;
        }
        fresh_[t.slot & ~fresh_mark] = nullptr;
        t.slot = timer::not_set;
        --fresh_set_;
        while (!fresh_.empty() && fresh_.back() == nullptr)
            fresh_.pop_back();
    }

    /// The turn ends now: durations become deadlines.
    void end_turn(std::int64_t now) noexcept {
        for (timer* t : fresh_) {
            if (t == nullptr)
                continue;
            t->deadline = later(now, clock::duration(t->deadline));
            heap_.insert(*t);
        }
        fresh_.clear();
        fresh_set_ = 0;
    }
    /// Both after `end_turn`.
    std::int64_t nearest() const noexcept { return heap_.nearest(); }
    timer* expire(std::int64_t now) noexcept { return heap_.expire(now); }

private:
    static constexpr std::uint32_t fresh_mark = 0x80000000U;

    void remove_holes() noexcept {
        std::size_t kept = 0;
        for (timer* t : fresh_) {
            if (t == nullptr)
                continue;
            t->slot = fresh_mark | static_cast<std::uint32_t>(kept);
            fresh_[kept++] = t;
        }
        fresh_.resize(kept);
    }

    timer_heap heap_;
    std::vector<timer*> fresh_; // in the order in which they were set; null where one has been taken out
    std::size_t fresh_set_ = 0;
    std::size_t reserved_ = 0;
};

} // namespace coax::detail

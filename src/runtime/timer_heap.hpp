// The deadlines of a scheduler: a four-ary heap whose entries carry their keys.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <coax/detail/scope.hpp>

namespace coax::detail {

/// Each timer knows its entry, so that taking one out costs no search. Equal deadlines expire in the order in which they were set.
class timer_heap {
public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    bool empty() const noexcept { return entries_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); }
    std::int64_t nearest() const noexcept { return entries_.empty() ? never : entries_.front().deadline; }

    /// Makes the next `insert`s, so many of them, certain to succeed, as they must once a wait has begun. Throws `std::bad_alloc`.
    void make_room(std::size_t count = 1) {
        if (entries_.capacity() - entries_.size() < count)
            entries_.reserve(
                std::max(entries_.size() + count, entries_.capacity() == 0 ? 64 : entries_.capacity() * 2));
    }
    /// Inserts `t` with its `deadline`, after `make_room`.
    void insert(timer& t) noexcept {
        entries_.push_back({t.deadline, ++sequence_, &t});
        rise(entries_.size() - 1);
    }
    void remove(timer& t) noexcept {
        const std::size_t hole = t.slot;
        t.slot = timer::not_set;
        const entry last = entries_.back();
        entries_.pop_back();
        if (hole == entries_.size())
            return;
        entries_[hole] = last;
        if (hole != 0 && before(last, entries_[parent(hole)]))
            rise(hole);
        else
            sink(hole);
    }
    /// Takes out the earliest timer if its deadline is not after `now`; null otherwise.
    timer* expire(std::int64_t now) noexcept {
        if (entries_.empty() || entries_.front().deadline > now)
            return nullptr;
        timer* first = entries_.front().owner;
        remove(*first);
        return first;
    }

private:
    struct entry {
        std::int64_t deadline;
        std::uint64_t sequence;
        timer* owner;
    };

    static bool before(const entry& a, const entry& b) noexcept {
        return a.deadline != b.deadline ? a.deadline < b.deadline : a.sequence < b.sequence;
    }
    static std::size_t parent(std::size_t slot) noexcept { return (slot - 1) / 4; }
    void place(std::size_t slot, const entry& e) noexcept {
        entries_[slot] = e;
        e.owner->slot = static_cast<std::uint32_t>(slot);
    }
    void rise(std::size_t slot) noexcept {
        const entry moving = entries_[slot];
        while (slot != 0 && before(moving, entries_[parent(slot)])) {
            place(slot, entries_[parent(slot)]);
            slot = parent(slot);
        }
        place(slot, moving);
    }
    void sink(std::size_t slot) noexcept {
        const entry moving = entries_[slot];
        for (;;) {
            const std::size_t first = slot * 4 + 1;
            if (first >= entries_.size())
                break;
            std::size_t least = first;
            for (std::size_t child = first + 1; child < first + 4 && child < entries_.size(); ++child)
                if (before(entries_[child], entries_[least]))
                    least = child;
            if (!before(entries_[least], moving))
                break;
            place(slot, entries_[least]);
            slot = least;
        }
        place(slot, moving);
    }

    std::vector<entry> entries_;
    std::uint64_t sequence_ = 0;
};

} // namespace coax::detail

#include "backend/retry_list.hpp"

#include <algorithm>
#include <new>

namespace coax::backend {
namespace {

constexpr std::int64_t first_interval = 50'000;    // nanoseconds
constexpr std::int64_t last_interval = 32'000'000; // nanoseconds
constexpr std::int64_t time_for_each = 100'000;    // nanoseconds for each operation that waits

} // namespace

bool retry_list::add(detail::operation& op, std::int64_t now) noexcept {
    try {
        entries_.push_back({&op, now + first_interval, first_interval});
    } catch (const std::bad_alloc&) {
        return false;
    }
    op.clocked = true;
    op.slot_in_list = static_cast<std::uint32_t>(entries_.size() - 1);
    nearest_ = std::min(nearest_, now + first_interval);
    return true;
}

void retry_list::remove(detail::operation& op) noexcept {
    op.clocked = false;
    const std::size_t slot = op.slot_in_list;
    entries_[slot] = entries_.back();
    entries_[slot].op->slot_in_list = static_cast<std::uint32_t>(slot);
    entries_.pop_back();
    looked_at_ = std::min(looked_at_, slot); // what has come into its place has not been looked at
}

void retry_list::restart(detail::operation& op, std::int64_t now) noexcept {
    entry& one = entries_[op.slot_in_list];
    one.at = now + first_interval;
    one.interval = first_interval;
    next_nearest_ = std::min(next_nearest_, one.at);
    nearest_ = std::min(nearest_, one.at);
}

std::int64_t retry_list::until_next(std::int64_t now) const noexcept {
    if (entries_.empty())
        return -1;
    return nearest_ > now ? nearest_ - now : 0;
}

detail::operation* retry_list::due(std::int64_t now) noexcept {
    if (nearest_ > now && looked_at_ == 0)
        return nullptr;
    while (looked_at_ < entries_.size()) {
        entry& one = entries_[looked_at_++];
        const bool is_due = one.at <= now;
        if (is_due) {
            one.interval = std::min(one.interval * 2, last_interval);
            one.at = now + std::max(one.interval, static_cast<std::int64_t>(entries_.size()) * time_for_each);
        }
        next_nearest_ = std::min(next_nearest_, one.at);
        if (is_due)
            return one.op;
    }
    nearest_ = entries_.empty() ? never : next_nearest_;
    next_nearest_ = never;
    looked_at_ = 0;
    return nullptr;
}

} // namespace coax::backend

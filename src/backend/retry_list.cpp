#include "backend/retry_list.hpp"

#include <algorithm>
#include <new>

namespace coax::backend {
namespace {

constexpr std::int64_t shortest = 50'000;    // nanoseconds
constexpr std::int64_t longest = 32'000'000; // nanoseconds

} // namespace

bool retry_list::add(detail::operation& op, std::int64_t now) noexcept {
    try {
        entries_.push_back({&op, now + shortest, shortest});
    } catch (const std::bad_alloc&) {
        return false;
    }
    op.clocked = true;
    return true;
}

void retry_list::remove(detail::operation& op) noexcept {
    op.clocked = false;
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const entry& one) { return one.op == &op; });
    *found = entries_.back();
    entries_.pop_back();
}

std::int64_t retry_list::until_next(std::int64_t now) const noexcept {
    if (entries_.empty())
        return -1;
    const auto next =
        std::min_element(entries_.begin(), entries_.end(), [](const entry& a, const entry& b) { return a.at < b.at; });
    return next->at > now ? next->at - now : 0;
}

detail::operation* retry_list::due(std::int64_t now) noexcept {
    for (entry& one : entries_) {
        if (one.at > now)
            continue;
        one.interval = std::min(one.interval * 2, longest);
        one.at = now + one.interval;
        return one.op;
    }
    return nullptr;
}

} // namespace coax::backend

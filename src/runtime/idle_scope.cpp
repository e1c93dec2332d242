#include "runtime/idle_scope.hpp"

#include "runtime/core.hpp"

namespace coax::detail {
namespace {

constexpr std::int64_t look_again = 1'000'000; // nanoseconds
constexpr unsigned most_looks = 1000;

std::uint32_t length(const operation_queue& queue) noexcept {
    std::uint32_t count = 0;
    for (const ready_node* each = queue.first(); each != nullptr; each = each->next)
        ++count;
    return count;
}

/// Whether the loop has not come to this socket yet, be it because it stood still or because so many others are ready: an operation has
/// ended and its coroutine has not had its turn, or one waits for what the socket has ready already.
bool has_yet_to_be_served(const descriptor& d) noexcept {
    if (d.under_way > length(d.reading) + length(d.writing))
        return true;
    return d.open && !d.idle() && d.system.is_ready(d.handle, !d.reading.empty(), !d.writing.empty());
}

} // namespace

void idle_scope::open(loop& on, scope& parent) {
    core& runs = core::of(on);
    runs.timers().make_room();
    watched_.watched = true;
    watched_.active_at = runs.io().now(); // the turn may have begun long ago
    deadline = later(watched_.active_at, limit_);
    runs.timers().insert(*this);
    on_ = &on;
    scope::open(parent);
}

void idle_scope::close() noexcept {
    if (on_ == nullptr)
        return;
    if (is_set())
        core::of(*on_).timers().remove(*this);
    on_ = nullptr;
    watched_.watched = false;
    scope::close();
}

void idle_scope::expire(timer& due, std::int64_t now) noexcept {
    auto& self = static_cast<idle_scope&>(due);
    self.deadline = later(self.watched_.active_at, self.limit_);
    if (self.deadline > now) {
        self.looks_ = 0;
    } else if (self.looks_ < most_looks && has_yet_to_be_served(self.watched_)) {
        // Bounded: what nobody can ever serve, such as bytes while only urgent data are waited for, is idle all the same.
        ++self.looks_;
        self.deadline = now + look_again;
    } else {
        self.expired_ = true;
        self.cancel();
        return;
    }
    core::of(*self.on_).timers().insert(self); // where it has just been taken out there is room
}

} // namespace coax::detail

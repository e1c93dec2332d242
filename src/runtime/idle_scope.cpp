#include "runtime/idle_scope.hpp"

#include "runtime/core.hpp"

namespace coax::detail {

void idle_scope::open(loop& on, scope& parent) {
    core& runs = core::of(on);
    runs.timers().make_room();
    watched_.watched = true;
    watched_.active_at = runs.now();
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
        core::of(*self.on_).timers().insert(self); // where it has just been taken out there is room
        return;
    }
    self.expired_ = true;
    self.cancel();
}

} // namespace coax::detail

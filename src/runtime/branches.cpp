#include <coax/detail/own_scope.hpp>

#include <stdexcept>
#include <utility>

#include "runtime/core.hpp"

namespace coax::detail {

bool branch_set::start(environment around, awaiting_coroutine parent, branch* branches, std::size_t count) noexcept {
    on_ = around.on;
    handle = parent.handle;
    branches_ = branches;
    running_ = count;
    starting_ = true;
    scope_.open(*around.within);
    for (std::size_t i = 0; i < count; ++i) {
        branches[i].set = this;
        branches[i].parent = parent.promise;
        branches[i].coroutine.promise().surroundings = {on_, &scope_};
        branches[i].coroutine.promise().start(branches[i].coroutine, branches[i]);
    }
    starting_ = false;
    return running_ != 0;
}

void branch_set::branch_ended(promise_base::supervisor& of, promise_base&) noexcept {
    auto& ended = static_cast<branch&>(of);
    branch_set& self = *ended.set;
    std::exchange(ended.coroutine, nullptr).destroy();
    if (self.decisive_ == none) {
        // One that was only cut short by the cancellation around decides nothing.
        const bool of_itself = ended.how != branch::ending::cancelled || !self.scope_.cancelled();
        if (of_itself && (self.policy_ == branch_policy::any || ended.how != branch::ending::value)) {
            self.decisive_ = static_cast<std::size_t>(&ended - self.branches_);
            self.scope_.cancel();
        }
    }
    if (--self.running_ == 0 && !self.starting_) {
        self.reported_ = true;
        self.on_->push(self);
    }
}

branch_set::~branch_set() {
    if (reported_)
        on_->remove(*this);
}

void branch_set::report(const failure& suppressed) noexcept { core::of(*on_).suppressed(suppressed.to_exception()); }

void throw_nothing_to_wait_for() { throw std::invalid_argument("when_any: no tasks to wait for"); }

} // namespace coax::detail

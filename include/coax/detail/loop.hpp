// The part of a scheduler that inlined code touches: the ready queue and the environment of a coroutine.
#pragma once

#include <coroutine>

#include <coax/config.hpp>
#include <coax/detail/waiter.hpp>

namespace coax::detail {

/// The ready queue of one scheduler. Everything but the start of a task resumes through it.
class COAX_API loop {
public:
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    void push(ready_node& node) noexcept {
        node.next = nullptr;
        *tail_ = &node;
        tail_ = &node.next;
    }

    /// Takes a node out again: its coroutine is being destroyed. Linear; only error paths come here.
    void remove(ready_node& node) noexcept;

    scope& root() noexcept { return root_; }

    /// How many starts of tasks lie on top of each other on the stack now. Beyond the bound a start goes through the
    /// ready queue, so that a chain of a million tasks needs no deep stack, at any optimisation level.
    static constexpr unsigned max_depth = 48;
    unsigned depth = 0;

    /// Called wherever a checkpoint is about to begin. For tests: they cancel there.
    void (*at_checkpoint)(loop&) noexcept = nullptr;
    void checkpoint() noexcept {
        if (at_checkpoint != nullptr) [[unlikely]]
            at_checkpoint(*this);
    }

protected:
    loop() noexcept = default;
    ~loop() = default;

    bool has_ready() const noexcept { return head_ != nullptr; }
    ready_node* pop() noexcept {
        ready_node* node = head_;
        head_ = node->next;
        if (head_ == nullptr)
            tail_ = &head_;
        return node;
    }

    scope root_;

private:
    ready_node* head_ = nullptr;
    ready_node** tail_ = &head_;
};

/// The loop that runs on this thread, or null.
COAX_API loop* current_loop() noexcept;

/// The loop that runs on this thread; throws `std::logic_error` where there is none.
COAX_API loop& require_loop();

/// What a coroutine hands down to what it awaits.
struct environment {
    loop* on = nullptr;
    scope* within = nullptr;
};

/// Coroutines of the library carry their environment; for foreign ones it is the thread's loop and its root scope.
template <class Promise>
environment environment_of(std::coroutine_handle<Promise> coroutine) {
    if constexpr (requires { coroutine.promise().surroundings; }) {
        return coroutine.promise().surroundings;
    } else {
        loop& on = require_loop();
        return {&on, &on.root()};
    }
}

} // namespace coax::detail

// The part of a scheduler that inlined code touches: the ready queue and the environment of a coroutine.
#pragma once

#include <coroutine>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/waiter.hpp>

namespace coax::detail {

/// Coroutines that are to be resumed, in their order.
class ready_queue {
public:
    ready_queue() noexcept = default;
    ready_queue(const ready_queue&) = delete;
    ready_queue& operator=(const ready_queue&) = delete;

    bool empty() const noexcept { return head_ == nullptr; }
    void push(ready_node& node) noexcept {
        node.next = nullptr;
        *tail_ = &node;
        tail_ = &node.next;
    }
    ready_node* pop() noexcept {
        ready_node* node = head_;
        head_ = node->next;
        if (head_ == nullptr)
            tail_ = &head_;
        return node;
    }
    /// Takes over all of another queue, to its own end.
    void append(ready_queue& other) noexcept {
        if (other.empty())
            return;
        *tail_ = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, &other.head_);
    }
    /// Whether the node was in it. Linear.
    bool remove(ready_node& node) noexcept {
        for (ready_node** link = &head_; *link != nullptr; link = &(*link)->next) {
            if (*link != &node)
                continue;
            *link = node.next;
            if (node.next == nullptr)
                tail_ = link;
            return true;
        }
        return false;
    }

private:
    ready_node* head_ = nullptr;
    ready_node** tail_ = &head_;
};

/// The ready queue of one scheduler. Everything but the start of a task resumes through it.
class COAX_API loop {
public:
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    void push(ready_node& node) noexcept { ready_.push(node); }

    /// Resumes only after the loop has looked for what others wait for.
    void push_behind(ready_node& node) noexcept { behind_.push(node); }

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

    scope root_;
    ready_queue ready_;
    ready_queue behind_; // ready as well, behind those of whom the loop learns when it looks at the system next
};

inline bool waiter::checkpoint(loop& on, scope& in, awaiting_coroutine coroutine) noexcept {
    belong_to(on, in, coroutine);
    on.checkpoint();
    if (in.cancelled()) [[unlikely]] {
        refuse();
        return false;
    }
    reason = stop_reason::none;
    return true;
}

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

// A lock-free list that any thread puts into and one thread takes from.
#pragma once

#include <atomic>

namespace coax::detail {

/// `Node` has a `next`. It is a stack, newest first; taking all of it at once leaves no room for the ABA problem.
template <class Node>
class mailbox {
public:
    bool empty() const noexcept { return newest_.load() == nullptr; }
    /// The same, where a late answer does no harm.
    bool seems_empty() const noexcept { return newest_.load(std::memory_order_relaxed) == nullptr; }

    /// From any thread. It is sequentially consistent, so that a thread which puts something in and then looks for a sleeper, and
    /// a sleeper who says so and then looks in, cannot miss each other.
    void put(Node& node) noexcept {
        Node* newest = newest_.load(std::memory_order_relaxed);
        do {
            node.next = newest;
        } while (!newest_.compare_exchange_weak(newest, &node));
    }

    /// Everything that is there, oldest first.
    Node* take() noexcept {
        Node* newest = newest_.exchange(nullptr);
        Node* oldest = nullptr;
        while (newest != nullptr) {
            Node* next = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = next;
        }
        return oldest;
    }

private:
    std::atomic<Node*> newest_{nullptr};
};

} // namespace coax::detail

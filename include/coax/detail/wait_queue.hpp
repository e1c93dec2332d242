// Waits that are served first in, first out.
#pragma once

#include <coax/detail/waiter.hpp>

namespace coax::detail {

/// A wait that stands in a queue. It leaves the queue before it ends, since the ready queue links it by the same member.
struct queued_waiter : waiter {
    using waiter::waiter;

    bool is_queued() const noexcept { return queue_link != nullptr; }

    ready_node** queue_link = nullptr; // what points at it in its queue; its successor is `next`
};

class wait_queue {
public:
    wait_queue() noexcept = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;

    bool empty() const noexcept { return head_ == nullptr; }
    /// The one that has waited longest; null when nobody waits.
    queued_waiter* first() const noexcept { return static_cast<queued_waiter*>(head_); }

    void append(queued_waiter& w) noexcept {
        w.next = nullptr;
        w.queue_link = tail_;
        *tail_ = &w;
        tail_ = &w.next;
    }
    void remove(queued_waiter& w) noexcept {
        *w.queue_link = w.next;
        if (w.next != nullptr)
            static_cast<queued_waiter*>(w.next)->queue_link = w.queue_link;
        else
            tail_ = w.queue_link;
        w.queue_link = nullptr;
        w.next = nullptr;
    }
    /// Removes and gives the first one; null when nobody waits.
    queued_waiter* take() noexcept {
        queued_waiter* w = first();
        if (w != nullptr)
            remove(*w);
        return w;
    }

private:
    ready_node* head_ = nullptr;
    ready_node** tail_ = &head_;
};

} // namespace coax::detail

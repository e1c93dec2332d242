#include <coax/detail/sync_wait.hpp>

#include <cassert>
#include <limits>
#include <new>
#include <system_error>

#include "runtime/core.hpp"

namespace coax::detail {

channel_base::channel_base(const item_type& type, std::size_t capacity)
    : type_(type), capacity_(capacity), ring_(nullptr) {
    if (capacity > std::numeric_limits<std::ptrdiff_t>::max() / type.size)
        throw std::bad_alloc();
    if (capacity != 0)
        ring_ = ::operator new(capacity * type.size);
}

channel_base::~channel_base() {
    assert(senders_.empty() && receivers_.empty() && "coax: a channel is destroyed while tasks wait on it");
    for (; in_ring_ != 0; --in_ring_)
        type_.destroy(slot(in_ring_ - 1));
    while (returned* const node = returned_) {
        returned_ = node->next;
        type_.destroy(node + 1);
        ::operator delete(node);
    }
    ::operator delete(ring_);
}

/// The place of the item with this index, counted from the oldest.
void* channel_base::slot(std::size_t index) noexcept {
    const std::size_t to_end = capacity_ - first_;
    const std::size_t at = index < to_end ? first_ + index : index - to_end;
    return static_cast<std::byte*>(ring_) + at * type_.size;
}

void channel_base::push(void* item) noexcept {
    type_.move(slot(in_ring_), item);
    ++in_ring_;
}

bool channel_base::put(void* item) noexcept {
    if (auto* const receiver = static_cast<channel_recv_wait*>(receivers_.take())) {
        assert(core::of(*receiver->owner).on_its_thread());
        type_.move(receiver->room, item);
        receiver->position = next_position_++;
        receiver->grant();
        return true;
    }
    if (size() >= capacity_)
        return false;
    push(item);
    return true;
}

bool channel_base::take(void* to, std::uint64_t& position) noexcept {
    if (returned* const node = returned_) {
        type_.move(to, node + 1);
        type_.destroy(node + 1);
        position = node->position;
        returned_ = node->next;
        --returned_count_;
        ::operator delete(node);
    } else if (in_ring_ != 0) {
        type_.move(to, slot(0));
        type_.destroy(slot(0));
        position = next_position_++;
        first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
        --in_ring_;
    } else {
        auto* const sender = static_cast<channel_send_wait*>(senders_.take());
        if (sender == nullptr)
            return false;
        type_.move(to, sender->item);
        position = next_position_++;
        sender->grant();
        return true;
    }
    if (size() < capacity_) {
        if (auto* const sender = static_cast<channel_send_wait*>(senders_.take())) {
            push(sender->item);
            sender->grant();
        }
    }
    return true;
}

void channel_base::put_back(void* item, std::uint64_t position) noexcept {
    if (auto* const receiver = static_cast<channel_recv_wait*>(receivers_.take())) {
        type_.move(receiver->room, item);
        receiver->position = position;
        receiver->grant();
        return;
    }
    // The ring may be full again by now. Without memory the item is lost, with the coroutine that was to have it.
    void* const block = ::operator new(sizeof(returned) + type_.size, std::nothrow);
    if (block == nullptr)
        return;
    returned** link = &returned_;
    while (*link != nullptr && (*link)->position < position)
        link = &(*link)->next;
    *link = ::new (block) returned{*link, position};
    ++returned_count_;
    type_.move(*link + 1, item);
}

void channel_base::close() noexcept {
    closed_ = true;
    while (queued_waiter* const sender = senders_.take()) {
        sender->reason = stop_reason::closed;
        sender->finish();
    }
    while (queued_waiter* const receiver = receivers_.take())
        receiver->finish();
}

bool channel_send_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    if (!begin(around, coroutine))
        return true;
    if (target.closed_) {
        reason = stop_reason::closed;
        return complete();
    }
    return target.put(item) ? grant_at_once() : wait_in(target.senders_);
}

failure channel_send_wait::failed() const noexcept {
    if (reason == stop_reason::closed)
        return failure(std::make_error_code(std::errc::broken_pipe), name);
    return sync_wait::failed();
}

bool channel_recv_wait::suspend(environment around, awaiting_coroutine coroutine) noexcept {
    if (!begin(around, coroutine))
        return true;
    if (target.take(room, position))
        return grant_at_once();
    return target.closed_ ? complete() : wait_in(target.receivers_);
}

void channel_recv_wait::give_back() noexcept {
    granted = false;
    target.put_back(room, position);
    target.type_.destroy(room);
}

} // namespace coax::detail

// What a channel does whatever its items are.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/sync_wait.hpp>
#include <coax/detail/wait_queue.hpp>
#include <coax/error.hpp>

namespace coax::detail {

/// How items are moved and destroyed without knowing their type.
struct item_type {
    std::size_t size;
    void (*move)(void* to, void* from) noexcept; // makes one at `to`; the one at `from` stays, moved from
    void (*destroy)(void* item) noexcept;
};

template <class T>
inline constexpr item_type item_type_of = {
    sizeof(T),
    [](void* to, void* from) noexcept { std::construct_at(static_cast<T*>(to), std::move(*static_cast<T*>(from))); },
    [](void* item) noexcept { std::destroy_at(static_cast<T*>(item)); }};

/// Items go from a sender to the receiver that waits, else into the ring, else they wait with their sender. So receivers wait only
/// while there are no items, and senders only while there is no room.
class COAX_API channel_base {
public:
    channel_base(const channel_base&) = delete;
    channel_base& operator=(const channel_base&) = delete;

    void close() noexcept;
    bool closed() const noexcept { return closed_; }
    std::size_t size() const noexcept { return in_ring_ + returned_count_; }
    std::size_t capacity() const noexcept { return capacity_; }

protected:
    /// Throws `std::bad_alloc`, also for a capacity beyond all memory.
    channel_base(const item_type& type, std::size_t capacity);
    ~channel_base();

    /// Whether an item can be put now.
    bool has_room() const noexcept { return !receivers_.empty() || size() < capacity_; }
    /// Moves the item to a receiver or into the ring. False: there is no room, and the item is untouched.
    bool put(void* item) noexcept;
    /// Makes the oldest item at `to`; `position` is its place among all items. False: there is none.
    bool take(void* to, std::uint64_t& position) noexcept;
    /// Takes back an item that nobody has seen; it is first again, but for older ones.
    void put_back(void* item, std::uint64_t position) noexcept;

private:
    friend struct channel_send_wait;
    friend struct channel_recv_wait;

    /// The head of a block with an item whose receiver was destroyed before it could look at it.
    struct alignas(std::max_align_t) returned {
        returned* next;
        std::uint64_t position;
    };

    void* slot(std::size_t index) noexcept;
    void push(void* item) noexcept;

    const item_type& type_;
    std::size_t capacity_;
    void* ring_;
    std::size_t first_ = 0;
    std::size_t in_ring_ = 0;
    std::uint64_t next_position_ = 0;
    returned* returned_ = nullptr;
    std::size_t returned_count_ = 0;
    wait_queue senders_;
    wait_queue receivers_;
    bool closed_ = false;
};

struct COAX_API channel_send_wait : sync_wait {
    channel_send_wait(channel_base& of, void* what) noexcept
        : sync_wait(operation_name::channel_send), target(of), item(what) {}
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    failure failed() const noexcept;
    void value() const noexcept {}

    channel_base& target;
    void* item;
};

struct COAX_API channel_recv_wait : sync_wait {
    channel_recv_wait(channel_base& of, void* to) noexcept
        : sync_wait(operation_name::channel_recv), target(of), room(to) {}
    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    /// The coroutine is destroyed before it has looked at the item that it got.
    void give_back() noexcept;

    channel_base& target;
    void* room;
    std::uint64_t position = 0;
};

} // namespace coax::detail

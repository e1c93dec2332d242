/// \file
/// A queue of limited length between tasks.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/detail/refused.hpp>
#include <coax/detail/sync_wait.hpp>

namespace coax {
namespace detail {

/// An item of its own: it is there before the wait begins, and goes after it has ended.
template <class T>
struct owned_item {
    T owned;
};

template <class T>
struct channel_send_copy_wait : owned_item<T>, channel_send_wait {
    channel_send_copy_wait(channel_base& of, const T& original)
        : owned_item<T>{original}, channel_send_wait(of, std::addressof(this->owned)) {}
};

template <class T>
struct channel_recv_item_wait : channel_recv_wait {
    explicit channel_recv_item_wait(channel_base& of) noexcept : channel_recv_wait(of, std::addressof(received)) {}
    ~channel_recv_item_wait() {
        if (granted)
            give_back();
    }
    std::optional<T> value() noexcept {
        std::optional<T> item;
        if (granted) {
            granted = false;
            item.emplace(std::move(received));
            std::destroy_at(std::addressof(received));
        }
        return item;
    }

    union {
        T received; // while `granted`
    };
};

using channel_send_operation = awaited<channel_send_wait>;
template <class T>
using channel_send_copy_operation = awaited<channel_send_copy_wait<T>>;
template <class T>
using channel_recv_operation = awaited<channel_recv_item_wait<T>>;

} // namespace detail

/// A queue through which tasks pass items to each other: any number of senders, any number of receivers, first come, first served on
/// both sides, each item to one receiver.
///
/// With a capacity of n a sender waits while n items are in the queue; with 0 until a receiver takes its item. The memory is allocated
/// when the channel is made; only an item that comes back from a destroyed coroutine needs more. T must be movable without exceptions; it need not be copyable nor have a default. With GCC 12 it must
/// have a constructor of its own if its destructor does something.
///
/// For tasks of one scheduler's thread. Nobody may wait when it is destroyed; items that are left are destroyed with it.
template <class T>
class channel : public detail::channel_base {
    static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>, "a channel passes objects on");
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "the items of a channel are moved and destroyed where an exception has nowhere to go");
    static_assert(alignof(T) <= alignof(std::max_align_t),
                  "an item stands in a coroutine's frame, which is not aligned further");

public:
    using value_type = T; ///< an item

    /// Room for so many items, 0 included. Throws `std::bad_alloc`, and `std::invalid_argument` for a negative number.
    explicit channel(detail::count<"channel"> capacity) : channel_base(detail::item_type_of<T>, capacity) {}

    /// `co_await items.send(std::move(item))`: waits until the item is in the queue, or with capacity 0 in a receiver's hands. Errors:
    /// `io_error` with `std::errc::broken_pipe` when the channel is or gets closed.
    ///
    /// The item is moved from only when it is delivered: after an error, a timeout or a cancellation it is still yours. So it must
    /// stay where it is; await this in the expression that makes it.
    ///
    /// Cancellation: throws `cancelled`, with the item untouched; an item that was delivered counts as sent.
    [[nodiscard]] detail::on_temporaries<detail::channel_send_operation> send(T&& item) noexcept {
        detail::reject_unsafe_aggregate<T>();
        return detail::on_temporaries<detail::channel_send_operation>(*this, std::addressof(item));
    }

    /// The same with a copy, which is made at once; throws what copying throws.
    ///
    /// Cancellation: throws `cancelled`; an item that was delivered counts as sent.
    [[nodiscard]] detail::channel_send_copy_operation<T> send(const T& item)
        requires std::copy_constructible<T>
    {
        return detail::channel_send_copy_operation<T>(*this, item);
    }

    /// `while (auto item = co_await items.recv())`: waits for the next item. Empty when the channel is closed and nothing is left.
    ///
    /// Cancellation: throws `cancelled`, and no item is lost: one that was handed over is given, one whose coroutine is destroyed goes
    /// to the next receiver.
    [[nodiscard]] detail::channel_recv_operation<T> recv() noexcept { return detail::channel_recv_operation<T>(*this); }

    /// Sends if that needs no waiting. False, and the item untouched, when there is no room or the channel is closed.
    [[nodiscard]] bool try_send(T&& item) noexcept { return !closed() && put(std::addressof(item)); }
    /// The same with a copy, which is made only if there is room; throws what copying throws, and nothing has been sent then.
    [[nodiscard]] bool try_send(const T& item)
        requires std::copy_constructible<T>
    {
        if (closed() || !has_room())
            return false;
        T copy(item);
        return put(std::addressof(copy));
    }

    /// Takes the next item if there is one; nothing otherwise, closed or not.
    [[nodiscard]] std::optional<T> try_recv() noexcept {
        std::optional<T> item;
        union slot {
            slot() noexcept {}
            ~slot() {}
            T received;
        } room;
        std::uint64_t position = 0;
        if (take(std::addressof(room.received), position)) {
            item.emplace(std::move(room.received));
            std::destroy_at(std::addressof(room.received));
        }
        return item;
    }

    /// Ends the sending: senders that wait fail, receivers that wait get nothing, what is in the queue can still be received. Closing
    /// again changes nothing.
    void close() noexcept { channel_base::close(); }

    /// Whether `close` was called.
    bool closed() const noexcept { return channel_base::closed(); }

    /// Items in the queue; with capacity 0 none, however many senders wait. Items whose receivers were destroyed count as well.
    std::size_t size() const noexcept { return channel_base::size(); }

    /// As given when it was made.
    std::size_t capacity() const noexcept { return channel_base::capacity(); }
};

} // namespace coax

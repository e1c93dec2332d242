// Waits for other tasks: for events, locks, permits, items and values.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/waiter.hpp>
#include <coax/error.hpp>

namespace coax::detail {

/// A wait that stands in the queue of what it waits for until somebody grants it. Once granted it is out of reach of any cancellation.
struct COAX_API sync_wait : queued_waiter {
    explicit sync_wait(operation_name as, const wait_kind& of = its_kind) noexcept : queued_waiter(of), name(as) {}
    ~sync_wait() {
        if (state != wait_state::idle)
            abandon();
    }

    /// `checkpoint`, on the thread to which all of this belongs.
    bool begin(environment around, awaiting_coroutine coroutine) noexcept;

    /// For a wait that has arrived: it gets what it wants at once.
    bool grant_at_once() noexcept {
        granted = true;
        return complete();
    }

    /// For a wait that has arrived: it has to wait for its turn.
    bool wait_in(wait_queue& queue) noexcept {
        line = &queue;
        queue.append(*this);
        link();
        return true;
    }

    /// For one that has been taken out of its queue: it gets what it stood there for.
    void grant() noexcept {
        granted = true;
        finish();
    }

    /// Lets the first one in the queue have it; false: nobody waits.
    static bool grant_first(wait_queue& queue) noexcept;

    /// After the coroutine has resumed: true for a success.
    bool conclude() noexcept {
        state = wait_state::idle;
        return reason == stop_reason::none;
    }
    /// The failure that `conclude` announced.
    failure failed() const noexcept { return failure(failure::cause::cancelled, name); }

    wait_queue* line = nullptr; // where it stands
    operation_name name;
    bool granted = false; // it has what it wanted, and its coroutine has not taken it yet

protected:
    static void on_describe(const waiter& self, wait_description& what) noexcept;

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
};

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

struct one_shot_wait;

class COAX_API one_shot_state {
public:
    one_shot_state() noexcept = default;
    one_shot_state(const one_shot_state&) = delete;
    ~one_shot_state();

    /// True for the first one, who may store a value now and then has to `announce` it, or `give_up`.
    bool claim() noexcept { return !claimed_.exchange(true); }
    void give_up() noexcept { claimed_.store(false); }
    /// Tells all who wait, on their schedulers. The state may be gone when it returns.
    void announce() noexcept;
    bool ready() noexcept;

    std::exception_ptr error;

private:
    friend struct one_shot_wait;

    std::atomic<bool> claimed_{false};
    std::mutex mutex_; // of what follows, and of the waits' links
    bool ready_ = false;
    one_shot_wait* first_ = nullptr;
    one_shot_wait** end_ = &first_;
};

/// A wait for it. Only its own scheduler's thread ends it; others send it a message.
struct COAX_API one_shot_wait : waiter {
    explicit one_shot_wait(one_shot_state& of) noexcept : waiter(its_kind), state_of(of), news(*this) {}
    ~one_shot_wait() {
        if (state != wait_state::idle)
            abandon();
    }

    bool suspend(environment around, awaiting_coroutine coroutine) noexcept;
    /// After the coroutine has resumed: true if the value, or an exception in its place, is there.
    bool conclude() noexcept {
        state = wait_state::idle;
        return reason == stop_reason::none;
    }
    failure failed() const noexcept { return failure(failure::cause::cancelled, operation_name::wait); }
    /// After `conclude`, in any case: throws what was set in place of a value. When it returns the state may be destroyed.
    void throw_error();

private:
    friend class one_shot_state;

    struct told : message {
        explicit told(one_shot_wait& to) noexcept : message(&arrived), wait(to) {}
        one_shot_wait& wait;
    };

    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;
    static void arrived(message& self) noexcept;

    one_shot_state& state_of;
    told news;
    one_shot_wait* next_waiting = nullptr;
    one_shot_wait** waiting_link = nullptr; // null when it has been told, or does not wait
};

} // namespace coax::detail

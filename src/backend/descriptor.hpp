// What outlives a single operation on a socket: its handle, its queues, and what was taken from the system for nobody yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/detail/operation.hpp>
#include <coax/detail/waiter.hpp>
#include <coax/kind.hpp>

#include "backend/inbox.hpp"
#include "os/process.hpp"
#include "os/system.hpp"

namespace coax::backend {
class backend;
}

namespace coax::detail {

/// One direction of a socket: the first operation is carried out, the others wait their turn.
class operation_queue : public wait_queue {
public:
    operation* first() const noexcept { return static_cast<operation*>(wait_queue::first()); }
};

/// The name of the other end for error messages, in the least memory: every connection has one.
class peer_name {
public:
    peer_name() noexcept = default;
    peer_name(const peer_name&) = delete;
    peer_name& operator=(const peer_name&) = delete;
    ~peer_name() { clear(); }

    void set(const address& peer) noexcept;
    address get() const noexcept;

private:
    void clear() noexcept {
        if (size_ == elsewhere) [[unlikely]]
            delete local();
        size_ = 0;
    }
    address* local() const noexcept;

    static constexpr std::size_t inline_size = 28; // sockaddr_in6
    static constexpr unsigned char elsewhere = 255;
    static_assert(sizeof(address*) <= inline_size && inline_size < elsewhere);
    // The name; of a UNIX name the address of its copy, where those who look for leaks find it.
    alignas(void*) unsigned char bytes_[inline_size];
    unsigned char size_ = 0;
};

/// The state of one socket. Each `coax::socket` on it and every operation that is under way hold a reference; all are on one thread.
class descriptor {
public:
    descriptor(os::system& on, native_handle owned, coax::family of, coax::kind what) noexcept
        : system(on), handle(owned), family(of), kind(what) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* block, std::size_t size) noexcept { deallocate_frame(block, size); }

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0)
            delete this;
    }

    bool idle() const noexcept { return reading.empty() && writing.empty(); }
    /// Whether operations refer to it, be it that they have ended and their coroutines have not resumed.
    bool in_use() const noexcept { return references_ != owners; }

    /// Keeps what the system gave for an operation that did not live to take it. It is served first, in the order in which the operations
    /// that got it had ended. Where there is no memory for that the connection is closed, and bytes that are missing in a stream make
    /// every further receive fail.
    void keep(native_handle connection, std::uint32_t order) noexcept;
    void keep(lease&& bytes) noexcept;
    /// What an operation has received goes to the inbox, out of its block or of the caller's memory.
    void keep_received(operation& op) noexcept;
    /// Lets the next `keep` of bytes succeed. False: there is no memory.
    [[nodiscard]] bool make_room_to_keep() noexcept;
    /// Of a datagram socket: an error that came behind what was received. The next receive gives it.
    void keep_error(int error) noexcept;
    int take_kept_error() noexcept { return kept_ != nullptr ? std::exchange(kept_->error, 0) : 0; }
    bool has_kept_bytes() const noexcept { return kept_ != nullptr && !kept_->bytes.empty(); }
    bool has_kept_connections() const noexcept { return kept_ != nullptr && !kept_->connections.empty(); }
    inbox& kept() noexcept { return *kept_; }
    /// Of a datagram socket, before its inbox is looked at, which every operation begins with: in a forked child the parent's datagrams
    /// go, which are delivered there.
    void leave_datagrams_to_parent() noexcept {
        if (kept_ != nullptr && kept_->made_after != os::forks()) [[unlikely]]
            kept_.reset();
    }
    /// False: no operation finds anything in the inbox, not even that something is missing there.
    bool may_have_kept() const noexcept { return kept_ != nullptr || has_gap_; }
    /// In bytes; `most` where there are more.
    std::size_t kept_size(std::size_t most) const noexcept { return kept_ != nullptr ? kept_->size_of_bytes(most) : 0; }
    void drop_kept() noexcept;
    /// Closes a connection that nobody has taken as the system closes those of a listener's backlog: its peer sees a reset. It sees the end
    /// where the process has forked, and on a UNIX path, where nothing that closes an accepted socket would reset it.
    void drop_connection(native_handle connection) noexcept;

    /// How the connection broke, as the system told a sender, or beside bytes that were received: it tells that once. The receive that finds
    /// the end of the stream then must not take it for one that the peer made.
    void note_failure(int error) noexcept {
        if (kind == coax::kind::stream)
            broken_by_ = error;
    }
    /// Of a stream that is connected anew nothing is left that concerned the connection before.
    void note_connected() noexcept {
        if (kind != coax::kind::stream)
            return;
        broken_by_ = 0;
        input_ended = false;
    }
    /// What a receive that found the end of the stream has to say: 0 or an errno value.
    int take_failure() noexcept { return std::exchange(broken_by_, 0); }
    /// Bytes of the stream are gone: there was no memory to keep them in.
    bool has_gap() const noexcept { return has_gap_; }

    /// Whether somebody else may hold a duplicate of the handle.
    bool may_have_duplicates() const noexcept { return handle_is_known || os::has_forked(); }
    /// Of an accepted socket: the options that it has from its listener.
    void inherit(const descriptor& listener) noexcept {
        lingers = listener.lingers;
        has_low_water_mark = listener.has_low_water_mark;
    }

    /// The place of the next operation to end, never 0.
    std::uint32_t next_order() noexcept {
        ended_ += order_step;
        if (ended_ == 0)
            ended_ += order_step;
        return ended_;
    }

    os::system& system;
    native_handle handle;
    coax::family family;
    coax::kind kind;
    bool open = true;
    std::uint32_t owners = 1;    // the sockets that share it; with the last one it is closed
    std::uint32_t under_way = 0; // operations that have begun, and whose coroutine has not taken what came of them
    bool closing = false;        // no operation is started any more
    bool input_ended = false;    // by shutdown: what has come is what there is
    bool urgent_asked = false;   // for urgent data: other receives stop at their place in the stream
    bool lingers : 1 = false;    // SO_LINGER with a time: close(2) would wait
    bool has_low_water_mark : 1 = false; // SO_RCVLOWAT: a receive is to wait for more than one byte
    bool was_blocking : 1 = false;       // when it was adopted
    bool receives_runs : 1 = false;      // several datagrams may be received as one (UDP_GRO)
    bool refuses_segments : 1 = false;   // the system has refused to cut a run into datagrams (UDP_SEGMENT)
    bool has_large : 1 = false;          // the last datagrams were too long for several of them to be held in advance
    bool handle_is_known = false;        // outside of the library: it may have been duplicated, or passed on
    bool peer_spoke_last = false;        // of the bytes that moved, the last ones came in
    bool input_cut = false;              // and the system has not been told: more may come
    bool watched = false;                // `active_at` matters to somebody
    std::int64_t limit = -1;             // settimeout in nanoseconds; -1: none
    std::int64_t active_at = 0;          // when an operation last moved bytes, nanoseconds of the loop's clock
    // For the backend that it is attached to.
    static constexpr std::size_t scratch_size = 24;
    static constexpr std::size_t scratch_alignment = alignof(void*);
    alignas(scratch_alignment) std::byte scratch[scratch_size];
    backend::backend* attached = nullptr;
    descriptor* next_attached = nullptr;
    descriptor** attached_link = nullptr;
    operation_queue reading;
    operation_queue writing;
    peer_name peer;

private:
    ~descriptor() { drop_kept(); }
    void keep_batch(batch_operation& op, std::uint32_t place) noexcept;

    std::uint32_t references_ = 1;
    std::uint32_t ended_ = 0;
    int broken_by_ = 0;
    bool has_gap_ = false;
    std::unique_ptr<inbox> kept_;
};

} // namespace coax::detail

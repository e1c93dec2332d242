// What the system gave for an operation that did not live to take it: connections, and leased buffers with bytes in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/datagram.hpp>

#include "os/process.hpp"
#include "os/system.hpp"

namespace coax::detail {

struct buffer_block;

/// How far the places of two operations lie apart. Between them there is room for those who take only a part of what one of them had got.
inline constexpr std::uint32_t order_step = 4096;

/// A queue whose entries have a place: each stands before the first that is later. Taking one out costs the same however many there are.
template <class Entry>
class ordered_queue {
public:
    bool empty() const noexcept { return head_ == entries_.size(); }
    std::size_t size() const noexcept { return entries_.size() - head_; }
    Entry& front() noexcept { return entries_[head_]; }
    auto begin() noexcept { return entries_.begin() + static_cast<std::ptrdiff_t>(head_); }
    auto end() noexcept { return entries_.end(); }

    /// Lets the next `insert` succeed. Throws `std::bad_alloc`.
    void make_room() { entries_.reserve(entries_.size() + 1); }

    /// Throws `std::bad_alloc`, and has not taken it then.
    void insert(Entry&& entry) {
        // Orders wrap around. What is put back stands before what was left of the same entry.
        const auto later = [&](const Entry& other) {
            return static_cast<std::int32_t>(other.order - entry.order) >= 0;
        };
        auto place = end();
        while (place != begin() && later(*(place - 1)))
            --place;
        entries_.insert(place, std::move(entry));
    }
    Entry take() noexcept {
        Entry oldest = std::move(entries_[head_]);
        if (++head_ == entries_.size()) {
            entries_.clear();
            head_ = 0;
        } else if (head_ > entries_.size() / 2) {
            // Each entry is moved once for every one that was taken.
            entries_.erase(entries_.begin(), begin());
            head_ = 0;
        }
        return oldest;
    }

private:
    std::vector<Entry> entries_;
    std::size_t head_ = 0;
};

/// A connection that nobody has accepted.
struct unaccepted {
    std::uint32_t order;
    native_handle handle;
};

/// Control data that came with bytes which nobody has received. Descriptors among them are closed with it.
struct kept_control {
    kept_control(os::system& of, std::span<const std::byte> from, bool was_cut)
        : system(of), bytes(from.begin(), from.end()), cut(was_cut) {}
    kept_control(const kept_control&) = delete;
    kept_control& operator=(const kept_control&) = delete;
    ~kept_control();

    os::system& system;
    std::vector<std::byte> bytes;
    bool cut;
};

/// Bytes that nobody has received, in a block that goes back when the lease does. Of a datagram socket each lease is one datagram.
class lease {
public:
    /// Takes the block.
    lease(std::uint32_t place, buffer_block* from, std::byte* first, std::size_t count) noexcept
        : order(place), data(first), size(count), block_(from) {}
    lease(lease&& other) noexcept
        : order(other.order), data(other.data), size(other.size), truncated(other.truncated), peer(other.peer),
          control(std::move(other.control)), control_cut(other.control_cut), details(other.details), said(other.said),
          block_(std::exchange(other.block_, nullptr)) {}
    lease& operator=(lease&& other) noexcept {
        std::swap(block_, other.block_);
        order = other.order;
        data = other.data;
        size = other.size;
        truncated = other.truncated;
        peer = other.peer;
        std::swap(control, other.control);
        control_cut = other.control_cut;
        details = other.details;
        said = other.said;
        return *this;
    }
    ~lease();

    /// Gives the block away.
    buffer_block* release() noexcept { return std::exchange(block_, nullptr); }
    /// Takes bytes from the front; what is left stands behind them.
    void consume(std::size_t count) noexcept {
        data += count;
        size -= count;
        if (count != 0)
            control.reset(); // went with the first byte
        if ((order + 1) % order_step != 0)
            ++order;
    }

    /// Not 0: it is a run of datagrams of this size, in bytes.
    std::size_t segment_size() const noexcept { return details != nullptr ? details->segment_size : 0; }
    /// Of datagrams: how long the first one is, in bytes.
    std::size_t size_of_first() const noexcept { return segment_size() != 0 ? std::min(size, segment_size()) : size; }
    /// Whether the block is much larger than what is in it, too large to be held by somebody who knows nothing of that.
    bool is_roomy() const noexcept { return details != nullptr; }

    std::uint32_t order;
    std::byte* data;
    std::size_t size; // bytes
    bool truncated = false;
    address peer; // who sent it, where that is known
    std::unique_ptr<kept_control> control;
    bool control_cut = false;                // there was no memory for them
    const datagram_entry* details = nullptr; // what else was said of it; lies in the block,
    std::span<const std::byte> said;         // as do the control data that said so

private:
    buffer_block* block_;
};

struct inbox {
    ordered_queue<unaccepted> connections;
    ordered_queue<lease> bytes;
    unsigned made_after = os::forks();
    int error = 0; // behind the datagrams; the system told it when they were received, and tells it once

    /// Copies up to `most` of the oldest bytes of a stream, and takes them out unless they are only looked at.
    std::size_t copy(void* into, std::size_t most, bool take) noexcept;
    /// How many bytes there are, `most` where there are more: no more pieces than that are looked at.
    std::size_t size_of_bytes(std::size_t most) noexcept;
};

} // namespace coax::detail

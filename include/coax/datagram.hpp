/// \file
/// Datagrams: what one receive gives, and batches of many that one call of the system receives or sends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <coax/address.hpp>
#include <coax/ancillary.hpp>
#include <coax/bytes_view.hpp>
#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/detail/refused.hpp>

namespace coax {

/// A received datagram in a pooled buffer. The peer is unnamed where there is none.
struct datagram {
    /// No bytes, from nobody.
    datagram() noexcept = default;
    /// What one receive gave.
    datagram(chunk bytes, const coax::address& from, bool cut) noexcept
        : data(std::move(bytes)), peer(from), truncated(cut) {}

    chunk data;             ///< its bytes; of a datagram true also when they are none
    address peer;           ///< who sent it
    bool truncated = false; ///< it was longer than what was asked for; the rest is gone
};

/// The datagrams that lie one behind the other in a run of bytes: each `segment_size` bytes long, but for the last, which may be shorter.
class datagram_segments {
public:
    /// Goes through them.
    class iterator {
    public:
        using value_type = std::span<std::byte>; ///< one datagram
        using difference_type = std::ptrdiff_t;  ///< between two iterators

        /// Behind the last one.
        iterator() noexcept = default;
        /// At the first one of these bytes.
        iterator(std::byte* data, std::size_t left, std::size_t size) noexcept
            : data_(data), left_(left), size_(size) {}
        /// The datagram.
        std::span<std::byte> operator*() const noexcept { return {data_, length()}; }
        /// To the next one.
        iterator& operator++() noexcept {
            const std::size_t step = length();
            data_ += step;
            left_ -= step;
            size_ = left_ != 0 ? size_ : 0;
            return *this;
        }
        /// To the next one.
        iterator operator++(int) noexcept {
            const iterator before = *this;
            ++*this;
            return before;
        }
        /// Whether both are at the same one.
        friend bool operator==(const iterator& a, const iterator& b) noexcept {
            return a.left_ == b.left_ && (a.size_ == 0) == (b.size_ == 0);
        }

    private:
        std::size_t length() const noexcept { return left_ < size_ ? left_ : size_; }

        std::byte* data_ = nullptr;
        std::size_t left_ = 0;
        std::size_t size_ = 0; // 0: behind the last one
    };

    /// Of these bytes; a `segment_size` of 0 is a single datagram, which may be empty.
    datagram_segments(std::span<std::byte> data, std::size_t segment_size) noexcept
        : data_(data), size_(segment_size != 0 && segment_size < data.size() ? segment_size : data.size()) {}

    /// The first datagram; there is always one.
    iterator begin() const noexcept { return {data_.data(), data_.size(), data_.empty() ? 1 : size_}; }
    /// Behind the last one.
    iterator end() const noexcept { return {}; }
    /// How many there are.
    std::size_t size() const noexcept { return data_.empty() ? 1 : (data_.size() + size_ - 1) / size_; }

private:
    std::span<std::byte> data_;
    std::size_t size_;
};

/// One entry of a `datagram_batch`: a datagram, or a run of them with a `segment_size`.
struct datagram_entry {
    /// The bytes. They lie in the batch; what is sent may lie anywhere else, as long as it stays there until it has been sent.
    std::span<std::byte> data;
    /// When the system received it; the clock's epoch where that is not asked for (`option::receive_time`), and on UNIX sockets.
    std::chrono::system_clock::time_point time{};
    /// After a send: why it did not go out. One of which only some segments went out has failed too. Those whose turn did not come have the
    /// code of the cancellation, limit or error that `sendto` throws.
    std::error_code error;
    /// The index of the interface on which it came in; 0 where that is not known (`option::receive_packet_info`). Sending pays no attention
    /// to it.
    std::uint32_t interface_index = 0;
    /// Not 0: the bytes are several datagrams of this size, of which the last may be shorter; see `segments`. Received ones are never of
    /// this kind where `option::receive_offload` is off. To be sent are at most 65507 bytes (65527 over IPv6).
    std::uint16_t segment_size = 0;
    /// The congestion notification that it came with, where that is asked for (`option::receive_ecn`). Sending pays no attention to it.
    coax::ecn ecn = coax::ecn::not_capable;
    /// It was longer than the entry; the rest is gone.
    bool truncated = false;
    /// It was sent to a group or a broadcast address: `local` is no address to answer from, and an entry that goes back leaves from one that
    /// the system chooses.
    bool to_many = false;
    /// Who sent it, or whom to send it to; unnamed is the peer to which the socket is connected.
    address peer;
    /// The address that it was sent to, with port 0, where that is known (`option::receive_packet_info`), and from which to send: an entry
    /// that goes back answers from where it was asked. Unnamed: the system chooses.
    address local;

    /// Each of the datagrams in it.
    datagram_segments segments() const noexcept { return {data, segment_size}; }
    /// The bytes as characters; valid as long as they stay where they are.
    std::string_view text() const noexcept {
        return {static_cast<const char*>(static_cast<const void*>(data.data())), data.size()};
    }
};

namespace detail {

/// What a batch consists of: one block of memory, with this at its beginning. Operations refer to it, so that a batch may be moved.
struct batch_block {
    std::size_t size;        // entries in use
    std::size_t capacity;    // entries
    std::size_t entry_size;  // bytes of each entry's buffer
    datagram_entry* entries; //
    std::byte* buffers;      // one behind the other
    void* native;            // what the system's calls take, if they take anything
    std::size_t written;     // so many of the first entries are not ready for a receive
    std::size_t allocation;  // bytes of the whole block

    std::byte* buffer(std::size_t index) const noexcept { return buffers + index * entry_size; }
};

} // namespace detail

/// Storage for many datagrams, allocated once and used again and again: `socket::recvfrom(batch)` takes all that has come, up to its
/// capacity, and `socket::sendto(batch)` sends all that it holds, by one call of the system. An echo server:
///
///     coax::datagram_batch batch(64, 2048);
///     while (co_await sock.recvfrom(batch))
///         co_await sock.sendto(batch);
///
/// While an operation uses it, nothing of it may be touched, and it must not be destroyed; the object itself may be moved.
class COAX_API datagram_batch {
public:
    using value_type = datagram_entry;            ///< an entry
    using iterator = datagram_entry*;             ///< to an entry
    using const_iterator = const datagram_entry*; ///< to an entry that cannot be changed

    /// Room for no datagram.
    datagram_batch() noexcept = default;
    /// Room for `capacity` datagrams of up to `entry_size` bytes. With `option::receive_offload` runs of datagrams are received whole only into
    /// entries of `largest_run` bytes. Throws `std::invalid_argument` for a capacity of zero, `std::bad_alloc`.
    datagram_batch(detail::count<"datagram_batch"> capacity, detail::count<"datagram_batch"> entry_size);
    /// Takes the memory over; what is moved from has room for no datagram.
    datagram_batch(datagram_batch&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    /// The same, after freeing what it had.
    datagram_batch& operator=(datagram_batch&& other) noexcept {
        datagram_batch(std::move(other)).swap(*this);
        return *this;
    }
    ~datagram_batch();
    /// Exchanges the memory of two batches.
    void swap(datagram_batch& other) noexcept { std::swap(block_, other.block_); }

    /// The entry size at which no run of datagrams is too long, in bytes.
    static constexpr std::size_t largest_run = 65535;

    /// How many entries it has room for.
    std::size_t capacity() const noexcept { return block_ != nullptr ? block_->capacity : 0; }
    /// The bytes that each of them has room for.
    std::size_t entry_size() const noexcept { return block_ != nullptr ? block_->entry_size : 0; }
    /// How many entries it holds: so many were received, or are to be sent.
    std::size_t size() const noexcept { return block_ != nullptr ? block_->size : 0; }
    /// Whether it holds none.
    bool empty() const noexcept { return size() == 0; }

    /// One of the entries that it holds.
    datagram_entry& operator[](std::size_t index) noexcept { return block_->entries[index]; }
    /// \overload
    const datagram_entry& operator[](std::size_t index) const noexcept { return block_->entries[index]; }
    /// The first entry.
    iterator begin() noexcept { return block_ != nullptr ? block_->entries : nullptr; }
    /// Behind the last entry that it holds.
    iterator end() noexcept { return begin() + size(); }
    /// \overload
    const_iterator begin() const noexcept { return block_ != nullptr ? block_->entries : nullptr; }
    /// \overload
    const_iterator end() const noexcept { return begin() + size(); }

    /// Holds no entry any more.
    void clear() noexcept {
        if (block_ != nullptr)
            block_->size = 0;
    }
    /// Holds so many entries. Each that comes in addition is for the peer to which the socket is connected, and its `data` is all the room
    /// that it has; what stands there is of no account. Throws `std::length_error` beyond the capacity.
    void resize(detail::count<"datagram_batch::resize"> size);
    /// One more entry, with a copy of these bytes. Throws `std::length_error` where there is no room for it, or for so many bytes in it.
    datagram_entry& add(bytes_view bytes, const address& peer = {});

private:
    friend class socket;

    detail::batch_block* block_ = nullptr;
};

} // namespace coax

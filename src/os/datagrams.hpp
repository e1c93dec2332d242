// Many datagrams by one system call where the system has such calls, and by one call for each where it has not. Like those of os/socket.hpp
// these calls never block, and give their error as an errno value.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <coax/config.hpp>
#include <coax/datagram.hpp>

#include "os/control.hpp"
#include "os/socket.hpp"

namespace coax::os {

using detail::batch_block;

/// The most that the system has to be given for one entry, in bytes: of the memory at `batch_block::native`.
extern const std::size_t batch_header_size;
/// Makes what the calls take, once, in memory that is aligned to 64 bytes and large enough for all entries.
void prepare_batch(batch_block& batch) noexcept;

/// A batch of `count` entries with room for `size` bytes each. Throws `std::bad_alloc`.
batch_block* make_batch(std::size_t count, std::size_t size);
struct batch_delete {
    void operator()(batch_block* block) const noexcept;
};

/// Whether the system can cut a run of bytes into datagrams by itself; so many of them at once.
extern const bool has_segmentation;
inline constexpr std::size_t most_segments = 64;

/// Whether the entry is to go out as several datagrams.
inline bool has_segments(const datagram_entry& entry) noexcept {
    return entry.segment_size != 0 && entry.data.size() > entry.segment_size;
}
/// Of such an entry: whether they are few enough for the system to cut it.
inline bool is_segmented_at_once(const datagram_entry& entry) noexcept {
    return entry.data.size() <= most_segments * entry.segment_size;
}
/// Of such an entry: EMSGSIZE where the system would say so if it cut it, else 0.
inline int segments_error(const datagram_entry& entry) noexcept {
    return entry.data.size() > (entry.peer.family() == family::inet ? 65507 : 65527) ? EMSGSIZE : 0;
}

/// Receives what is there into the entries of a batch, from the first one on. The value is how many it holds then. An error beside that came
/// behind them, and the system will not tell it again; without any it says why there are none, such as EAGAIN.
outcome recv_batch(native_handle handle, family of, batch_block& batch) noexcept;

/// Whether one call receives them all. Not so where there is no such call, or this process is refused it.
bool receives_many() noexcept;
/// The control data that came with a received entry, until the batch is used again. The entry has what they say.
std::span<const std::byte> control_of(const batch_block& batch, std::size_t index, bool& cut) noexcept;

/// An entry with the control data that came with it.
struct entry_with_control {
    datagram_entry entry;
    std::size_t control_size = 0; // bytes
    bool control_cut = false;
    alignas(std::uint64_t) std::byte control[most_control_room];
};

/// Receives one datagram, or one run, into `into.entry.data`, which becomes what was received. The value is 1.
outcome recv_entry(native_handle handle, entry_with_control& into, message_flags flags) noexcept;

/// Notes in an entry what came beside its bytes.
inline void note_control(datagram_entry& entry, std::span<const std::byte> control, bool was_cut) noexcept {
    control_values said;
    parse_control(control, was_cut, said);
    if (said.packet) {
        entry.local = said.packet->local;
        entry.interface_index = said.packet->interface_index;
        entry.to_many = said.packet->to_many;
    }
    if (said.traffic_class)
        entry.ecn = static_cast<ecn>(*said.traffic_class & 3);
    if (said.time)
        entry.time = *said.time;
    if (said.segment_size && *said.segment_size < entry.data.size())
        entry.segment_size = *said.segment_size;
}

/// Sends entries of a batch, from `first` on. The value is how many went out, at least one; an error is that of `first`. It stops where about
/// `room` bytes have been sent, which it counts down, and in front of an entry
/// with segments if there is no `segmentation`, or they are too many.
outcome send_batch(native_handle handle, family of, batch_block& batch, std::size_t first, std::size_t& room,
                   bool segmentation) noexcept;

/// Sends segments of one entry, from the one that begins at `offset` on, each by itself. The value is how many bytes went out, at least one
/// segment; an error is that of the first.
outcome send_segments(native_handle handle, family of, batch_block& batch, std::size_t index,
                      std::size_t offset) noexcept;

/// What a datagram costs beside its bytes, in bytes that are copied in the same time.
inline constexpr std::size_t cost_of_datagram = 512;

/// The same for a whole entry, to be taken from `room`.
inline void charge(std::size_t& room, std::size_t bytes) noexcept {
    const std::size_t cost = bytes + cost_of_datagram;
    room -= cost < room ? cost : room;
}

} // namespace coax::os

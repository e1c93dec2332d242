// Many datagrams on Windows: one call for each. What comes beside the bytes takes WSARecvMsg, and is not asked for.
#include "os/native.hpp"

#include <algorithm>

#include "os/datagrams.hpp"

namespace coax::os {

const std::size_t batch_header_size = 0;
const bool has_segmentation = false;

void prepare_batch(batch_block&) noexcept {}
bool receives_many() noexcept { return false; }
std::span<const std::byte> control_of(const batch_block&, std::size_t, bool& cut) noexcept {
    cut = false;
    return {};
}

namespace {

outcome receive_one(native_handle handle, datagram_entry& into, message_flags flags) noexcept {
    const std::span<std::byte> room = into.data;
    address peer;
    bool truncated = false;
    const outcome received = recvfrom(handle, room.data(), room.size(), flags, peer, truncated);
    if (received.error != 0)
        return received;
    into = datagram_entry();
    into.data = room.first(static_cast<std::size_t>(received.value));
    into.peer = peer;
    into.truncated = truncated;
    return {1, 0};
}

} // namespace

outcome recv_entry(native_handle handle, entry_with_control& into, message_flags flags) noexcept {
    into.control_size = 0;
    return receive_one(handle, into.entry, flags);
}

outcome recv_batch(native_handle handle, family, batch_block& batch) noexcept {
    outcome received;
    batch.size = 0;
    for (; batch.size < batch.capacity; ++batch.size) {
        datagram_entry& entry = batch.entries[batch.size];
        entry.data = {batch.buffer(batch.size), batch.entry_size};
        received.error = receive_one(handle, entry, message_flags::none).error;
        if (received.error != 0)
            break;
    }
    received.value = static_cast<std::int64_t>(batch.size);
    return received;
}

namespace {

int send_one(native_handle handle, const datagram_entry& entry, std::span<std::byte> data) noexcept {
    if (!entry.local.is_unnamed()) // received ones have none
        return EOPNOTSUPP;
    return entry.peer.is_unnamed() ? send(handle, data.data(), data.size(), message_flags::none).error
                                   : sendto(handle, data.data(), data.size(), message_flags::none, entry.peer).error;
}

} // namespace

outcome send_batch(native_handle handle, family, batch_block& batch, std::size_t first, std::size_t& room,
                   bool) noexcept {
    std::size_t next = first;
    for (; next < batch.size && room != 0; ++next) {
        const datagram_entry& entry = batch.entries[next];
        const int error = has_segments(entry) ? EOPNOTSUPP : send_one(handle, entry, entry.data);
        if (error != 0 && next == first)
            return {-1, error};
        if (error != 0)
            break;
        charge(room, entry.data.size());
    }
    return {static_cast<std::int64_t>(next - first), 0};
}

outcome send_segments(native_handle handle, family, batch_block& batch, std::size_t index,
                      std::size_t offset) noexcept {
    const datagram_entry& entry = batch.entries[index];
    if (const int error = segments_error(entry))
        return {-1, error};
    const std::size_t size = std::min<std::size_t>(entry.data.size() - offset, entry.segment_size);
    const int error = send_one(handle, entry, entry.data.subspan(offset, size));
    return {static_cast<std::int64_t>(size), error};
}

} // namespace coax::os

// Many datagrams at once on POSIX systems: recvmmsg(2) and sendmmsg(2), or one recvmsg(2) and sendmsg(2) for each.
#include "os/native.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "os/address.hpp"
#include "os/control.hpp"
#include "os/datagrams.hpp"
#include "os/extensions.hpp"
#include "os/posix_at_once.hpp"

namespace coax::os {

namespace {

#ifdef COAX_LINUX_EXTENSIONS
using message = mmsghdr;
constexpr bool has_many_calls = true;
#else
struct message {
    msghdr msg_hdr;
    unsigned msg_len;
};
constexpr bool has_many_calls = false;
#endif

/// Where the control data of one message are: all that a receive may be asked for, and all that a send says.
struct alignas(cmsghdr) control_area {
    std::byte bytes[most_control_room];
};

/// What stands at `batch_block::native`: an array of each.
struct native_batch {
    explicit native_batch(const batch_block& batch) noexcept
        : messages(static_cast<message*>(batch.native)),
          pieces(static_cast<iovec*>(static_cast<void*>(messages + batch.capacity))),
          controls(static_cast<control_area*>(static_cast<void*>(pieces + batch.capacity))) {}

    message* messages;
    iovec* pieces;
    control_area* controls;
};

/// A header for what is received into this entry.
void prepare_receive(msghdr& header, iovec& piece, control_area& control, datagram_entry& entry,
                     std::span<std::byte> into) noexcept {
    piece = {into.data(), into.size()};
    header.msg_name = detail::native_address::storage(entry.peer);
    header.msg_namelen = static_cast<socklen_t>(detail::native_address::capacity);
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    header.msg_flags = 0;
}

/// Notes what was received.
void take_in(datagram_entry& entry, const msghdr& header, std::span<std::byte> data) noexcept {
    entry.data = data;
    entry.time = {};
    entry.error.clear();
    entry.interface_index = 0;
    entry.segment_size = 0;
    entry.ecn = ecn::not_capable;
    entry.truncated = (header.msg_flags & MSG_TRUNC) != 0;
    entry.to_many = false;
    commit_reported(entry.peer, header.msg_namelen);
    if (!entry.local.is_unnamed())
        entry.local = {};
    if (header.msg_controllen != 0)
        note_control(entry, {static_cast<const std::byte*>(header.msg_control), header.msg_controllen},
                     (header.msg_flags & MSG_CTRUNC) != 0);
}

#ifdef COAX_LINUX_EXTENSIONS
int receive_call(native_handle handle, message* messages, unsigned count, int flags) noexcept {
    return ::recvmmsg(handle, messages, count, flags, nullptr);
}
int send_call(native_handle handle, message* messages, unsigned count, int flags) noexcept {
    return ::sendmmsg(handle, messages, count, flags);
}

template <auto Call>
std::atomic<bool> is_refused{false};

/// One call for many messages; nothing is moved (EAGAIN is not meant) where the process is refused it, as old kernels and filters (seccomp)
/// do. A firewall or the network may give the same errors for a single message: the call is made once more, of a handle that is none.
template <auto Call>
outcome move_many(native_handle handle, message* messages, std::size_t count, int flags, bool& refused) noexcept {
    refused = is_refused<Call>.load(std::memory_order_relaxed);
    if (refused)
        return {};
    const outcome moved = retried([=] { return Call(handle, messages, static_cast<unsigned>(limited(count)), flags); });
    if (moved.error == ENOSYS || moved.error == EPERM || moved.error == EACCES) {
        refused = Call(-1, messages, 0, flags) == -1 && errno == moved.error;
        is_refused<Call>.store(refused, std::memory_order_relaxed);
    }
    return moved;
}
#endif

/// Receives into as many of the messages as there are datagrams. The value is how many, with an error that came behind them.
outcome receive_messages(native_handle handle, message* messages, std::size_t count, int flags) noexcept {
#ifdef COAX_LINUX_EXTENSIONS
    bool refused = false;
    const outcome received = move_many<&receive_call>(handle, messages, count, flags, refused);
    if (!refused)
        return received;
#endif
    for (std::size_t done = 0; done < count; ++done) {
        const outcome one = retried([&] { return ::recvmsg(handle, &messages[done].msg_hdr, flags); });
        if (one.error != 0)
            return {static_cast<std::int64_t>(done), one.error};
        messages[done].msg_len = static_cast<unsigned>(one.value);
    }
    return {static_cast<std::int64_t>(count), 0};
}

/// Sends the messages in order. The value is how many went out, at least one; an error is that of the first.
outcome send_messages(native_handle handle, message* messages, std::size_t count, int flags) noexcept {
#ifdef COAX_LINUX_EXTENSIONS
    bool refused = count == 1;
    const outcome sent = refused ? outcome() : move_many<&send_call>(handle, messages, count, flags, refused);
    if (!refused)
        return sent;
#endif
    for (std::size_t done = 0; done < count; ++done) {
        const outcome one = retried([&] { return ::sendmsg(handle, &messages[done].msg_hdr, flags); });
        if (one.error != 0)
            return done != 0 ? outcome{static_cast<std::int64_t>(done), 0} : one;
    }
    return {static_cast<std::int64_t>(count), 0};
}

bool says_source(const datagram_entry& entry) noexcept { return !entry.local.is_unnamed() && !entry.to_many; }

/// Says which segments there are, and from where they go out. 0 or an errno value.
int write_control(msghdr& header, family of, control_area& control, const datagram_entry& entry,
                  bool segmented) noexcept {
    control_builder builder(control.bytes);
    int error = segmented ? builder.add_segment_size(entry.segment_size) : 0;
    if (error == 0 && says_source(entry))
        error = builder.add_source(of, packet_info(entry.local, entry.local.scope_id()));
    header.msg_control = control.bytes;
    header.msg_controllen = static_cast<decltype(header.msg_controllen)>(builder.bytes().size());
    return error;
}

/// A header for what this entry sends, without its pieces. 0 or an errno value.
int prepare_send(msghdr& header, family of, control_area& control, const datagram_entry& entry,
                 bool segmented) noexcept {
    if (const int error = usable_error(entry.peer); error != 0)
        return error;
    const bool named = !entry.peer.is_unnamed();
    header.msg_name = named ? const_cast<void*>(detail::native_address::data(entry.peer)) : nullptr;
    header.msg_namelen = named ? static_cast<socklen_t>(detail::native_address::size(entry.peer)) : 0;
    header.msg_iovlen = 1;
    header.msg_control = nullptr;
    header.msg_controllen = 0;
    return segmented || says_source(entry) ? write_control(header, of, control, entry, segmented) : 0;
}

} // namespace

const std::size_t batch_header_size = sizeof(message) + sizeof(iovec) + sizeof(control_area);
const bool has_segmentation = has_many_calls;

void prepare_batch(batch_block& batch) noexcept {
    const native_batch native(batch);
    std::memset(batch.native, 0, batch.capacity * batch_header_size);
    for (std::size_t i = 0; i < batch.capacity; ++i)
        prepare_receive(native.messages[i].msg_hdr, native.pieces[i], native.controls[i], batch.entries[i],
                        {batch.buffer(i), batch.entry_size});
}

outcome recv_batch(native_handle handle, family of, batch_block& batch) noexcept {
    const native_batch native(batch);
    for (std::size_t i = 0; i < batch.written; ++i)
        prepare_receive(native.messages[i].msg_hdr, native.pieces[i], native.controls[i], batch.entries[i],
                        {batch.buffer(i), batch.entry_size});
    batch.written = 0;
    if (of == family::local) // descriptors may come that way, for which nobody has asked: the system lets go of them
        for (std::size_t i = 0; i < batch.capacity; ++i)
            native.messages[i].msg_hdr.msg_controllen = 0;
    const outcome received = receive_messages(handle, native.messages, batch.capacity, at_once(message_flags::none));
    const auto count = received.value > 0 ? static_cast<std::size_t>(received.value) : 0;
    for (std::size_t i = 0; i < count; ++i)
        take_in(batch.entries[i], native.messages[i].msg_hdr, {batch.buffer(i), native.messages[i].msg_len});
    batch.size = count;
    batch.written = of == family::local ? batch.capacity : count;
    return received;
}

bool receives_many() noexcept {
#ifdef COAX_LINUX_EXTENSIONS
    return !is_refused<&receive_call>.load(std::memory_order_relaxed);
#else
    return false;
#endif
}

std::span<const std::byte> control_of(const batch_block& batch, std::size_t index, bool& cut) noexcept {
    const msghdr& header = native_batch(batch).messages[index].msg_hdr;
    cut = (header.msg_flags & MSG_CTRUNC) != 0;
    return {static_cast<const std::byte*>(header.msg_control), header.msg_controllen};
}

outcome recv_entry(native_handle handle, entry_with_control& into, message_flags flags) noexcept {
    static_assert(sizeof into.control == sizeof(control_area) && alignof(entry_with_control) >= alignof(control_area));
    iovec piece;
    msghdr header{};
    const std::span<std::byte> room = into.entry.data;
    prepare_receive(header, piece, *new (into.control) control_area, into.entry, room);
    const outcome received = retried([&] { return ::recvmsg(handle, &header, at_once(flags)); });
    if (received.error != 0)
        return received;
    take_in(into.entry, header, room.first(static_cast<std::size_t>(received.value)));
    into.control_size = header.msg_controllen;
    into.control_cut = (header.msg_flags & MSG_CTRUNC) != 0;
    return {1, 0};
}

outcome send_batch(native_handle handle, family of, batch_block& batch, std::size_t first, std::size_t& room,
                   bool segmentation) noexcept {
    // More are not worth it: they are prepared again if one of them fails.
    constexpr std::size_t most_at_once = 128;
    const native_batch native(batch);
    const std::size_t end = first + std::min(batch.size - first, most_at_once);
    std::size_t last = first;
    for (std::size_t left = room; last < end && left != 0; ++last) {
        int error = 0;
        const datagram_entry& entry = batch.entries[last];
        const bool segmented = has_segments(entry);
        if (segmented && !(segmentation && is_segmented_at_once(entry)))
            error = EOPNOTSUPP;
        else
            error = prepare_send(native.messages[last].msg_hdr, of, native.controls[last], entry, segmented);
        if (error != 0 && last == first)
            return {-1, error};
        if (error != 0)
            break;
        native.pieces[last] = {entry.data.data(), entry.data.size()};
        charge(left, entry.data.size());
    }
    batch.written = std::max(batch.written, last);
    const outcome sent = send_messages(handle, native.messages + first, last - first, at_once(message_flags::none));
    for (std::size_t i = 0; sent.error == 0 && i < static_cast<std::size_t>(sent.value); ++i)
        charge(room, batch.entries[first + i].data.size());
    return sent;
}

outcome send_segments(native_handle handle, family of, batch_block& batch, std::size_t index,
                      std::size_t offset) noexcept {
    const datagram_entry& entry = batch.entries[index];
    if (const int error = segments_error(entry))
        return {-1, error};
    const native_batch native(batch);
    msghdr header{};
    if (const int error = prepare_send(header, of, native.controls[index], entry, false))
        return {-1, error};
    message messages[most_segments];
    iovec pieces[most_segments];
    std::size_t count = 0;
    for (std::span<std::byte> rest = entry.data.subspan(offset); !rest.empty() && count < most_segments; ++count) {
        const std::size_t size = std::min<std::size_t>(rest.size(), entry.segment_size);
        pieces[count] = {rest.data(), size};
        messages[count] = {header, 0};
        messages[count].msg_hdr.msg_iov = &pieces[count];
        rest = rest.subspan(size);
    }
    const outcome sent = send_messages(handle, messages, count, at_once(message_flags::none));
    if (sent.error != 0)
        return sent;
    const std::size_t bytes = static_cast<std::size_t>(sent.value) * entry.segment_size;
    return {static_cast<std::int64_t>(std::min(bytes, entry.data.size() - offset)), 0};
}

} // namespace coax::os

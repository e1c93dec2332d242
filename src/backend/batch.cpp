#include "backend/batch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <coax/error.hpp>

#include "backend/backend.hpp"
#include "os/datagrams.hpp"

namespace coax::backend {

using detail::batch_block;
using detail::batch_operation;
using detail::descriptor;
using detail::lease;

namespace {

/// The most that a batch sends in one step, in bytes; a datagram that the system cuts out of a run costs much less than what a stream sends.
constexpr std::size_t batch_step_limit = 2 * step_limit;

/// What the system says of a segmentation that it cannot do. It says the same of other things, and some of it of this entry only: on the way
/// to this peer its segments are too long (EMSGSIZE, EINVAL before Linux 6.14).
bool may_refuse_segments(int error) noexcept {
    switch (error) {
    case EIO:
    case EINVAL:
    case EMSGSIZE:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPERM:
    case EACCES:
        return true;
    default:
        return false;
    }
}

/// Of such an error: whether it holds for segments of every length, and not only for those that are too long for some link.
bool refuses_all_segments(int error, std::size_t segment_size) noexcept {
    constexpr std::size_t fits_every_link = 1200; // IPv6 promises links of 1280 bytes (RFC 8200 §5)
    return error != EMSGSIZE && (error != EINVAL || segment_size <= fits_every_link);
}

bool can_segment(const descriptor& d) noexcept {
    return os::has_segmentation && !d.refuses_segments && d.family != family::local;
}

/// Segments of the entry whose turn it is, each by itself. 0 or an errno value.
int send_segments(batch_operation& op, std::size_t& room) noexcept {
    descriptor& d = *op.target;
    const datagram_entry& entry = op.batch->entries[op.next];
    const os::outcome sent = os::send_segments(d.handle, d.family, *op.batch, op.next, op.offset);
    if (sent.error != 0)
        return sent.error;
    const auto bytes = static_cast<std::size_t>(sent.value);
    os::charge(room, bytes + bytes / entry.segment_size * os::cost_of_datagram);
    op.offset += bytes;
    if (op.offset == entry.data.size()) {
        op.offset = 0;
        ++op.next;
        ++op.transferred;
    }
    return 0;
}

/// Entries from the one whose turn it is on. 0, or the errno value that the first of them has.
int send_some(batch_operation& op, std::size_t& room) noexcept {
    descriptor& d = *op.target;
    datagram_entry& entry = op.batch->entries[op.next];
    const bool many = os::has_segments(entry);
    if (op.offset != 0 || (many && !(can_segment(d) && os::is_segmented_at_once(entry))))
        return send_segments(op, room);
    const os::outcome sent = os::send_batch(d.handle, d.family, *op.batch, op.next, room, can_segment(d));
    if (many && may_refuse_segments(sent.error)) {
        const int error = send_segments(op, room);
        d.refuses_segments = d.refuses_segments || (error == 0 && refuses_all_segments(sent.error, entry.segment_size));
        return error;
    }
    if (sent.error == 0) {
        op.next += static_cast<std::size_t>(sent.value);
        op.transferred += static_cast<std::size_t>(sent.value);
    }
    return sent.error;
}

/// A run, or a datagram, into a block of its own and then into the inbox. 0 or an errno value.
int keep_run(descriptor& d, buffer_pool& pool) noexcept {
    using details = os::entry_with_control;
    constexpr std::size_t details_at =
        (datagram_batch::largest_run + alignof(details)) / alignof(details) * alignof(details);
    if (!d.make_room_to_keep())
        return ENOMEM;
    detail::buffer_block* const block = pool.take_heap(details_at + sizeof(details));
    if (block == nullptr)
        return ENOMEM;
    lease run(0, block, block->data, 0);
    auto* const received = new (block->data + details_at) details;
    const datagram_entry& entry = received->entry;
    received->entry.data = {block->data, datagram_batch::largest_run};
    if (const int error = os::recv_entry(d.handle, *received, message_flags::none).error; error != 0)
        return error;
    run.order = d.next_order();
    run.size = entry.data.size();
    run.truncated = entry.truncated;
    run.peer = entry.peer;
    run.details = &entry;
    run.said = std::span(received->control).first(received->control_size);
    run.control_cut = received->control_cut;
    d.keep(std::move(run));
    return 0;
}

/// Into entries that would cut a run short: what is there goes through the inbox.
progress receive_runs(batch_operation& op, buffer_pool& pool) noexcept {
    int error = 0;
    do {
        error = keep_run(*op.target, pool);
        if (error == 0)
            take_kept(op);
    } while (error == 0 && op.transferred < op.batch->capacity);
    op.emptied = would_block(error);
    if (op.transferred == 0 && op.emptied)
        return progress::would_block;
    if (op.transferred == 0)
        op.error = error;
    else if (error != 0 && !would_block(error))
        op.target->keep_error(error);
    return progress::ended;
}

} // namespace

progress receive_batch(batch_operation& op, buffer_pool& pool) noexcept {
    descriptor& d = *op.target;
    progress made = progress::ended;
    if (d.receives_runs && op.batch->entry_size < datagram_batch::largest_run) [[unlikely]] {
        made = receive_runs(op, pool);
    } else {
        const os::outcome received = os::recv_batch(d.handle, d.family, *op.batch);
        op.transferred = op.batch->size;
        op.emptied = received.error == 0 ? op.transferred < op.batch->capacity : would_block(received.error);
        if (received.error != 0 && op.transferred == 0) {
            made = would_block(received.error) ? progress::would_block : progress::ended;
            op.error = made == progress::ended ? received.error : 0;
        } else if (received.error != 0 && !would_block(received.error)) {
            d.keep_error(received.error);
        }
    }
    if (made == progress::would_block && d.input_ended) {
        op.ended = true;
        return progress::ended;
    }
    return made;
}

progress send_batch(batch_operation& op) noexcept {
    std::size_t room = batch_step_limit;
    op.lacks_memory = false;
    while (op.next != op.batch->size) {
        if (room == 0) {
            note_progress(op);
            return progress::paused;
        }
        const int error = send_some(op, room);
        if (would_block(error))
            return progress::would_block;
        if (error == ENOBUFS) {
            op.lacks_memory = true;
            return progress::would_block;
        }
        if (error != 0) {
            op.batch->entries[op.next++].error = detail::system_error(error);
            op.offset = 0;
        }
    }
    return progress::ended;
}

progress receive_of_run(operation& op, buffer_pool& pool) noexcept {
    descriptor& d = *op.target;
    const int error = keep_run(d, pool);
    if (error == 0) {
        serve_kept(op, pool);
        return progress::ended;
    }
    if (!would_block(error)) {
        op.error = error;
        return progress::ended;
    }
    op.ended = d.input_ended;
    return d.input_ended ? progress::ended : progress::would_block;
}

void take_kept(batch_operation& op) noexcept {
    batch_block& batch = *op.batch;
    detail::ordered_queue<lease>& kept = op.target->kept().bytes;
    for (; op.transferred < batch.capacity && !kept.empty(); ++op.transferred) {
        lease& oldest = kept.front();
        if (op.transferred == 0)
            op.order = oldest.order;
        // All of it, or as many whole segments as there is room for.
        std::size_t taken = oldest.size;
        const std::size_t segment = oldest.segment_size();
        if (segment != 0 && taken > batch.entry_size)
            taken = std::min(taken, std::max<std::size_t>(batch.entry_size / segment, 1) * segment);
        datagram_entry& entry = batch.entries[op.transferred];
        entry = oldest.details != nullptr ? *oldest.details : datagram_entry();
        entry.data = {batch.buffer(op.transferred), std::min(taken, batch.entry_size)};
        entry.peer = oldest.peer;
        entry.truncated = oldest.truncated || taken > batch.entry_size;
        if (oldest.control != nullptr) // of a receive that took it and was destroyed
            os::note_control(entry, oldest.control->bytes, oldest.control->cut);
        entry.segment_size = taken > segment ? entry.segment_size : std::uint16_t{0};
        if (!entry.data.empty())
            std::memcpy(entry.data.data(), oldest.data, entry.data.size());
        if (taken == oldest.size)
            kept.take();
        else
            oldest.consume(taken);
    }
    batch.size = op.transferred;
    batch.written = std::max(batch.written, batch.size);
}

void note_unsent(batch_operation& op, const std::error_code& why) noexcept {
    for (; op.next < op.batch->size; ++op.next)
        op.batch->entries[op.next].error = why;
}

} // namespace coax::backend

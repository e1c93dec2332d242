// What is submitted for each operation. A new opcode is one case of `prepare`.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <span>

#include <poll.h>
#include <sys/socket.h>

#include "backend/attempt.hpp"
#include "backend/batch.hpp"
#include "backend/message_control.hpp"
#include "backend/operation_table.hpp"
#include "backend/read_ahead.hpp"
#include "backend/uring/uring_backend.hpp"
#include "backend/uring/uring_state.hpp"
#include "os/address.hpp"
#include "os/control.hpp"
#include "os/posix_iovec.hpp"
#include "os/socket.hpp"

namespace coax::backend {

using detail::accepting_operation;
using detail::addressed_operation;
using detail::message_operation;
using detail::native_address;
using detail::sending_message_operation;
using detail::vector_operation;

static_assert(sizeof(msghdr) + sizeof(iovec) <= message_operation::header_size);

namespace {

// Flags of an accept, in `ioprio`, that are newer than liburing 2.3 (Linux 6.10).
constexpr __u16 accept_poll_first = 1U << 2;

const sockaddr* native(const address& a) noexcept { return static_cast<const sockaddr*>(native_address::data(a)); }
socklen_t native_size(const address& a) noexcept { return static_cast<socklen_t>(native_address::size(a)); }

/// How much of it one submission carries. A stream's share is bounded, so that one large transfer does not stop everybody else.
std::size_t share(const operation& op, std::size_t size) noexcept {
    return std::min(size, op.target->kind == kind::stream ? step_limit : os::most_bytes);
}

/// Writes the message header of a receive, with room for the sender's address.
msghdr* receive_header(message_operation& op, void* data) noexcept {
    auto* header = new (op.header) msghdr{};
    auto* piece = new (op.header + sizeof(msghdr)) iovec{data, share(op, op.buffer.size)};
    header->msg_iov = piece;
    header->msg_iovlen = 1;
    header->msg_name = native_address::storage(op.peer);
    header->msg_namelen = static_cast<socklen_t>(native_address::capacity);
    if (traits_of(op.code).control) {
        const std::span<std::byte> room = static_cast<receiving_message_operation&>(op).room();
        header->msg_control = room.data();
        header->msg_controllen = room.size();
    }
    return header;
}

void prepare_send(const operation& op, io_uring_sqe& sqe, detail::buffer_view bytes, int flags) noexcept {
    ::io_uring_prep_send(&sqe, op.target->handle, bytes.data, share(op, bytes.size), flags);
}

void prepare_pieces(vector_operation& op, io_uring_sqe& sqe, int flags) noexcept {
    std::size_t count = std::min<std::size_t>(op.count, IOV_MAX);
    if (op.target->kind == kind::stream) {
        if (op.pieces->size >= step_limit) {
            prepare_send(op, sqe, *op.pieces, flags);
            return;
        }
        std::size_t size = 0;
        std::size_t within = 0;
        while (within < count && size + op.pieces[within].size <= step_limit)
            size += op.pieces[within++].size;
        count = within;
    }
    auto* header = new (op.header) msghdr{};
    header->msg_iov = os::as_iovec(op.pieces);
    header->msg_iovlen = count;
    ::io_uring_prep_sendmsg(&sqe, op.target->handle, header, static_cast<unsigned>(flags));
}

/// Control data go out with the first byte, so with what is submitted first.
void prepare_message(sending_message_operation& op, io_uring_sqe& sqe, int flags) noexcept {
    auto* header = new (op.header) msghdr{};
    auto* first = new (op.header + sizeof(msghdr)) detail::buffer_view{};
    const std::size_t most = op.target->kind == kind::stream ? step_limit : os::most_bytes;
    const std::span<const detail::buffer_view> pieces = pieces_within(op, most, *first);
    header->msg_iov = os::as_iovec(const_cast<detail::buffer_view*>(pieces.data()));
    header->msg_iovlen = pieces.size();
    if (!op.peer.is_unnamed()) {
        header->msg_name = const_cast<sockaddr*>(native(op.peer));
        header->msg_namelen = native_size(op.peer);
    }
    if (const std::span<std::byte> control = op.control(); !control.empty()) {
        header->msg_control = control.data();
        header->msg_controllen = control.size();
    }
    ::io_uring_prep_sendmsg(&sqe, op.target->handle, header, static_cast<unsigned>(flags));
}

/// Whether the kernel's choice of a buffer would cut it short: a datagram for which the pool's buffers are too small, or a look at more
/// than one of them holds.
bool outgrows_pool(const operation& op, std::size_t buffer_size) noexcept {
    return traits_of(op.code).pooled && op.buffer.size > buffer_size &&
           (op.target->kind == kind::datagram || contains(op.flags, message_flags::peek));
}

/// Of those who wait inside of an accept the kernel wakes one for each connection: where that one is asked to end in the same moment, the
/// others sleep on. Who waits for readiness takes nothing from anybody.
bool is_one_of_several_acceptors(const operation& op) noexcept {
    return op.code == opcode::accept && op.target->may_have_duplicates();
}

/// Whether the kernel is only to say when the socket is ready.
bool only_calls(const operation& op, std::size_t buffer_size) noexcept {
    return outgrows_pool(op, buffer_size) || is_batch(op) || is_one_of_several_acceptors(op) ||
           (op.target->receives_runs && traits_of(op.code).what == moves::bytes_in);
}

/// Bytes of a stream, in or out, and nothing else to think of: no operation is more frequent.
bool is_plain(const operation& op) noexcept {
    descriptor& d = *op.target;
    constexpr unsigned plain =
        1U << static_cast<unsigned>(opcode::recv) | 1U << static_cast<unsigned>(opcode::recv_pooled) |
        1U << static_cast<unsigned>(opcode::send) | 1U << static_cast<unsigned>(opcode::send_vector);
    return (plain >> static_cast<unsigned>(op.code) & 1U) != 0 && d.kind == kind::stream && !d.has_low_water_mark &&
           !uring_of(d).in_bulk && op.flags == message_flags::none && !submission_of(op).awaits_ready;
}

/// Whether plain bytes that are sent are no more than others have to wait for in one turn.
bool is_one_step(const operation& op) noexcept {
    if (op.code != opcode::send_vector)
        return op.buffer.size <= step_limit;
    const auto& pieces = static_cast<const vector_operation&>(op);
    std::size_t size = 0;
    for (std::size_t i = 0; i != pieces.count && size <= step_limit; ++i)
        size += pieces.pieces[i].size;
    return size <= step_limit;
}

/// A receive for so much that a block of its own is worth it. Of urgent data readiness says nothing.
bool is_bulk(const operation& op, std::size_t least) noexcept {
    return traits_of(op.code).pooled && op.buffer.size >= least && !contains(op.flags, message_flags::out_of_band);
}

/// An error that shows without a call: 0 or an errno value.
int obvious_error(const operation& op) noexcept {
    if (op.target->kind == kind::datagram && !reads(op) && op.buffer.size > os::most_bytes)
        return EMSGSIZE;
    if (op.target->kind == kind::datagram && op.code == opcode::send_vector &&
        static_cast<const vector_operation&>(op).count > IOV_MAX)
        return EMSGSIZE;
    return traits_of(op.code).names ? os::usable_error(static_cast<const addressed_operation&>(op).peer) : 0;
}

} // namespace

/// Whether a direct call comes before any submission. A listener that has more connections would be slow with one of them for each turn of
/// the loop, and more than are asked for must not be taken: others may accept from it too.
bool uring_backend::tries_first(const operation& op) noexcept {
    descriptor& d = *op.target;
    switch (traits_of(op.code).what) {
    case moves::bytes_out: // a datagram goes out at once, or is lost
        return d.kind == kind::datagram && d.family != family::local && !submission_of(op).awaits_ready;
    case moves::nothing: // a connect on a UNIX path never waits, but for room in the backlog, which is not reported
        return d.family == family::local;
    case moves::connection_in:
        // Of a shared one readiness is waited for, and none is reported of what does not listen.
        return d.may_have_duplicates() || !uring_of(d).backlog_drained;
    case moves::datagrams_out:
        return !submission_of(op).awaits_ready;
    case moves::datagrams_in:
        return d.input_ended || !(uring_of(d).drained || submission_of(op).awaits_ready);
    case moves::bytes_in:
        break;
    }
    if (waits_by_the_clock(op))
        return true;
    if (d.input_ended && d.kind == kind::datagram)
        return true; // the system does not tell that nothing more will come
    if (uring_of(d).drained)
        return false;
    // What is there is more than the last receive had room for.
    const bool many = uring_of(d).in_bulk && is_bulk(op, pool().size());
    return many || only_calls(op, pool().size()) || may_read_ahead(op);
}

/// If a receive was served by a direct call: is there more?
void uring_backend::note_direct(const operation& op) noexcept {
    uring_state& state = uring_of(*op.target);
    if (!reads(op) || op.code == opcode::accept || contains(op.flags, message_flags::out_of_band))
        return;
    if (op.target->kind == kind::stream) {
        state.drained = op.transferred < share(op, op.buffer.size) && !contains(op.flags, message_flags::peek);
        state.in_bulk = op.transferred >= pool().size();
    } else {
        state.drained = took_all(op);
        state.misses = 0;
        state.until_try = 0;
    }
}

inline void uring_backend::begin(operation& op) noexcept {
    submission_state& submission = submission_of(op);
    io_uring_sqe& sqe = ring_.next();
    prepare(op, sqe);
    submission.generation = ++generation_;
    ::io_uring_sqe_set_data64(&sqe, key_of(op));
    submission.in_kernel = true;
    submission.stop_asked = false;
    ++uring_of(*op.target).in_kernel;
}

/// Where nobody else sends in this turn a submission is dearer than the call, which saves an enter of the ring.
inline bool uring_backend::send_alone(operation& op) noexcept {
    if (!quiet_ || reads(op))
        return false;
    quiet_ = false;
    return is_one_step(op) && attempt(op, pool()) == progress::ended;
}

bool uring_backend::start(operation& op) noexcept {
    if (!is_plain(op))
        return start_special(op);
    op.error = 0;
    if (send_alone(op))
        return true;
    begin(op);
    return false;
}

bool uring_backend::start_special(operation& op) noexcept {
    descriptor& d = *op.target;
    quiet_ = quiet_ && reads(op);
    submission_state& submission = submission_of(op);
    op.error = obvious_error(op);
    if (op.error != 0)
        return true;
    if (tries_first(op)) {
        if (attempt(op, pool()) == progress::ended) {
            note_direct(op);
            return true;
        }
        if (waits_by_the_clock(op))
            return !try_by_the_clock(op);
        if (may_read_ahead(op))
            note_miss(uring_of(d));
        else if (reads(op))
            (op.code == opcode::accept ? uring_of(d).backlog_drained : uring_of(d).drained) = true;
    }
    // A large block takes it without a copy, once it is there.
    const bool bulky = uring_of(d).in_bulk && op.block == nullptr && is_bulk(op, pool().size() + 1);
    submission.awaits_ready = submission.awaits_ready || only_calls(op, pool().size()) || bulky;
    begin(op);
    return false;
}

void uring_backend::prepare(operation& op, io_uring_sqe& sqe) noexcept {
    const int handle = op.target->handle;
    const int flags = os::native_message_flags(op.flags);
    if (submission_of(op).awaits_ready) {
        ::io_uring_prep_poll_add(&sqe, handle, reads(op) ? POLLIN : POLLOUT);
        return;
    }
    switch (op.code) {
    case opcode::accept:
        prepare_accept(op, sqe);
        break;
    case opcode::connect: {
        const address& peer = static_cast<addressed_operation&>(op).peer;
        ::io_uring_prep_connect(&sqe, handle, native(peer), native_size(peer));
        break;
    }
    case opcode::recv:
    case opcode::recv_pooled:
    case opcode::recvfrom:
    case opcode::recvfrom_pooled:
    case opcode::recvmsg:
    case opcode::recvmsg_pooled:
        prepare_receive(op, sqe);
        break;
    case opcode::send:
        prepare_send(op, sqe, op.buffer, flags);
        break;
    case opcode::sendto: {
        const address& peer = static_cast<addressed_operation&>(op).peer;
        // Where the peer's queue is full the kernel is not to wait: it would be told again and again that there is room to send.
        prepare_send(op, sqe, op.buffer, flags | (waits_by_the_clock(op) ? MSG_DONTWAIT : 0));
        ::io_uring_prep_send_set_addr(&sqe, native(peer), static_cast<__u16>(native_size(peer)));
        break;
    }
    case opcode::send_vector:
        prepare_pieces(static_cast<vector_operation&>(op), sqe, flags);
        break;
    case opcode::sendmsg:
        prepare_message(static_cast<sending_message_operation&>(op), sqe,
                        flags | (waits_by_the_clock(op) ? MSG_DONTWAIT : 0));
        break;
    case opcode::recv_batch:
    case opcode::send_batch:
        break; // they only await readiness
    }
}

void uring_backend::prepare_accept(operation& op, io_uring_sqe& sqe) noexcept {
    submission_state& submission = submission_of(op);
    submission.peer_size = static_cast<socklen_t>(native_address::capacity);
    auto* const storage = static_cast<sockaddr*>(native_address::storage(static_cast<accepting_operation&>(op).peer));
    ::io_uring_prep_accept(&sqe, op.target->handle, storage, &submission.peer_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    // A try is wasted where the last call left nothing, and tells of a socket that does not listen that it does not.
    if (accept_hints_ && !submission.plain_accept && uring_of(*op.target).backlog_drained)
        sqe.ioprio |= accept_poll_first;
}

void uring_backend::prepare_receive(operation& op, io_uring_sqe& sqe) noexcept {
    const int handle = op.target->handle;
    // The kernel is never asked to go on until the buffer is full: it would drop the error that stops it behind a part.
    const int flags = (os::native_message_flags(op.flags) & ~MSG_WAITALL) |
                      (traits_of(op.code).control ? os::control_receive_flags : 0);
    const bool select = traits_of(op.code).pooled && op.block == nullptr && op.buffer.size != 0;
    void* into = op.block != nullptr ? op.block->data : op.buffer.data;
    if (traits_of(op.code).sender) {
        ::io_uring_prep_recvmsg(&sqe, handle,
                                receive_header(static_cast<message_operation&>(op), select ? nullptr : into),
                                static_cast<unsigned>(flags));
    } else {
        // Behind what is there already, of a receive that goes on.
        void* const rest = select ? nullptr : static_cast<std::byte*>(into) + op.transferred;
        ::io_uring_prep_recv(&sqe, handle, rest, share(op, op.buffer.size - op.transferred), flags);
    }
    if (select) {
        sqe.flags = static_cast<__u8>(sqe.flags | IOSQE_BUFFER_SELECT);
        sqe.buf_group = buffer_ring::group;
    }
    // A try is wasted on a socket that the last receive emptied, and too early where there have to be more bytes than one. Urgent data are
    // there, or it is an error.
    const bool early = uring_of(*op.target).drained || op.target->has_low_water_mark;
    if (early && !contains(op.flags, message_flags::out_of_band))
        sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
}

} // namespace coax::backend

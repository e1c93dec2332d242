#include "backend/uring/uring_backend.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <new>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "backend/attempt.hpp"
#include "backend/operation_table.hpp"
#include "backend/uring/uring_state.hpp"
#include "os/address.hpp"
#include "os/clock.hpp"
#include "os/socket.hpp"

namespace coax::backend {

using detail::addressed_operation;
using detail::message_operation;
using detail::native_address;
using detail::vector_operation;

static_assert(sizeof(msghdr) + sizeof(iovec) <= message_operation::header_size);
static_assert(sizeof(iovec) == sizeof(detail::buffer_view) &&
              offsetof(iovec, iov_base) == offsetof(detail::buffer_view, data) &&
              offsetof(iovec, iov_len) == offsetof(detail::buffer_view, size));

namespace {

bool is_pooled(const operation& op) noexcept { return traits_of(op.code).pooled; }

/// What one submission can carry: its length has 32 bits, and the kernel moves at most 2 GiB less a page at once.
constexpr std::size_t most_bytes = 0x7ffff000;
std::size_t clamped(std::size_t size) noexcept { return std::min(size, most_bytes); }

const sockaddr* native(const address& a) noexcept { return static_cast<const sockaddr*>(native_address::data(a)); }
socklen_t native_size(const address& a) noexcept { return static_cast<socklen_t>(native_address::size(a)); }

/// Lets the kernel go on by itself after a short send or receive of a stream, unless somebody wants to know that there was one.
int unattended(const descriptor& d) noexcept { return d.kind == kind::stream && !d.watched ? MSG_WAITALL : 0; }

/// Writes the message header of a receive, with room for the sender's address.
msghdr* receive_header(message_operation& op, void* data) noexcept {
    auto* header = new (op.header) msghdr{};
    auto* piece = new (op.header + sizeof(msghdr)) iovec{data, op.buffer.size};
    header->msg_iov = piece;
    header->msg_iovlen = 1;
    header->msg_name = native_address::storage(op.peer);
    header->msg_namelen = static_cast<socklen_t>(native_address::capacity);
    return header;
}

} // namespace

uring_backend::uring_backend(const settings& wanted)
    : backend(buffer_pool::make(wanted.buffer_count, wanted.buffer_size)),
      ring_(wanted.queue_depth, wanted.completion_depth), buffers_(ring_.native(), pool()) {}

uring_backend::~uring_backend() = default;

std::int64_t uring_backend::now() noexcept { return os::monotonic_now(); }

std::uint64_t uring_backend::key_of(const operation& op) noexcept {
    const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&op));
    assert(address >> generation_shift == 0);
    return address | static_cast<std::uint64_t>(submission_of(op).generation) << generation_shift |
           static_cast<std::uint64_t>(tag::operation);
}

std::uint64_t uring_backend::key_of(const descriptor& listener) noexcept {
    return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&listener)) |
           static_cast<std::uint64_t>(tag::accept);
}

bool uring_backend::start(operation& op) noexcept {
    if (op.code == opcode::accept) {
        return start_accept(op);
    }
    if (op.code == opcode::recv_pooled && op.block == nullptr && (op.buffer.size > pool().size() || fills_buffer(op))) {
        op.block = pool().take_heap(op.buffer.size);
        if (op.block == nullptr) {
            op.error = ENOMEM;
            return true;
        }
    }
    // To select a buffer for no bytes would mean all of it.
    const bool outside = op.buffer.size > pool().size() || op.buffer.size == 0;
    if (op.code == opcode::recvfrom_pooled && op.block == nullptr && outside) {
        op.block = pool().take_heap(op.buffer.size);
        if (op.block == nullptr) {
            op.error = ENOMEM;
            return true;
        }
    }
    if (op.target->kind == kind::datagram && !reads(op) && op.buffer.size > most_bytes) {
        op.error = EMSGSIZE;
        return true;
    }
    if (op.code == opcode::connect || op.code == opcode::sendto) {
        op.error = os::usable_error(static_cast<addressed_operation&>(op).peer);
        if (op.error != 0)
            return true;
    }
    io_uring_sqe& sqe = ring_.next();
    prepare(op, sqe);
    submission_of(op).generation = ++generation_;
    ::io_uring_sqe_set_data64(&sqe, key_of(op));
    submission_of(op).in_kernel = true;
    submission_of(op).stop_asked = false;
    ++uring_of(*op.target).in_kernel;
    return false;
}

void uring_backend::prepare(operation& op, io_uring_sqe& sqe) noexcept {
    const int handle = op.target->handle;
    const int flags = os::native_message_flags(op.flags);
    switch (op.code) {
    case opcode::connect: {
        const address& peer = static_cast<addressed_operation&>(op).peer;
        ::io_uring_prep_connect(&sqe, handle, native(peer), native_size(peer));
        break;
    }
    case opcode::send:
        ::io_uring_prep_send(&sqe, handle, op.buffer.data, clamped(op.buffer.size),
                             flags | (op.whole ? unattended(*op.target) : 0));
        break;
    case opcode::sendto: {
        const address& peer = static_cast<addressed_operation&>(op).peer;
        ::io_uring_prep_send(&sqe, handle, op.buffer.data, clamped(op.buffer.size), flags);
        ::io_uring_prep_send_set_addr(&sqe, native(peer), static_cast<__u16>(native_size(peer)));
        break;
    }
    case opcode::send_vector: {
        auto& pieces = static_cast<vector_operation&>(op);
        auto* header = new (pieces.header) msghdr{};
        header->msg_iov = reinterpret_cast<iovec*>(pieces.pieces);
        header->msg_iovlen = std::min<std::size_t>(pieces.count, IOV_MAX);
        ::io_uring_prep_sendmsg(&sqe, handle, header, static_cast<unsigned>(flags | unattended(*op.target)));
        break;
    }
    default:
        prepare_receive(op, sqe);
    }
}

void uring_backend::prepare_receive(operation& op, io_uring_sqe& sqe) noexcept {
    const int handle = op.target->handle;
    int flags = os::native_message_flags(op.flags);
    if (!fills_buffer(op) || unattended(*op.target) == 0)
        flags &= ~MSG_WAITALL;
    const bool select = is_pooled(op) && op.block == nullptr;
    void* into = op.block != nullptr ? op.block->data : op.buffer.data;
    if (op.code == opcode::recv || op.code == opcode::recv_pooled) // behind what was kept, if a part was
        ::io_uring_prep_recv(&sqe, handle, select ? nullptr : static_cast<std::byte*>(into) + op.transferred,
                             clamped(op.buffer.size - op.transferred), flags);
    else
        ::io_uring_prep_recvmsg(&sqe, handle,
                                receive_header(static_cast<message_operation&>(op), select ? nullptr : into),
                                static_cast<unsigned>(flags));
    if (select) {
        sqe.flags = static_cast<__u8>(sqe.flags | IOSQE_BUFFER_SELECT);
        sqe.buf_group = buffer_ring::group;
    }
    // A try is wasted on a socket that the last receive emptied.
    if (submission_of(op).poll_first || uring_of(*op.target).drained)
        sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
}

void uring_backend::cancel_by_user_data(std::uint64_t target, std::uint64_t user_data) noexcept {
    io_uring_sqe& sqe = ring_.next();
    ::io_uring_prep_cancel64(&sqe, target, 0);
    sqe.flags = static_cast<__u8>(sqe.flags | IOSQE_CQE_SKIP_SUCCESS);
    ::io_uring_sqe_set_data64(&sqe, user_data);
}

void uring_backend::cancel(operation& op) noexcept {
    if (op.code == opcode::accept) {
        descriptor& d = *op.target;
        op.error = ECANCELED;
        done(op);
        if (d.reading.empty())
            note_idle_accept(d);
    } else if (!submission_of(op).stop_asked) {
        submission_of(op).stop_asked = true;
        // Submissions keep their order: the kernel has begun the operation when it reads this.
        note_stopping(op);
        cancel_by_user_data(key_of(op), static_cast<std::uint64_t>(tag::cancel));
    }
}

bool uring_backend::interrupt(operation& op) noexcept {
    if (!submission_of(op).in_kernel)
        return false;
    cancel_by_user_data(key_of(op), static_cast<std::uint64_t>(tag::ignored));
    return true;
}

void uring_backend::note_stopping(operation& op) noexcept {
    try {
        submission_of(op).stop_slot = static_cast<std::uint32_t>(stopping_.size());
        stopping_.push_back(&op);
    } catch (const std::bad_alloc&) {
        submission_of(op).stop_asked = false; // it can be asked again
    }
}

void uring_backend::forget_stopping(operation& op) noexcept {
    stopping_[submission_of(op).stop_slot] = stopping_.back();
    submission_of(*stopping_[submission_of(op).stop_slot]).stop_slot = submission_of(op).stop_slot;
    stopping_.pop_back();
    submission_of(op).stop_asked = false;
}

/// While an operation is on its way to a worker thread of the kernel a cancellation does not find it, or finds it too late to keep
/// the worker from going to sleep in it. What is still here after such a miss is asked again, less and less often. Gives the time
/// until then in nanoseconds, or -1.
std::int64_t uring_backend::cancel_again() noexcept {
    constexpr std::int64_t shortest = 1'000'000; // nanoseconds
    constexpr std::int64_t longest = 64'000'000; // nanoseconds
    if (stopping_.empty()) {
        cancel_missed_ = false;
        ask_interval_ = 0;
        return -1;
    }
    const std::int64_t time = now();
    if (ask_interval_ == 0) {
        ask_interval_ = shortest;
    } else if (time < ask_again_at_) {
        return ask_again_at_ - time;
    } else {
        ask_interval_ = std::min(ask_interval_ * 2, longest);
    }
    ask_again_at_ = time + ask_interval_;
    for (const operation* op : stopping_)
        cancel_by_user_data(key_of(*op), static_cast<std::uint64_t>(tag::cancel));
    return ask_interval_;
}

void uring_backend::do_detach(descriptor& d) noexcept {
    constexpr std::int64_t interval = 1'000'000;   // nanoseconds
    constexpr std::int64_t patience = 100'000'000; // nanoseconds
    forget_idle_accept(d);
    if (uring_of(d).in_kernel == 0)
        return;
    const std::int64_t begun = now();
    std::int64_t asked = begun - interval;
    while (uring_of(d).in_kernel != 0) {
        const std::int64_t time = now();
        // Everything begun on the descriptor, whatever it is. close(2) alone would leave it running and the socket open.
        if (time - asked >= interval) {
            asked = time;
            io_uring_sqe& sqe = ring_.next();
            ::io_uring_prep_cancel_fd(&sqe, d.handle, IORING_ASYNC_CANCEL_ALL);
            ::io_uring_sqe_set_data64(&sqe, static_cast<std::uint64_t>(tag::ignored));
        }
        // Whatever keeps a worker thread of the kernel inside the call, this gets it out.
        if (time - begun >= patience)
            os::shutdown(d.handle, shutdown_how::both);
        ring_.submit_and_wait(interval);
        collect();
    }
}

void uring_backend::wait(std::int64_t timeout) noexcept {
    pool().collect();
    disarm_idle_accepts();
    if (!wake_armed_) {
        io_uring_sqe& sqe = ring_.next();
        ::io_uring_prep_poll_multishot(&sqe, wake_.readable_handle(), POLLIN);
        ::io_uring_sqe_set_data64(&sqe, static_cast<std::uint64_t>(tag::wake));
        wake_armed_ = true;
    }
    if (cancel_missed_) {
        const std::int64_t next = cancel_again();
        if (next >= 0 && (timeout < 0 || timeout > next))
            timeout = next;
    }
    ring_.submit_and_wait(timeout);
    waits_ = ring_.enters();
}

void uring_backend::collect() noexcept {
    io_uring_cqe completion;
    while (ring_.take(completion)) {
        const auto what = static_cast<tag>(completion.user_data & tag_mask);
        constexpr std::uint64_t address_mask = (std::uint64_t{1} << generation_shift) - 1 - tag_mask;
        void* target = reinterpret_cast<void*>(static_cast<std::uintptr_t>(completion.user_data & address_mask));
        switch (what) {
        case tag::operation:
            assert(completion.user_data == key_of(*static_cast<operation*>(target)));
            complete(*static_cast<operation*>(target), completion.res, completion.flags);
            break;
        case tag::accept:
            accept_completed(*static_cast<descriptor*>(target), completion.res, completion.flags);
            break;
        case tag::ignored:
            break;
        case tag::cancel:
            // Only failures come here. Mostly the target has just ended by itself.
            cancel_missed_ = true;
            break;
        case tag::wake:
            wake_.drain();
            if ((completion.flags & IORING_CQE_F_MORE) == 0)
                wake_armed_ = false;
            break;
        }
    }
}

void uring_backend::complete(operation& op, int result, unsigned flags) noexcept {
    submission_of(op).in_kernel = false;
    --uring_of(*op.target).in_kernel;
    if (submission_of(op).stop_asked)
        forget_stopping(op);
    const bool wanted = op.reason == stop_reason::none;
    // Of no interest to anybody: a signal hit the kernel's wait, or a call that cannot wait was made where it would have had to.
    // Or another descriptor of the same open file was closed, and the cancellation by descriptor met this one too.
    bool again = result == -EINTR || result == -EAGAIN || (result == -ECANCELED && wanted);
    if (again && !wanted) {
        result = -ECANCELED;
        again = false;
    }
    if (!again) {
        if (reads(op))
            again = complete_receive(op, result, flags);
        else if (op.code == opcode::connect)
            op.error = result < 0 ? -result : 0;
        else
            again = complete_send(op, result);
    }
    if (op.target->has_kept_bytes() && (again || op.error == 0) && put_behind_kept(op)) {
        if (serve_kept(op, pool()))
            again = false;
        else
            again = op.reason == stop_reason::none;
    }
    if (!again || start(op))
        done(op);
}

/// Bytes are kept that stood before what this operation received, if it received anything: that goes behind them. False: the operation
/// receives nothing, or there is no memory.
bool uring_backend::put_behind_kept(operation& op) noexcept {
    if (!reads(op))
        return false;
    if (op.transferred != 0 && !contains(op.flags, message_flags::peek)) {
        try {
            op.target->keep(op.block != nullptr ? op.block->data : op.buffer.data, op.transferred,
                            op.order != 0 ? op.order : op.target->next_order());
        } catch (const std::bad_alloc&) {
            return false;
        }
    }
    if (op.block != nullptr)
        buffer_pool::release(std::exchange(op.block, nullptr));
    op.transferred = 0;
    op.order = 0;
    return true;
}

/// True: it has to be submitted again.
bool uring_backend::complete_receive(operation& op, int result, unsigned flags) noexcept {
    buffer_block* filled = nullptr;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        filled = &pool().block(flags >> IORING_CQE_BUFFER_SHIFT);
        pool().lend(*filled);
    }
    if (result < 0) {
        if (filled != nullptr)
            buffer_pool::release(filled);
        if (result != -ENOBUFS || !is_pooled(op) || op.block != nullptr) {
            op.error = gathered(op) ? 0 : -result;
            return false;
        }
        // Every buffer is lent out. Data may not even be there: only when it is shall a block of the heap serve.
        if (op.reason != stop_reason::none) {
            op.error = ECANCELED;
            return false;
        }
        if (!submission_of(op).poll_first && !uring_of(*op.target).drained) {
            submission_of(op).poll_first = true;
            return true;
        }
        op.block = pool().take_heap(op.buffer.size);
        op.error = op.block == nullptr ? ENOMEM : 0;
        return op.block != nullptr;
    }
    uring_of(*op.target).drained = (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
    op.transferred += static_cast<std::size_t>(result);
    if (filled != nullptr) {
        if (result > 0)
            op.block = filled;
        else
            buffer_pool::release(filled);
    }
    if (op.code == opcode::recvfrom || op.code == opcode::recvfrom_pooled) {
        auto& message = static_cast<message_operation&>(op);
        const auto* header = std::launder(reinterpret_cast<const msghdr*>(message.header));
        native_address::commit(message.peer, header->msg_namelen);
        op.truncated = (header->msg_flags & MSG_TRUNC) != 0;
    }
    // The kernel was not asked to fill the buffer by itself.
    if (result > 0 && op.target->watched && fills_buffer(op) && op.transferred < op.buffer.size) {
        note_progress(op);
        return op.reason == stop_reason::none;
    }
    return false;
}

/// True: it has to be submitted again.
bool uring_backend::complete_send(operation& op, int result) noexcept {
    if (result < 0) {
        op.error = -result;
        return false;
    }
    bool rest;
    if (op.code == opcode::send_vector) {
        auto& pieces = static_cast<vector_operation&>(op);
        advance_pieces(pieces, static_cast<std::size_t>(result));
        rest = pieces.count != 0;
    } else {
        advance_buffer(op, static_cast<std::size_t>(result));
        rest = op.whole && op.buffer.size != 0;
    }
    if (rest && op.reason != stop_reason::none) {
        op.error = ECANCELED;
        return false;
    }
    if (rest)
        note_progress(op);
    return rest;
}

} // namespace coax::backend

// What a socket does with an operation before a backend sees it, and after.

#include <coax/detail/operation.hpp>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <coax/detail/socket_operations.hpp>
#include <coax/error.hpp>
#include <coax/socket.hpp>

#include "backend/attempt.hpp"
#include "backend/backend.hpp"
#include "backend/batch.hpp"
#include "backend/buffer_pool.hpp"
#include "backend/descriptor.hpp"
#include "backend/message_control.hpp"
#include "backend/operation_table.hpp"
#include "net/received_chunk.hpp"
#include "runtime/core.hpp"
#include "runtime/wait_description.hpp"

namespace coax::detail {

// A coroutine's frame has one for each place where it awaits an operation.
static_assert(sizeof(void*) != 8 || sizeof(operation) <= 152);

namespace {

/// Makes the descriptor known to this scheduler's backend. 0 or an errno value.
[[gnu::noinline]] int attach(descriptor& d, backend::backend& to, operation_name as) {
    if (d.attached != nullptr) {
        if (!d.attached->is_inherited() || !d.idle())
            throw std::logic_error(std::string("coax: ") + to_string(as) +
                                   " on a socket that belongs to a scheduler which runs on another thread (unbind, "
                                   "called there, frees it)");
        d.attached->detach(d, stop_reason::closed); // the parent process's
    }
    if (&d.system != &to.system() && d.system.handles() != to.system().handles())
        throw std::logic_error(std::string("coax: ") + to_string(as) +
                               " on a socket of another system than the one that this scheduler runs on");
    return to.attach(d);
}

/// A placeholder takes the socket's family. Apart, like `attach`: with the registers that they need every operation would be dearer.
[[gnu::noinline]] void resolve_peer(addressed_operation& op) noexcept {
    op.peer = op.peer.resolved(op.target->family);
    if (op.code == opcode::connect)
        op.target->peer.set(op.peer);
}

/// A message with control data. 0 or an errno value; throws `std::bad_alloc`.
[[gnu::noinline]] int prepare_message(operation& op) {
    if (!backend::reads(op))
        return static_cast<sending_message_operation&>(op).unusable();
    static_cast<receiving_message_operation&>(op).prepare();
    return 0;
}

/// False: it has ended at once.
[[gnu::noinline]] bool begin_batch(batch_operation& op) noexcept {
    op.next = 0;
    op.offset = 0;
    op.lacks_memory = false;
    const bool sends = op.code == opcode::send_batch;
    if (!op.datagrams || (op.batch == nullptr && !sends)) {
        op.error = EINVAL;
        return false;
    }
    if (!sends) {
        op.batch->size = 0;
        return true;
    }
    if (op.batch == nullptr)
        return false;
    for (std::size_t i = 0; i != op.batch->size; ++i) {
        datagram_entry& entry = op.batch->entries[i];
        if (entry.peer.is_placeholder())
            entry.peer = entry.peer.resolved(op.target->family);
        if (entry.error)
            entry.error.clear();
    }
    return op.batch->size != 0;
}

/// A datagram is there or not, whatever its length; on a stream no bytes are always there.
bool receives_nothing(const operation& op) noexcept {
    const backend::operation_traits& traits = backend::traits_of(op.code);
    return op.buffer.size == 0 && traits.what == backend::moves::bytes_in && !(traits.sender && op.datagrams);
}

} // namespace

/// True: it has ended at once.
inline bool operation::begin(core& on) {
    try {
        return try_begin(on);
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
        return true;
    }
}

bool operation::suspend(environment around, awaiting_coroutine coroutine) {
    core& on = core::of(*around.on);
    if (around.on != running) [[unlikely]]
        throw std::logic_error("coax: a coroutine runs on another thread than its scheduler");
    error = 0;
    transferred = 0;
    block = nullptr;
    truncated = false;
    ended = false;
    emptied = false;
    was_kept = false;
    order = 0;
    std::memset(scratch, 0, sizeof scratch);
    if (backend::traits_of(code).pooled)
        buffer.data = nullptr;
    if (!checkpoint(*around.on, *around.within, coroutine)) {
        error = ECANCELED;
        return true;
    }
    assert(promise_at == 0 || promise() == coroutine.promise); // how this compiler lays out frames
    if (begin(on)) {
        if (holds_target && order == 0)
            order = target->next_order();
        if (holds_target && transferred != 0)
            backend::note_progress(*this);
        return !(was_kept && on.may_run_on()) && complete_behind();
    }
    link();
    if (target->limit > 0)
        set_limit(clock::duration(target->limit));
    return true;
}

bool operation::try_begin(core& on) {
    if (target == nullptr || !target->open) {
        error = EBADF;
        return true;
    }
    backend::backend& io = on.io();
    if (target->attached != &io) {
        error = attach(*target, io, name);
        if (error != 0)
            return true;
    }
    if (target->limit > 0)
        on.timers().make_room();
    if (code == opcode::accept)
        static_cast<accepting_operation*>(this)->prepare();
    const bool is_special = code >= opcode::recvmsg; // with control data, or a batch
    if (is_special && backend::traits_of(code).control) [[unlikely]] {
        error = prepare_message(*this);
        if (error != 0)
            return true;
    }
    target->retain();
    ++target->under_way;
    holds_target = true;
    datagrams = target->kind == kind::datagram;
    if (is_special && backend::is_batch(*this) && !begin_batch(static_cast<batch_operation&>(*this)))
        return true;
    on.count_operation();
    if (backend::traits_of(code).names)
        resolve_peer(static_cast<addressed_operation&>(*this));
    if (receives_nothing(*this))
        return true;
    if (target->limit != 0)
        return io.submit(*this);
    io.try_now(*this);
    return true;
}

void accepting_operation::prepare() {
    if (made == nullptr)
        made = new descriptor(target->system, native_handle(), target->family, kind::stream);
    made->inherit(*target);
}

accepting_operation::~accepting_operation() {
    end_use(); // before what it needs for that is gone
    if (made != nullptr)
        made->release();
}

constinit const wait_kind operation::its_kind{&on_stop, &on_describe};

void operation::on_describe(const waiter& self, wait_description& what) noexcept {
    const auto& op = static_cast<const operation&>(self);
    what.operation = op.name;
    what.socket = op.target;
}

void operation::on_stop(waiter& self, stop_reason why) noexcept {
    auto& op = static_cast<operation&>(self);
    if (op.reason == stop_reason::none)
        op.reason = why;
    backend::backend& io = *op.target->attached;
    if (why == stop_reason::abandon)
        io.stop_and_wait(op);
    else
        io.stop(op);
}

bool operation::release_target() noexcept {
    if (holds_target) {
        holds_target = false;
        --target->under_way;
        target->release();
    }
    return true;
}

/// One that came with an error, which it does not where all is right, is nobody's.
void operation::drop_connection() noexcept {
    if (code != opcode::accept)
        return;
    auto& accepting = static_cast<accepting_operation&>(*this);
    if (std::exchange(accepting.has_connection, false))
        target->drop_connection(accepting.connection);
}

failure operation::failed() noexcept {
    drop_connection();
    const std::size_t out = whole ? transferred : 0;
    backend::drop_control(*this);
    if (block != nullptr) {
        release_block(block);
        block = nullptr;
    }
    const auto about = [&](failure why) {
        if (backend::names_peer(*this))
            why.with_peer(static_cast<addressed_operation*>(this)->peer);
        else if (holds_target && code != opcode::accept)
            why.with_peer(target->peer.get());
        if (code == opcode::send_batch && static_cast<batch_operation&>(*this).batch != nullptr)
            backend::note_unsent(static_cast<batch_operation&>(*this), why.code());
        release_target();
        return why;
    };
    // However the system puts it, the socket was closed under the operation.
    if (reason == stop_reason::closed)
        error = EBADF;
    if (error == ECANCELED) {
        if (reason == stop_reason::scope || reason == stop_reason::abandon)
            return about(failure(failure::cause::cancelled, name, out));
        if (reason == stop_reason::expired)
            return about(failure(failure::cause::timeout, name, out));
    }
    return about(failure(system_error(error), name, out));
}

void operation::destroyed() noexcept {
    abandon();
    if (error == 0 && holds_target) {
        // It may have completed after all. What it took from the system is kept for the next operation.
        if (code == opcode::accept) {
            auto& accepting = static_cast<accepting_operation&>(*this);
            if (std::exchange(accepting.has_connection, false))
                target->keep(accepting.connection, order);
        } else if (code == opcode::recv_batch) {
            if (transferred != 0)
                target->keep_received(*this);
        } else if (backend::traits_of(code).what == backend::moves::bytes_in && !contains(flags, message_flags::peek) &&
                   !contains(flags, message_flags::out_of_band) &&
                   (transferred != 0 || (datagrams && !ended && order != 0))) {
            target->keep_received(*this);
        }
        if (target->attached != nullptr)
            target->attached->serve_waiting(*target);
    }
    drop_connection();
    if (holds_target)
        backend::drop_control(*this);
    if (block != nullptr)
        release_block(block);
    release_target();
}

chunk received_chunk(operation& op) noexcept {
    buffer_block* const block = std::exchange(op.block, nullptr);
    if (op.transferred != 0)
        return chunk(block, op.buffer.data != nullptr ? static_cast<std::byte*>(op.buffer.data) : block->data,
                     op.transferred, true);
    if (block != nullptr)
        release_block(block);
    return chunk(nullptr, nullptr, 0, op.buffer.size == 0 || (op.datagrams && !op.ended));
}

chunk recv_chunk_base::value() noexcept { return received_chunk(*this); }

datagram recvfrom_chunk_base::value() noexcept { return datagram(received_chunk(*this), peer, truncated); }

} // namespace coax::detail

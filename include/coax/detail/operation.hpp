// The description of one socket operation, as the backends see it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include <coax/address.hpp>
#include <coax/bytes_view.hpp>
#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/loop.hpp>
#include <coax/detail/waiter.hpp>
#include <coax/error.hpp>
#include <coax/message_flags.hpp>

namespace coax::detail {

struct batch_block;
struct buffer_block;
class core;
class descriptor;

enum class opcode : unsigned char {
    accept,          // accepting_operation
    connect,         // addressed_operation
    recv,            // operation
    recv_pooled,     // operation
    recvfrom,        // message_operation
    recvfrom_pooled, // message_operation
    send,            // operation
    sendto,          // addressed_operation
    send_vector,     // vector_operation
    recvmsg,         // receiving_message_operation
    recvmsg_pooled,  // receiving_message_operation
    sendmsg,         // sending_message_operation
    recv_batch,      // batch_operation
    send_batch,      // batch_operation
};

/// A plain description that lives in its awaiter, so in the coroutine's frame: starting it allocates nothing, and it stays where it
/// is until it has ended. The backends read what is to be done and write what came of it.
struct COAX_API operation : queued_waiter {
    operation(descriptor* socket, opcode what, operation_name as, void* data, std::size_t size,
              message_flags how) noexcept
        : queued_waiter(its_kind), target(socket), buffer{data, size}, code(what), name(as), flags(how) {}
    ~operation() { end_use(); }

    /// Begins it. False: it ended at once, and the coroutine goes on.
    bool suspend(environment around, awaiting_coroutine coroutine);

    /// After the coroutine has resumed: true for a success.
    bool conclude() noexcept {
        state = wait_state::idle;
        return error == 0 && release_target();
    }
    /// The failure that `conclude` announced.
    failure failed() noexcept;
    /// The coroutine is destroyed: what is under way is ended, and what was got is kept for the next operation.
    void end_use() noexcept {
        if (state != wait_state::idle || holds_target)
            destroyed();
    }

    descriptor* target;
    buffer_view buffer;            // what is still to be done
    std::size_t transferred = 0;   // bytes done
    buffer_block* block = nullptr; // the pooled forms: where the bytes are
    int error = 0;                 // 0 or an errno value
    std::uint32_t order = 0;       // its place among the operations of its target that have ended
    opcode code;
    operation_name name;
    message_flags flags;
    bool truncated = false;     // the datagram was longer than the buffer
    bool ended = false;         // there is nothing more to receive: no empty datagram, but the end
    bool whole = false;         // a send goes on until everything is out
    bool holds_target = false;  // it holds a reference to its target
    bool emptied : 1 = false;   // of datagrams: the system has said that there is no more
    bool was_kept : 1 = false;  // what it gives was there already, and has cost no call of the system
    bool clocked : 1 = false;   // it is tried again by the clock, and has its place among those that are
    bool datagrams : 1 = false; // the target carries datagrams

    // For the backend that carries it out. The size is fixed: what a backend notes does not change users' frames.
    static constexpr std::size_t scratch_size = 8;
    static constexpr std::size_t scratch_alignment = 4;
    alignas(scratch_alignment) std::byte scratch[scratch_size];

private:
    static const wait_kind its_kind;
    static void on_stop(waiter& self, stop_reason why) noexcept;
    static void on_describe(const waiter& self, wait_description& what) noexcept;
    bool begin(core& on);
    bool try_begin(core& on);
    bool release_target() noexcept;
    void destroyed() noexcept;
    void drop_connection() noexcept;
};

/// With an address: of the peer that is connected, sent to or accepted.
struct addressed_operation : operation {
    addressed_operation(descriptor* socket, opcode what, operation_name as, void* data, std::size_t size,
                        message_flags how, const address& to = {}) noexcept
        : operation(socket, what, as, data, size, how), peer(to) {}
    address peer;
};

/// Gives the new connection; what nobody takes is closed by whoever has the operation.
struct COAX_API accepting_operation : addressed_operation {
    using addressed_operation::addressed_operation;
    ~accepting_operation();
    /// Throws `std::bad_alloc`.
    void prepare();

    descriptor* made =
        nullptr; // for the connection; made before it is taken from the system, so that no lack of memory can cost it
    native_handle connection = {};
    bool has_connection = false; // somebody has to take or close it
};

/// With room for the system's message header.
struct message_operation : addressed_operation {
    using addressed_operation::addressed_operation;
    static constexpr std::size_t header_size = 80;
    alignas(void*) std::byte header[header_size];
};

/// Over many datagrams: what it counts are entries of the batch.
struct batch_operation : operation {
    batch_operation(descriptor* socket, opcode what, operation_name as, batch_block* on) noexcept
        : operation(socket, what, as, nullptr, 0, message_flags::none), batch(on) {
        whole = what == opcode::send_batch;
    }
    batch_block* batch;
    std::size_t next = 0;      // of a send: the entry whose turn it is
    std::size_t offset = 0;    // and how many bytes of it have gone out
    bool lacks_memory = false; // of a send: the system has none for it, and will not report when it has
};

/// Over several pieces.
struct vector_operation : operation {
    vector_operation(descriptor* socket, operation_name as, buffer_view* first, std::size_t how_many,
                     message_flags how) noexcept
        : operation(socket, opcode::send_vector, as, nullptr, 0, how), pieces(first), count(how_many) {}
    buffer_view* pieces;
    std::size_t count;
    alignas(void*) std::byte header[message_operation::header_size];
};

} // namespace coax::detail

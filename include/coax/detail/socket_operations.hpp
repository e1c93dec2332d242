/// \file
/// The awaitables of `coax::socket`.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

#include <coax/address.hpp>
#include <coax/chunk.hpp>
#include <coax/config.hpp>
#include <coax/datagram.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/detail/operation.hpp>
#include <coax/message_flags.hpp>

namespace coax {

class socket;
struct accepted;

/// What was received into a buffer of the caller.
struct received {
    /// No bytes, from nobody.
    received() noexcept = default;
    /// What one receive gave.
    received(std::size_t bytes, const coax::address& from, bool cut, bool at_end = false) noexcept
        : size(bytes), peer(from), truncated(cut), ended(at_end) {}

    std::size_t size = 0;   ///< bytes
    address peer;           ///< who sent it; unnamed where there is none
    bool truncated = false; ///< it was longer than the buffer; the rest is gone
    bool ended =
        false; ///< it is no empty datagram: the stream has ended, or `shutdown` has ended what the socket receives
};

namespace detail {

inline void* writable(const void* data) noexcept { return const_cast<void*>(data); }

struct COAX_API accept_base : accepting_operation {
    explicit accept_base(descriptor* on) noexcept
        : accepting_operation(on, opcode::accept, operation_name::accept, nullptr, 0, message_flags::none) {}
    accepted value() noexcept;
};

struct connect_base : addressed_operation {
    connect_base(descriptor* on, const address& to) noexcept
        : addressed_operation(on, opcode::connect, operation_name::connect, nullptr, 0, message_flags::none, to) {}
    void value() noexcept {}
};

struct recv_base : operation {
    recv_base(descriptor* on, std::span<std::byte> into, message_flags how) noexcept
        : operation(on, opcode::recv, operation_name::recv, into.data(), into.size(), how) {}
    std::size_t value() noexcept { return transferred; }
};

struct COAX_API recv_chunk_base : operation {
    recv_chunk_base(descriptor* on, std::size_t size, message_flags how) noexcept
        : operation(on, opcode::recv_pooled, operation_name::recv, nullptr, size, how) {}
    chunk value() noexcept;
};

struct recvfrom_base : message_operation {
    recvfrom_base(descriptor* on, std::span<std::byte> into, message_flags how) noexcept
        : message_operation(on, opcode::recvfrom, operation_name::recvfrom, into.data(), into.size(), how) {}
    received value() noexcept { return {transferred, peer, truncated, ended}; }
};

struct COAX_API recvfrom_chunk_base : message_operation {
    recvfrom_chunk_base(descriptor* on, std::size_t size, message_flags how) noexcept
        : message_operation(on, opcode::recvfrom_pooled, operation_name::recvfrom, nullptr, size, how) {}
    datagram value() noexcept;
};

struct send_base : operation {
    send_base(descriptor* on, bytes_view bytes, message_flags how) noexcept
        : operation(on, opcode::send, operation_name::send, writable(bytes.data()), bytes.size(), how) {}
    std::size_t value() noexcept { return transferred; }
};

struct sendall_base : operation {
    sendall_base(descriptor* on, bytes_view bytes, message_flags how) noexcept
        : operation(on, opcode::send, operation_name::sendall, writable(bytes.data()), bytes.size(), how) {
        whole = true;
    }
    void value() noexcept {}
};

template <std::size_t N>
struct sendall_pieces_base : vector_operation {
    template <class... Bytes>
    explicit sendall_pieces_base(descriptor* on, message_flags how, const Bytes&... bytes) noexcept
        : vector_operation(on, operation_name::sendall, storage, N, how),
          storage{{writable(bytes.data()), bytes.size()}...} {
        whole = true;
    }
    void value() noexcept {}
    buffer_view storage[N];
};

struct sendto_base : addressed_operation {
    sendto_base(descriptor* on, bytes_view bytes, const address& to, message_flags how) noexcept
        : addressed_operation(on, opcode::sendto, operation_name::sendto, writable(bytes.data()), bytes.size(), how,
                              to) {}
    std::size_t value() noexcept { return transferred; }
};

struct batch_base : batch_operation {
    using batch_operation::batch_operation;
    std::size_t value() noexcept { return transferred; }
};

/// `connect` whose I/O errors are its value.
class [[nodiscard]] connect_ex_operation : public suspending<connect_base> {
public:
    using suspending::suspending;
    std::error_code await_resume() {
        if (conclude())
            return {};
        const failure why = failed();
        if (why.why() >= failure::cause::cancelled)
            why.raise();
        return why.code();
    }
    result<std::error_code> await_result() noexcept {
        if (conclude())
            return std::error_code();
        failure why = failed();
        if (why.why() >= failure::cause::cancelled)
            return why;
        return why.code();
    }
};

using accept_operation = awaited<accept_base>;
using connect_operation = awaited<connect_base>;
using recv_operation = awaited<recv_base>;
using recv_chunk_operation = awaited<recv_chunk_base>;
using recvfrom_operation = awaited<recvfrom_base>;
using recvfrom_chunk_operation = awaited<recvfrom_chunk_base>;
using send_operation = awaited<send_base>;
using sendall_operation = awaited<sendall_base>;
template <std::size_t N>
using sendall_pieces_operation = awaited<sendall_pieces_base<N>>;
/// Of pieces that were given as these, deduced as `Bytes&&`.
template <class... Bytes>
using sendall_pieces_of =
    std::conditional_t<(temporary_bytes<Bytes> || ...), on_temporaries<sendall_pieces_operation<sizeof...(Bytes)>>,
                       sendall_pieces_operation<sizeof...(Bytes)>>;
using sendto_operation = awaited<sendto_base>;
using batch_call = awaited<batch_base>;

// Those of coax/message.hpp.
struct recvmsg_base;
struct recvmsg_chunk_base;
struct recv_fds_base;
struct send_fds_base;
template <std::size_t N>
struct sendmsg_base;
using recvmsg_operation = awaited<recvmsg_base>;
using recvmsg_chunk_operation = awaited<recvmsg_chunk_base>;
using recv_fds_operation = awaited<recv_fds_base>;
template <class... Bytes>
using sendmsg_of =
    std::conditional_t<(temporary_bytes<Bytes> || ...), on_temporaries<awaited<sendmsg_base<sizeof...(Bytes)>>>,
                       awaited<sendmsg_base<sizeof...(Bytes)>>>;
template <class Bytes>
using send_fds_of =
    std::conditional_t<temporary_bytes<Bytes>, on_temporaries<awaited<send_fds_base>>, awaited<send_fds_base>>;

} // namespace detail
} // namespace coax

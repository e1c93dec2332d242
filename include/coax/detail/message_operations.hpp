// The awaitables of coax/message.hpp.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <coax/ancillary.hpp>
#include <coax/bytes_view.hpp>
#include <coax/config.hpp>
#include <coax/detail/awaited.hpp>
#include <coax/detail/awaiter.hpp>
#include <coax/detail/operation.hpp>
#include <coax/detail/socket_operations.hpp>
#include <coax/message_flags.hpp>
#include <coax/received_message.hpp>
#include <coax/unique_handle.hpp>

namespace coax::detail {

struct kept_control;

/// Receives with room for control data. What the system has put there belongs to the operation until somebody takes it.
struct COAX_API receiving_message_operation : message_operation {
    receiving_message_operation(descriptor* socket, opcode what, operation_name as, void* data, std::size_t size,
                                message_flags how, std::size_t descriptors) noexcept
        : message_operation(socket, what, as, data, size, how),
          most_descriptors(std::min(descriptors, descriptor_limit)) {}
    ~receiving_message_operation();
    /// Before anything is received, so that no lack of memory can cost a descriptor. Throws `std::bad_alloc`.
    void prepare();

    /// Where control data go.
    std::span<std::byte> room() noexcept {
        return larger_room != nullptr ? std::span(larger_room.get(), larger_size) : std::span(own_room);
    }
    /// Takes all of it.
    received_control take_control() noexcept;

    static constexpr std::size_t descriptor_limit = 1024; // more than any system passes at once
    static constexpr std::size_t own_size = 320;
    std::size_t most_descriptors;
    std::size_t control_size = 0; // bytes in the room
    std::size_t larger_size = 0;
    std::unique_ptr<std::byte[]> larger_room;
    std::vector<unique_handle> handles; // room for them
    kept_control* from_inbox = nullptr; // what another operation had received, instead of what is in the room
    bool control_cut = false;           // there was more
    alignas(void*) std::byte own_room[own_size];
};

/// Sends pieces with control data, which go with the first byte.
struct COAX_API sending_message_operation : addressed_operation {
    sending_message_operation(descriptor* socket, operation_name as, buffer_view* first, std::size_t how_many,
                              const sendmsg_options& how) noexcept;
    ~sending_message_operation() { end_use(); }

    std::span<std::byte> room() noexcept {
        return larger_room != nullptr ? std::span(larger_room.get(), larger_size) : std::span(own_room);
    }
    /// Why it cannot be begun: 0 or an errno value.
    int unusable() const noexcept;
    /// What is to go out beside the next byte.
    std::span<std::byte> control() noexcept { return room().first(transferred == 0 ? control_size : 0); }

    static constexpr std::size_t own_size = 256;
    buffer_view* pieces;
    std::size_t count;
    std::size_t control_size = 0; // bytes in the room
    std::size_t larger_size = 0;
    std::unique_ptr<std::byte[]> larger_room;
    int problem = 0;     // what cannot be sent: an errno value
    bool passes = false; // descriptors
    alignas(void*) std::byte header[message_operation::header_size];
    alignas(void*) std::byte own_room[own_size];

private:
    void build(const sendmsg_options& how);
};

struct COAX_API recvmsg_base : receiving_message_operation {
    recvmsg_base(descriptor* on, std::span<std::byte> into, const recvmsg_options& how) noexcept
        : receiving_message_operation(on, opcode::recvmsg, operation_name::recvmsg, into.data(), into.size(), how.flags,
                                      how.descriptors) {}
    received_message value() noexcept { return {transferred, peer, truncated, ended, take_control()}; }
};

struct COAX_API recvmsg_chunk_base : receiving_message_operation {
    recvmsg_chunk_base(descriptor* on, std::size_t size, const recvmsg_options& how) noexcept
        : receiving_message_operation(on, opcode::recvmsg_pooled, operation_name::recvmsg, nullptr, size, how.flags,
                                      how.descriptors) {}
    coax::message value() noexcept;
};

struct COAX_API recv_fds_base : receiving_message_operation {
    recv_fds_base(descriptor* on, std::size_t size, std::size_t most, message_flags how) noexcept
        : receiving_message_operation(on, opcode::recvmsg_pooled, operation_name::recv_fds, nullptr, size, how, most) {}
    received_fds value() noexcept;
};

template <std::size_t N>
struct sendmsg_base : sending_message_operation {
    template <class... Bytes>
    explicit sendmsg_base(descriptor* on, const sendmsg_options& how, const Bytes&... bytes) noexcept
        : sending_message_operation(on, operation_name::sendmsg, storage, N, how),
          storage{{writable(bytes.data()), bytes.size()}...} {}
    std::size_t value() noexcept { return transferred; }
    buffer_view storage[N];
};

struct send_fds_base : sending_message_operation {
    send_fds_base(descriptor* on, bytes_view bytes, const handles_view& fds, message_flags how) noexcept
        : sending_message_operation(on, operation_name::send_fds, &storage, 1, {.descriptors = fds, .flags = how}),
          storage{writable(bytes.data()), bytes.size()} {
        whole = true;
    }
    void value() noexcept {}
    buffer_view storage;
};

} // namespace coax::detail

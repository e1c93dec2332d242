// Control data between the system, the operation that received them and the inbox. Whatever happens to them, each descriptor has one owner.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <coax/detail/message_operations.hpp>

#include "backend/inbox.hpp"
#include "os/system.hpp"

namespace coax::backend {

using detail::receiving_message_operation;

/// Closes the descriptors in control data.
void close_descriptors(os::system& on, std::span<const std::byte> control, bool was_cut) noexcept;

/// The system has put so many bytes into the room of an operation. Malformed ones end it with EBADMSG.
void note_control(receiving_message_operation& op, std::size_t size, bool was_cut) noexcept;

/// Nobody takes what an operation got beside its bytes. Of any operation.
void drop_control(detail::operation& op) noexcept;

/// Control data go with the bytes that an operation received into the inbox. Without memory for that they are dropped.
void keep_control(detail::operation& op, detail::lease& into) noexcept;

/// And come out of it.
void take_control(receiving_message_operation& op, detail::lease& from) noexcept;

} // namespace coax::backend

// The bytes of a receive into a block, as a chunk.
#pragma once

#include <coax/chunk.hpp>
#include <coax/detail/operation.hpp>

namespace coax::detail {

/// What a receive into a block gives. Of a datagram an empty chunk is true, unless the input has ended.
chunk received_chunk(operation& op) noexcept;

} // namespace coax::detail

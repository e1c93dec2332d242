#include "backend/inbox.hpp"

#include <cstring>

#include <coax/chunk.hpp>

#include "backend/message_control.hpp"

namespace coax::detail {

kept_control::~kept_control() { backend::close_descriptors(system, bytes, cut); }

lease::~lease() {
    if (block_ != nullptr)
        release_block(block_);
}

std::size_t inbox::copy(void* into, std::size_t most, bool take) noexcept {
    std::size_t copied = 0;
    const auto copy_from = [&](const lease& from) {
        const std::size_t count = std::min(from.size, most - copied);
        if (count != 0)
            std::memcpy(static_cast<std::byte*>(into) + copied, from.data, count);
        copied += count;
        return count;
    };
    if (!take) {
        for (const lease& piece : bytes)
            copy_from(piece);
        return copied;
    }
    while (!bytes.empty() && copied < most) {
        lease& oldest = bytes.front();
        oldest.consume(copy_from(oldest));
        if (oldest.size == 0)
            bytes.take();
    }
    return copied;
}

std::size_t inbox::size_of_bytes(std::size_t most) noexcept {
    std::size_t size = 0;
    for (const lease& piece : bytes) {
        size += piece.size;
        if (size >= most)
            return most;
    }
    return size;
}

} // namespace coax::detail

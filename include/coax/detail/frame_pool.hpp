// Memory for coroutine frames: a free list per size class and thread.
#pragma once

#include <cstddef>

#include <coax/config.hpp>

namespace coax::detail {

/// A block for a coroutine frame. Small blocks come from a cache of this thread; the blocks themselves are ordinary heap
/// blocks, so a frame may be freed on another thread than the one it was made on.
COAX_API void* allocate_frame(std::size_t size);
COAX_API void deallocate_frame(void* block, std::size_t size) noexcept;

/// Blocks allocated on this thread less those given back on it: a balance that does not return to where it was is a leak.
COAX_API std::ptrdiff_t live_frames() noexcept;

} // namespace coax::detail

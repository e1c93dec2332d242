// The pool's buffers as a provided-buffer ring: the kernel picks one when data is there. Source: io_uring_register_buf_ring(3).
#pragma once

#include <cstddef>

#include <liburing.h>

#include "backend/buffer_pool.hpp"

namespace coax::backend {

class buffer_ring final : public buffer_pool::recycler {
public:
    static constexpr unsigned short group = 0;

    /// Hands all of the pool's buffers to the kernel. Throws `std::system_error`.
    buffer_ring(io_uring* ring, buffer_pool& pool);
    ~buffer_ring();
    buffer_ring(const buffer_ring&) = delete;
    buffer_ring& operator=(const buffer_ring&) = delete;

    void recycle(buffer_block& block) noexcept override {
        ::io_uring_buf_ring_add(ring_, block.data, static_cast<unsigned>(block.capacity), block.id, mask_, 0);
        ::io_uring_buf_ring_advance(ring_, 1);
    }

private:
    io_uring_buf_ring* ring_ = nullptr;
    std::size_t bytes_;
    int mask_;
};

} // namespace coax::backend

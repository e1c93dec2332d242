#include "backend/uring/buffer_ring.hpp"

#include <cerrno>
#include <system_error>

#include <sys/mman.h>

namespace coax::backend {

buffer_ring::buffer_ring(io_uring* ring, buffer_pool& pool)
    : bytes_(pool.count() * sizeof(io_uring_buf)),
      mask_(::io_uring_buf_ring_mask(static_cast<unsigned>(pool.count()))) {
    void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "mmap");
    ring_ = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<__u64>(memory);
    registration.ring_entries = static_cast<unsigned>(pool.count());
    registration.bgid = group;
    if (const int error = -::io_uring_register_buf_ring(ring, &registration, 0)) {
        ::munmap(memory, bytes_);
        throw std::system_error(error, std::system_category(), "io_uring_register_buf_ring");
    }
    ::io_uring_buf_ring_init(ring_);
    pool.set_recycler(*this);
}

buffer_ring::~buffer_ring() { ::munmap(ring_, bytes_); }

} // namespace coax::backend

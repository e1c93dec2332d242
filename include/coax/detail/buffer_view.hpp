// One piece of a gathered send. It has the layout of POSIX struct iovec, so that an array of them goes
// to the kernel as it is; the public headers stay free of the system's own.
#pragma once

#include <cstddef>

namespace coax::detail {

struct buffer_view {
    void* data;
    std::size_t size; // bytes
};

} // namespace coax::detail

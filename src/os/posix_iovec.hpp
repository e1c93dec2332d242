// Pieces of a gathered send as POSIX's struct iovec: an array of them goes to the system as it is.
#pragma once

#include <cstddef>

#include <sys/uio.h>

#include <coax/bytes_view.hpp>

namespace coax::os {

static_assert(sizeof(detail::buffer_view) == sizeof(iovec) && alignof(detail::buffer_view) == alignof(iovec));
static_assert(offsetof(detail::buffer_view, data) == offsetof(iovec, iov_base));
static_assert(offsetof(detail::buffer_view, size) == offsetof(iovec, iov_len));

inline iovec* as_iovec(detail::buffer_view* pieces) noexcept { return reinterpret_cast<iovec*>(pieces); }

} // namespace coax::os

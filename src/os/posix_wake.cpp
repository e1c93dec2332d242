#include "os/wake.hpp"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "os/extensions.hpp"
#if defined(COAX_LINUX_EXTENSIONS)
#include <sys/eventfd.h>
#endif

namespace coax::os {

#if defined(COAX_LINUX_EXTENSIONS)

wake_event::wake_event() : read_end_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), write_end_(read_end_) {
    if (read_end_ < 0)
        throw std::system_error(errno, std::system_category(), "eventfd");
}

wake_event::~wake_event() { ::close(read_end_); }

#else

wake_event::wake_event() {
    int ends[2];
    if (::pipe(ends) != 0)
        throw std::system_error(errno, std::system_category(), "pipe");
    for (const int end : ends) {
        ::fcntl(end, F_SETFD, FD_CLOEXEC);
        ::fcntl(end, F_SETFL, ::fcntl(end, F_GETFL) | O_NONBLOCK);
    }
    read_end_ = ends[0];
    write_end_ = ends[1];
}

wake_event::~wake_event() {
    ::close(read_end_);
    ::close(write_end_);
}

#endif

void wake_event::notify() noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    // A counter or pipe that is full is readable already.
    while (::write(write_end_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    errno = saved;
}

void wake_event::drain() noexcept {
    std::uint64_t buffer[16];
    ssize_t count;
    do {
        count = ::read(read_end_, buffer, sizeof buffer);
    } while (count == static_cast<ssize_t>(sizeof buffer) || (count < 0 && errno == EINTR));
}

} // namespace coax::os

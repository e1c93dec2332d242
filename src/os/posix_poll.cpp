#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE // ppoll
#endif
#include "os/poll.hpp"

#include <cerrno>
#include <cstddef>
#include <limits>

#include <poll.h>
#include <time.h>

#include "os/extensions.hpp"

namespace coax::os {

static_assert(sizeof(poll_entry) == sizeof(pollfd) && offsetof(poll_entry, handle) == offsetof(pollfd, fd) &&
              offsetof(poll_entry, events) == offsetof(pollfd, events) &&
              offsetof(poll_entry, happened) == offsetof(pollfd, revents));

const short poll_readable = POLLIN;
const short poll_writable = POLLOUT;
const short poll_failed = POLLERR | POLLHUP | POLLNVAL;

namespace {

int poll_once(pollfd* entries, std::size_t count, std::int64_t timeout) noexcept {
#if defined(COAX_LINUX_EXTENSIONS) || defined(__FreeBSD__)
    timespec limit{};
    if (timeout > 0) {
        limit.tv_sec = static_cast<time_t>(timeout / 1'000'000'000);
        limit.tv_nsec = static_cast<long>(timeout % 1'000'000'000);
    }
    return ::ppoll(entries, static_cast<nfds_t>(count), timeout < 0 ? nullptr : &limit, nullptr);
#else
    // Rounded up: a loop that wakes just before its deadline would spin until it is reached.
    constexpr std::int64_t most = std::numeric_limits<int>::max();
    const std::int64_t milliseconds = timeout < 0 ? -1 : timeout / 1'000'000 + (timeout % 1'000'000 != 0 ? 1 : 0);
    return ::poll(entries, static_cast<nfds_t>(count), static_cast<int>(milliseconds < most ? milliseconds : most));
#endif
}

} // namespace

int poll(poll_entry* entries, std::size_t count, std::int64_t timeout) noexcept {
    auto* native = reinterpret_cast<pollfd*>(entries);
    int ready = poll_once(native, count, timeout);
    // A signal may come long after an entry is ready, when the process was stopped; whoever looks at the clock next must know of it.
    if (ready < 0 && errno == EINTR)
        ready = poll_once(native, count, 0);
    if (ready >= 0 || errno == EINTR)
        return ready > 0 ? ready : 0;
    if (errno != ENOMEM && errno != EAGAIN)
        return -errno;
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
    return 0;
}

} // namespace coax::os

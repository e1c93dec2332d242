#include "os/poll.hpp"

#include <limits>
#include <new>
#include <vector>

#include "os/windows_call.hpp"

namespace coax::os {

static_assert(sizeof(poll_entry) == sizeof(WSAPOLLFD) && offsetof(poll_entry, handle) == offsetof(WSAPOLLFD, fd) &&
              offsetof(poll_entry, events) == offsetof(WSAPOLLFD, events) &&
              offsetof(poll_entry, happened) == offsetof(WSAPOLLFD, revents));

const short poll_readable = POLLRDNORM;
const short poll_writable = POLLWRNORM;
const short poll_failed = POLLERR | POLLHUP | POLLNVAL;

namespace {

/// How long a connection that has failed may go unnoticed where WSAPoll does not tell of it, in milliseconds.
constexpr std::int64_t connect_check_interval = 100;

/// The entries that somebody waits for: WSAPoll promises to pass over the others, but not every version does.
struct asked {
    std::vector<WSAPOLLFD> entries;
    std::vector<std::size_t> places;
    bool writes = false;

    void look_at(const poll_entry* all, std::size_t count) {
        entries.clear();
        places.clear();
        writes = false;
        for (std::size_t i = 0; i < count; ++i) {
            if (all[i].handle == poll_nothing)
                continue;
            entries.push_back({all[i].handle, all[i].events, 0});
            places.push_back(i);
            writes = writes || (all[i].events & poll_writable) != 0;
        }
    }
};

/// Before Windows 10 2004 WSAPoll says nothing of a connection attempt that has failed; select does, in its third set.
int note_failed_connects(std::vector<WSAPOLLFD>& entries) noexcept {
    int found = 0;
    for (std::size_t next = 0; next < entries.size();) {
        fd_set failed;
        FD_ZERO(&failed);
        const std::size_t first = next;
        for (; next < entries.size() && failed.fd_count < FD_SETSIZE; ++next)
            if ((entries[next].events & poll_writable) != 0)
                failed.fd_array[failed.fd_count++] = entries[next].fd;
        timeval at_once{};
        if (failed.fd_count == 0 || ::select(0, nullptr, nullptr, &failed, &at_once) <= 0)
            continue;
        for (std::size_t i = first; i < next; ++i) {
            if ((entries[i].events & poll_writable) != 0 && FD_ISSET(entries[i].fd, &failed)) {
                entries[i].revents = POLLERR;
                ++found;
            }
        }
    }
    return found;
}

/// Whether nothing was found but that peers have ended what they send, at sockets on which somebody waits for room to write. It is
/// reported again and again, and is no reason to try.
bool only_hangups_of_writers(const std::vector<WSAPOLLFD>& entries) noexcept {
    return std::all_of(entries.begin(), entries.end(), [](const WSAPOLLFD& each) {
        return each.revents == 0 || (each.revents == POLLHUP && each.events == poll_writable);
    });
}

/// The number of entries that are ready, or -1.
int poll_once(asked& those, std::int64_t milliseconds) noexcept {
    const int ready =
        ::WSAPoll(those.entries.data(), static_cast<ULONG>(those.entries.size()), static_cast<int>(milliseconds));
    return ready == 0 && those.writes ? note_failed_connects(those.entries) : ready;
}

} // namespace

int poll(poll_entry* entries, std::size_t count, std::int64_t timeout) noexcept {
    static thread_local asked those;
    try {
        those.look_at(entries, count);
    } catch (const std::bad_alloc&) {
        // As if the time were up: whoever asked will ask again.
        ::Sleep(1);
        return 0;
    }
    // Rounded up: a loop that wakes just before its deadline would spin until it is reached.
    constexpr std::int64_t most = std::numeric_limits<int>::max();
    std::int64_t left = timeout < 0 ? -1 : std::min(timeout / 1'000'000 + (timeout % 1'000'000 != 0 ? 1 : 0), most);
    int ready = 0;
    for (;;) {
        const bool in_slices = those.writes && (left < 0 || left > connect_check_interval);
        ready = poll_once(those, in_slices ? connect_check_interval : left);
        if (ready != 0 || !in_slices)
            break;
        if (left > 0)
            left -= connect_check_interval;
    }
    if (ready < 0)
        ::Sleep(1); // short of memory, as far as is known
    if (ready <= 0)
        return 0;
    if (those.writes && only_hangups_of_writers(those.entries))
        ::Sleep(1);
    for (std::size_t i = 0; i < those.entries.size(); ++i)
        entries[those.places[i]].happened = those.entries[i].revents;
    return ready;
}

} // namespace coax::os

// WSAPoll waits for sockets and for nothing else, so a pair of them, connected over the loopback interface, carries the news.
#include "os/wake.hpp"

#include <system_error>

#include <coax/error.hpp>

#include "os/windows_call.hpp"

namespace coax::os {

wake_event::wake_event() : read_end_(no_handle), write_end_(no_handle) {
    native_handle ends[2];
    if (const int error = pair(kind::stream, ends); error != 0)
        throw std::system_error(detail::system_error(error), "socketpair");
    read_end_ = ends[0];
    write_end_ = ends[1];
}

wake_event::~wake_event() {
    close(read_end_);
    close(write_end_);
}

void wake_event::notify() noexcept {
    const int saved = ::WSAGetLastError();
    // A stream that is full is readable already.
    const char one = 1;
    ::send(write_end_, &one, 1, 0);
    ::WSASetLastError(saved);
}

void wake_event::drain() noexcept {
    char buffer[128];
    while (::recv(read_end_, buffer, sizeof buffer, 0) == static_cast<int>(sizeof buffer)) {
    }
}

} // namespace coax::os

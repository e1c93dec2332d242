#include "os/windows_call.hpp"

#include <csignal>
#include <cstdlib>

#include <netioapi.h>
#include <windows.h>

#include "support/system.hpp"

namespace support {

bool wait_readable(coax::native_handle handle) {
    WSAPOLLFD entry{handle, POLLRDNORM, 0};
    return ::WSAPoll(&entry, 1, 5000) == 1;
}

std::ptrdiff_t receive_raw(coax::native_handle handle, void* into, std::size_t size, bool peek) {
    return ::recv(handle, static_cast<char*>(into), static_cast<int>(size), peek ? MSG_PEEK : 0);
}

std::ptrdiff_t send_raw(coax::native_handle handle, const void* from, std::size_t size) {
    return ::send(handle, static_cast<const char*>(from), static_cast<int>(size), 0);
}

coax::native_handle accept_raw(coax::native_handle handle) { return ::accept(handle, nullptr, nullptr); }

coax::native_handle connect_raw(const coax::address& name, int& error) {
    const auto* native = static_cast<const sockaddr*>(coax::detail::native_address::data(name));
    const SOCKET handle = ::socket(native->sa_family, SOCK_STREAM, 0);
    error = 0;
    if (handle != INVALID_SOCKET &&
        ::connect(handle, native, static_cast<int>(coax::detail::native_address::size(name))) == 0)
        return handle;
    error = coax::os::last_error();
    ::closesocket(handle);
    return no_handle;
}

bool close_raw(coax::native_handle handle) { return ::closesocket(handle) == 0; }

// The system does not tell.
bool is_non_blocking(coax::native_handle) { return true; }

bool is_closed_on_exec(coax::native_handle handle) {
    DWORD flags = 0;
    return ::GetHandleInformation(reinterpret_cast<HANDLE>(handle), &flags) && (flags & HANDLE_FLAG_INHERIT) == 0;
}

int open_descriptors() {
    int count = 0;
    for (coax::native_handle handle = 4; handle < 4096; handle += 4) {
        int type = 0;
        int size = sizeof type;
        count += ::getsockopt(handle, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) == 0 ? 1 : 0;
    }
    return count;
}

const int one_signal = SIGTERM;
const int other_signal = SIGBREAK;
const int pipe_signal = 0;

bool is_default(int signal) {
    if (signal == 0)
        return true;
    const auto now = std::signal(signal, SIG_DFL);
    std::signal(signal, now);
    return now == SIG_DFL;
}

bool leaves_signals_to_others() { return true; }
bool takes_signals() { return true; }

void set_environment(const char* name, const char* value) { ::_putenv_s(name, value != nullptr ? value : ""); }

std::vector<coax::address> link_local_addresses() { return {}; }

std::vector<std::pair<std::string, unsigned>> interfaces() {
    std::vector<std::pair<std::string, unsigned>> found;
    char name[NDIS_IF_MAX_STRING_SIZE + 1];
    for (unsigned index = 1; index < 64; ++index)
        if (::if_indextoname(index, name) != nullptr)
            found.emplace_back(name, index);
    return found;
}

} // namespace support

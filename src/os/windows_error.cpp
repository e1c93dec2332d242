// Errors: Windows has numbers of its own, the library speaks errno. The C library has the errno values of sockets, but no texts.
#include "os/windows_call.hpp"

#include <coax/error.hpp>

#include <windows.h>

namespace coax::os {
namespace {

struct meaning {
    int native;
    int error;
};

constexpr meaning meanings[] = {
    {WSAEINTR, EINTR},
    {WSAEBADF, EBADF},
    {WSAEACCES, EACCES},
    {WSAEFAULT, EFAULT},
    {WSAEINVAL, EINVAL},
    {WSAEMFILE, EMFILE},
    {WSAEWOULDBLOCK, EAGAIN},
    {WSAEINPROGRESS, EINPROGRESS},
    {WSAEALREADY, EALREADY},
    {WSAENOTSOCK, ENOTSOCK},
    {WSAEDESTADDRREQ, EDESTADDRREQ},
    {WSAEMSGSIZE, EMSGSIZE},
    {WSAEPROTOTYPE, EPROTOTYPE},
    {WSAENOPROTOOPT, ENOPROTOOPT},
    {WSAEPROTONOSUPPORT, EPROTONOSUPPORT},
    {WSAESOCKTNOSUPPORT, EPROTONOSUPPORT},
    {WSAEOPNOTSUPP, EOPNOTSUPP},
    {WSAEPFNOSUPPORT, EAFNOSUPPORT},
    {WSAEAFNOSUPPORT, EAFNOSUPPORT},
    {WSAEADDRINUSE, EADDRINUSE},
    {WSAEADDRNOTAVAIL, EADDRNOTAVAIL},
    {WSAENETDOWN, ENETDOWN},
    {WSAENETUNREACH, ENETUNREACH},
    {WSAENETRESET, ENETRESET},
    {WSAECONNABORTED, ECONNABORTED},
    {WSAECONNRESET, ECONNRESET},
    {WSAENOBUFS, ENOBUFS},
    {WSAEISCONN, EISCONN},
    {WSAENOTCONN, ENOTCONN},
    {WSAESHUTDOWN, EPIPE},
    {WSAETIMEDOUT, ETIMEDOUT},
    {WSAECONNREFUSED, ECONNREFUSED},
    {WSAELOOP, ELOOP},
    {WSAENAMETOOLONG, ENAMETOOLONG},
    {WSAEHOSTDOWN, EHOSTUNREACH},
    {WSAEHOSTUNREACH, EHOSTUNREACH},
    {WSAENOTEMPTY, ENOTEMPTY},
    {WSASYSNOTREADY, ENETDOWN},
    {WSAVERNOTSUPPORTED, ENOSYS},
    {WSANOTINITIALISED, ENETDOWN},
    {WSA_NOT_ENOUGH_MEMORY, ENOMEM},
    {WSA_INVALID_HANDLE, EBADF},
    {WSA_INVALID_PARAMETER, EINVAL},
    {WSA_OPERATION_ABORTED, ECANCELED},
    {ERROR_FILE_NOT_FOUND, ENOENT},
    {ERROR_PATH_NOT_FOUND, ENOENT},
    {ERROR_INVALID_NAME, ENOENT},
    {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
    {ERROR_ACCESS_DENIED, EACCES},
    {ERROR_SHARING_VIOLATION, EBUSY},
    {ERROR_NOT_SUPPORTED, EOPNOTSUPP},
    {ERROR_OUTOFMEMORY, ENOMEM},
    {ERROR_NO_SYSTEM_RESOURCES, ENOBUFS},
    {ERROR_NETNAME_DELETED, ECONNRESET},
    {ERROR_PORT_UNREACHABLE, ECONNREFUSED},
    {ERROR_CONNECTION_REFUSED, ECONNREFUSED},
    {ERROR_NETWORK_UNREACHABLE, ENETUNREACH},
    {ERROR_HOST_UNREACHABLE, EHOSTUNREACH},
};

} // namespace

int errno_of(int native) noexcept {
    if (native == 0)
        return 0;
    for (const meaning& each : meanings)
        if (each.native == native)
            return each.error;
    return EIO;
}

std::wstring widened(const std::string& text) {
    const int size = static_cast<int>(std::min(text.size(), most_bytes));
    const int length = ::MultiByteToWideChar(CP_UTF8, 0, text.data(), size, nullptr, 0);
    std::wstring wide(static_cast<std::size_t>(std::max(length, 0)), L'\0');
    if (length > 0)
        ::MultiByteToWideChar(CP_UTF8, 0, text.data(), size, wide.data(), length);
    return wide;
}

std::string narrowed(const std::wstring& text) {
    const int size = static_cast<int>(std::min(text.size(), most_bytes));
    const int length = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
    std::string narrow(static_cast<std::size_t>(std::max(length, 0)), '\0');
    if (length > 0)
        ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, narrow.data(), length, nullptr, nullptr);
    return narrow;
}

} // namespace coax::os

namespace coax::detail {
namespace {

const char* text_of(int error) noexcept {
    switch (error) {
    case EADDRINUSE:
        return "Address already in use";
    case EADDRNOTAVAIL:
        return "Cannot assign requested address";
    case EAFNOSUPPORT:
        return "Address family not supported by protocol";
    case EALREADY:
        return "Operation already in progress";
    case EAGAIN:
    case EWOULDBLOCK:
        return "Resource temporarily unavailable";
    case ECANCELED:
        return "Operation canceled";
    case ECONNABORTED:
        return "Software caused connection abort";
    case ECONNREFUSED:
        return "Connection refused";
    case ECONNRESET:
        return "Connection reset by peer";
    case EDESTADDRREQ:
        return "Destination address required";
    case EHOSTUNREACH:
        return "No route to host";
    case EINPROGRESS:
        return "Operation now in progress";
    case EISCONN:
        return "Transport endpoint is already connected";
    case ELOOP:
        return "Too many levels of symbolic links";
    case EMSGSIZE:
        return "Message too long";
    case ENETDOWN:
        return "Network is down";
    case ENETRESET:
        return "Network dropped connection on reset";
    case ENETUNREACH:
        return "Network is unreachable";
    case ENOBUFS:
        return "No buffer space available";
    case ENOPROTOOPT:
        return "Protocol not available";
    case ENOTCONN:
        return "Transport endpoint is not connected";
    case ENOTSOCK:
        return "Socket operation on non-socket";
    case EOPNOTSUPP:
    case ENOTSUP:
        return "Operation not supported";
    case EPROTO:
        return "Protocol error";
    case EPROTONOSUPPORT:
        return "Protocol not supported";
    case EPROTOTYPE:
        return "Protocol wrong type for socket";
    case ETIMEDOUT:
        return "Connection timed out";
    default:
        return nullptr;
    }
}

class winsock_errors final : public std::error_category {
public:
    const char* name() const noexcept override { return "socket"; }

    std::string message(int error) const override {
        const char* const text = text_of(error);
        return text != nullptr ? text : std::generic_category().message(error);
    }

    std::error_condition default_error_condition(int error) const noexcept override {
        return {error, std::generic_category()};
    }

    // Two names for one thing have one number on other systems.
    bool equivalent(int error, const std::error_condition& condition) const noexcept override {
        return condition.category() == std::generic_category() && alias(error) == alias(condition.value());
    }

private:
    static int alias(int error) noexcept {
        switch (error) {
        case EWOULDBLOCK:
            return EAGAIN;
        case ENOTSUP:
            return EOPNOTSUPP;
        default:
            return error;
        }
    }
};

} // namespace

std::error_code system_error(int error) noexcept {
    static const winsock_errors errors;
    return {error, errors};
}

} // namespace coax::detail

// What every Windows call here has in common: Winsock is started before the first one, and its error becomes an errno value in the
// result. Included by src/os/windows_*.cpp only, and before every other header of the system.
#pragma once

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>
#include <ws2tcpip.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>

#include "os/socket.hpp"

namespace coax::os {

static_assert(sizeof(SOCKET) == sizeof(native_handle));

inline constexpr native_handle no_handle = static_cast<native_handle>(-1);
static_assert(no_handle == INVALID_SOCKET);

/// Starts Winsock, once for the life of the process. 0 or an errno value. Whatever can be the first call asks for it.
int start_winsock() noexcept;

/// The errno value of an error of Winsock, or of one of the system's calls that concern files.
int errno_of(int native) noexcept;

inline int last_error() noexcept { return errno_of(::WSAGetLastError()); }
inline int error_of(int result) noexcept { return result == SOCKET_ERROR ? last_error() : 0; }

inline int limited_int(std::size_t size) noexcept { return static_cast<int>(limited(size)); }

/// UTF-8, as the library has names and paths, to what the calls ending in W take. Throws `std::bad_alloc`.
std::wstring widened(const std::string& text);
/// The way back.
std::string narrowed(const std::wstring& text);

} // namespace coax::os

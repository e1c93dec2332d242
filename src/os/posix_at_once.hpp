// Every call on a POSIX socket says "do not wait" for itself: O_NONBLOCK belongs to the open file, so another process that shares it could
// take it away, and the loop would stand still.
#pragma once

#include <sys/socket.h>

#include "os/socket.hpp"

namespace coax::os {

#ifdef MSG_NOSIGNAL
inline constexpr int always = MSG_NOSIGNAL;
#else
inline constexpr int always = 0;
#endif

inline int at_once(message_flags flags) noexcept {
    return flags == message_flags::none ? always | MSG_DONTWAIT : native_message_flags(flags) | MSG_DONTWAIT;
}

} // namespace coax::os

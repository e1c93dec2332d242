// Whether the system calls may use what is Linux's own. With -Dportable=true they may not, and what macOS and the BSDs run is tried
// on Linux. How a kernel behaves is another matter: that asks for __linux__.
#pragma once

#include "build_config.hpp"

#if defined(__linux__) && !defined(COAX_PORTABLE)
#define COAX_LINUX_EXTENSIONS
#endif

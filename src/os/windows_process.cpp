#include "os/process.hpp"

#include <windows.h>

namespace coax::os {

// A process begins anew here, and is never a copy of another.
unsigned forks() noexcept { return 0; }

bool has_forked() noexcept { return false; }

long process_id() noexcept { return static_cast<long>(::GetCurrentProcessId()); }

} // namespace coax::os

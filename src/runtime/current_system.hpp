// Which system is meant where none is given.
#pragma once

#include "os/system.hpp"

namespace coax::detail {

/// That of the scheduler that runs on this thread, or whose job (a call of `to_thread`, a lookup) it carries out; elsewhere
/// `os::default_system()`.
os::system& current_system() noexcept;

} // namespace coax::detail

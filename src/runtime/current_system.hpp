// Which system is meant where none is given.
#pragma once

#include "os/system.hpp"

namespace coax::detail {

/// That of the scheduler that runs on this thread; outside of every run `os::default_system()`.
os::system& current_system() noexcept;

} // namespace coax::detail

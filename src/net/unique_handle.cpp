#include <coax/unique_handle.hpp>

#include "runtime/current_system.hpp"

namespace coax {

void unique_handle::close_it() noexcept { detail::current_system().close(release()); }

} // namespace coax

// Error codes for what the system's calls report.
#pragma once

#include <system_error>

#include <coax/config.hpp>

namespace coax::detail {

/// The code of an errno value. Whatever the system's own numbers are, it compares equal to the `std::errc` of that name.
COAX_API std::error_code system_error(int error) noexcept;

} // namespace coax::detail

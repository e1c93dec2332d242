#include <coax/error.hpp>

namespace coax::detail {

std::error_code system_error(int error) noexcept { return {error, std::system_category()}; }

} // namespace coax::detail

#include <coax/timeout.hpp>

#include <stdexcept>
#include <string>

#include "runtime/core.hpp"

namespace coax::detail {

time_limit checked_limit(clock::duration limit) {
    if (limit < clock::duration::zero())
        throw std::invalid_argument("with_timeout: a negative duration: " + std::to_string(limit.count()) + " ns");
    return {limit.count(), true};
}

} // namespace coax::detail

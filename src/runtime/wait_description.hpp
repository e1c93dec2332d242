// What a wait says of itself.
#pragma once

#include <cstdint>

#include <coax/error.hpp>

#include "runtime/timer_heap.hpp"

namespace coax::detail {

class descriptor;

struct wait_description {
    operation_name operation = operation_name::none;
    const descriptor* socket = nullptr;        // the one that it is on; null where it is on none
    std::int64_t deadline = timer_heap::never; // its own, on the loop's clock; scopes around it may have earlier ones
};

} // namespace coax::detail

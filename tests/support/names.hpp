// Names that only the tests know.
#pragma once

#include <coax/coax.hpp>

#include <system_error>
#include <vector>

#include "net/lookup.hpp"

namespace support {

/// Answers lookups in the place of the system, for as long as it lives. The answer is given on a worker's thread.
class names {
public:
    explicit names(coax::detail::lookup* answer) noexcept { coax::detail::current_lookup = answer; }
    explicit names(coax::detail::reverse_lookup* answer) noexcept { coax::detail::current_reverse_lookup = answer; }
    names(const names&) = delete;
    names& operator=(const names&) = delete;
    ~names() {
        coax::detail::current_lookup = &coax::os::resolve;
        coax::detail::current_reverse_lookup = &coax::os::name_of;
    }
};

} // namespace support

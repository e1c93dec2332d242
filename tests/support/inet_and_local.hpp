// A choice of families for tests of which one of the internet is enough.
#pragma once

#include <vector>

#include "support/net.hpp"

namespace support {

/// An internet family, and that of UNIX sockets where this machine has it.
inline std::vector<coax::family> inet_and_local() {
    std::vector<coax::family> found{coax::family::inet};
    if (has(coax::family::local))
        found.push_back(coax::family::local);
    return found;
}

} // namespace support

// What the service manager has handed to this process.
#pragma once

#include <optional>

#include <coax/address.hpp>
#include <coax/listener.hpp>

namespace coax::detail {

/// A listener for this address that nobody has taken yet.
std::optional<coax::socket> take_activated(const address& at);

} // namespace coax::detail

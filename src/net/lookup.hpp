// What needs no lookup.
#pragma once

#include <string_view>
#include <vector>

#include <coax/address.hpp>
#include <coax/resolve.hpp>

namespace coax::detail {

/// The addresses of a host for which nobody has to be asked: a number, "localhost" and what is below it, none at all. Empty where it is a name.
/// Throws `resolve_error`, which names the service as it is given here, where the host has none of the family in the hints, and
/// where it can be neither number nor name.
std::vector<address> known_addresses(std::string_view host, std::string_view service, int port,
                                     const resolve_hints& hints);

} // namespace coax::detail

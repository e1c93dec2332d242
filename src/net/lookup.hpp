// Who looks names up, and what needs no lookup.
#pragma once

#include <atomic>
#include <string_view>
#include <system_error>
#include <vector>

#include <coax/address.hpp>
#include <coax/resolve.hpp>

#include "os/resolve.hpp"

namespace coax::detail {

/// The system, unless a test has put something else in its place. Called on a worker's thread.
using lookup = std::error_code(const os::name_query& query, std::vector<address>& into);
inline std::atomic<lookup*> current_lookup = &os::resolve;

using reverse_lookup = std::error_code(const os::address_query& query, resolved_name& into);
inline std::atomic<reverse_lookup*> current_reverse_lookup = &os::name_of;

/// The addresses of a host for which nobody has to be asked: a number, "localhost" and what is below it, none at all. Empty where it is a name.
/// Throws `resolve_error`, which names the service as it is given here, where the host has none of the family in the hints, and
/// where it can be neither number nor name.
std::vector<address> known_addresses(std::string_view host, std::string_view service, int port,
                                     const resolve_hints& hints);

} // namespace coax::detail

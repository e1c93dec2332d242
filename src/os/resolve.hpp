// The system's resolver, in both directions.
#pragma once

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/kind.hpp>
#include <coax/resolve.hpp>

namespace coax::os {

struct name_query {
    name_query(std::string of, std::string at, const resolve_hints& wanted)
        : host(std::move(of)), service(std::move(at)), hints(wanted) {}

    std::string host;    // empty: none is given
    std::string service; // empty: none is given
    resolve_hints hints;
};

struct address_query {
    address_query(const address& asked, const name_hints& wanted) : of(asked), hints(wanted) {}

    address of; // IPv4 or IPv6
    name_hints hints;
};

/// Looks a name up, and blocks meanwhile. Adds the addresses in the system's order, those that appear twice as well. The code is one of
/// `resolve_errc` or of the system.
std::error_code resolve(const name_query& query, std::vector<address>& into);

/// The way back, which blocks as well.
std::error_code name_of(const address_query& query, resolved_name& into);

} // namespace coax::os

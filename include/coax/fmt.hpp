/// \file
/// Formatters for the {fmt} library, for programs that use it: coax itself does not need this header.
/// An address is formatted as its `to_string()`, with the format specifications of a string: `fmt::format("{:>24}", peer)`.
#pragma once

#include <coax/address.hpp>

#include <fmt/format.h>

/// \cond
template <>
struct fmt::formatter<coax::address> : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto format(const coax::address& value, Context& context) const {
        return fmt::formatter<fmt::string_view>::format(value.to_string(), context);
    }
};
/// \endcond

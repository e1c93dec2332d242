// Addresses made of any text: `parse(to_string())` is the identity, and the parts make the same address again.
#include "fuzz.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <coax/address.hpp>

using coax::address;
using fuzz::require;

namespace {

address rebuilt(const address& a) {
    if (!a.path().empty())
        return address::unix_path(a.path());
    if (a.is_abstract())
        return address::unix_abstract(a.abstract_name());
    return a.is_unnamed() ? address() : address(a.host(), a.port());
}

void check(const address& a) {
    const std::string text = a.to_string();
    const std::optional<address> back = address::try_parse(text);
    require(back.has_value(), "the text of an address is one");
    require(*back == a, "parse(to_string()) is the identity");
    require((*back <=> a) == 0, "equal addresses are ordered as such");
    require(std::hash<address>()(*back) == std::hash<address>()(a), "equal addresses have the same hash");
    require(back->to_string() == text, "equal addresses have the same text");
    require(address::parse(text) == a, "parse and try_parse agree");
    require(text.find_first_of(std::string_view("\0\n\r", 3)) == text.npos, "the text is one line");
    require(rebuilt(a) == a, "the parts of an address make it again");

    using native = coax::detail::native_address;
    if (!a.is_placeholder())
        require(native::make(native::data(a), native::size(a)) == a, "the system's form leads back to the address");
    for (const coax::family family : {coax::family::inet, coax::family::inet6, coax::family::local}) {
        const address exact = a.resolved(family);
        require(exact.port() == a.port() && exact.resolved(family) == exact, "what is resolved stays so");
    }
}

/// Checks what `make()` gives; it may refuse to give anything.
template <class Make>
bool try_check(Make make) {
    std::optional<address> made;
    try {
        made.emplace(make());
    } catch (const std::invalid_argument&) {
        return false;
    }
    check(*made);
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const bool parsed = try_check([&] { return address::parse(text); });
    require(parsed == address::try_parse(text).has_value(), "parse and try_parse agree");
    const int port = size < 2 ? 0 : data[size - 2] << 8 | data[size - 1];
    try_check([&] { return address(text, port); });
    try_check([&] { return address::unix_path(text); });
    try_check([&] { return address::unix_abstract(text); });
    check(coax::detail::native_address::make(data, size));
    return 0;
}

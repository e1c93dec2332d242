// Addresses made from text: hosts and ports, UNIX paths and names, and the notation of `to_string`.
#include <coax/address.hpp>

#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string>

#include "net/address_escape.hpp"
#include "net/address_host.hpp"
#include "os/address.hpp"
#include "runtime/current_system.hpp"

namespace coax {

namespace {

constexpr char no_numeric_host[] = "not a numeric host (names are resolved by getaddrinfo)";
constexpr char no_interface[] = "no network interface has this name";
constexpr char no_port[] = "the port is missing";
constexpr char bad_port[] = "the port is not a number from 0 to 65535";
constexpr char no_brackets[] = "an IPv6 host stands in brackets before its port";
constexpr char bad_escape[] = "a backslash is followed by neither another one nor xNN";
constexpr char empty_path[] = "the path is empty";
constexpr char nul_in_path[] = "a path cannot contain a NUL byte";
constexpr char name_too_long[] = "too long for a UNIX socket";

std::uint16_t checked_port(int port) {
    if (port < 0 || port > 65535)
        throw std::invalid_argument("port " + std::to_string(port) + " is not within 0..65535");
    return static_cast<std::uint16_t>(port);
}

[[noreturn]] void refuse(const char* what, std::string_view value, const char* problem) {
    std::string message = what;
    message += " \"";
    detail::append_escaped(message, value);
    message += "\": ";
    message += problem;
    if (problem == name_too_long)
        message += " (at most " + std::to_string(os::local_name_limit) + " bytes)";
    throw std::invalid_argument(message);
}

// A decimal number without sign and without leading zeros.
template <class T>
bool parse_decimal(std::string_view text, T& value) noexcept {
    if (text.empty() || text.front() == '-' || (text.front() == '0' && text.size() > 1))
        return false;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc() && read.ptr == end;
}

// The scope after the percent sign: an interface index, or else the name of an interface.
bool parse_scope(std::string_view text, std::uint32_t& scope) noexcept {
    if (parse_decimal(text, scope))
        return true;
    return detail::current_system().interface_index(text, scope) == 0;
}

} // namespace

address address::from_host(std::string_view host, std::uint16_t port, const char*& problem) noexcept {
    if (host.empty())
        return placeholder(form::any, port);
    if (host == "localhost")
        return placeholder(form::loopback, port);

    address made;
    void* const storage = detail::native_address::storage(made);
    unsigned char bytes[16];
    if (detail::parse_inet(host, std::span(bytes).first<4>())) {
        detail::native_address::commit(made, os::pack_inet(storage, std::span(bytes).first<4>(), port));
        return made;
    }
    const std::size_t percent = host.find('%');
    std::uint32_t scope = 0;
    if (!detail::parse_inet6(host.substr(0, percent), bytes))
        problem = no_numeric_host;
    else if (percent != host.npos && !parse_scope(host.substr(percent + 1), scope))
        problem = no_interface;
    else
        detail::native_address::commit(made, os::pack_inet6(storage, bytes, scope, port));
    return made;
}

address address::from_local(std::string_view name, bool abstract, const char*& problem) noexcept {
    if (name.size() > os::local_name_limit)
        problem = name_too_long;
    else if (!abstract && name.empty())
        problem = empty_path;
    else if (!abstract && name.find('\0') != name.npos)
        problem = nul_in_path;

    address made;
    if (problem == nullptr) {
        void* const storage = detail::native_address::storage(made);
        detail::native_address::commit(made, abstract ? os::pack_local_abstract(storage, name)
                                                      : os::pack_local_path(storage, name));
    }
    return made;
}

address address::from_text(std::string_view text, const char*& problem) noexcept {
    if (text == "unnamed")
        return {};
    if (text.starts_with("unix:")) {
        text.remove_prefix(5);
        const bool abstract = text.starts_with('@');
        char name[capacity];
        std::size_t length = 0;
        switch (detail::unescape(text.substr(abstract ? 1 : 0), name, length)) {
        case detail::unescape_error::bad_escape:
            problem = bad_escape;
            return {};
        case detail::unescape_error::too_long:
            problem = name_too_long;
            return {};
        case detail::unescape_error::none:
            break;
        }
        return from_local({name, length}, abstract, problem);
    }

    const std::size_t colon = text.rfind(':');
    if (colon == text.npos || text.ends_with(']')) {
        problem = no_port;
        return {};
    }
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    const bool needs_brackets = host.find(':') != host.npos;

    std::uint16_t port = 0;
    if (needs_brackets && !bracketed)
        problem = no_brackets;
    else if (bracketed && !needs_brackets)
        problem = no_numeric_host;
    else if (!parse_decimal(text.substr(colon + 1), port))
        problem = bad_port;
    return problem == nullptr ? from_host(host, port, problem) : address();
}

address::address(std::string_view host, int port) {
    const char* problem = nullptr;
    *this = from_host(host, checked_port(port), problem);
    if (problem != nullptr)
        refuse("host", host, problem);
}

std::optional<address> address::try_numeric(std::string_view host, int port) noexcept {
    if (port < 0 || port > 65535)
        return std::nullopt;
    const char* problem = nullptr;
    const address made = from_host(host, static_cast<std::uint16_t>(port), problem);
    return problem == nullptr && !made.is_placeholder() ? std::optional(made) : std::nullopt;
}

address address::from_bytes(std::span<const std::byte, 4> host, int port) {
    unsigned char bytes[4];
    std::memcpy(bytes, host.data(), sizeof bytes);
    address made;
    void* const storage = detail::native_address::storage(made);
    detail::native_address::commit(made, os::pack_inet(storage, bytes, checked_port(port)));
    return made;
}

address address::from_bytes(std::span<const std::byte, 16> host, int port, std::uint32_t scope_id) {
    unsigned char bytes[16];
    std::memcpy(bytes, host.data(), sizeof bytes);
    address made;
    void* const storage = detail::native_address::storage(made);
    detail::native_address::commit(made, os::pack_inet6(storage, bytes, scope_id, checked_port(port)));
    return made;
}

address address::from_native(const void* sockaddr, std::size_t size) {
    if (os::is_nobody(sockaddr, size))
        return {};
    const address made = detail::native_address::make(sockaddr, size);
    if (made.is_unnamed())
        throw std::invalid_argument("from_native: these " + std::to_string(size) +
                                    " bytes are no IPv4, IPv6 or UNIX address");
    return made;
}

address address::unix_path(std::string_view path) {
    const char* problem = nullptr;
    const address made = from_local(path, false, problem);
    if (problem != nullptr)
        refuse("UNIX path", path, problem);
    return made;
}

address address::unix_abstract(std::string_view name) {
    const char* problem = nullptr;
    const address made = from_local(name, true, problem);
    if (problem != nullptr)
        refuse("abstract UNIX name", name, problem);
    return made;
}

address address::parse(std::string_view text) {
    const char* problem = nullptr;
    const address made = from_text(text, problem);
    if (problem != nullptr)
        refuse("address", text, problem);
    return made;
}

std::optional<address> address::try_parse(std::string_view text) noexcept {
    const char* problem = nullptr;
    const address made = from_text(text, problem);
    return problem == nullptr ? std::optional(made) : std::nullopt;
}

} // namespace coax

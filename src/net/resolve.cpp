// Names looked up by the system on another thread, and numbers without it.
#include <coax/resolve.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <coax/to_thread.hpp>

#include "net/address_escape.hpp"
#include "net/address_host.hpp"
#include "net/lookup.hpp"
#include "runtime/current_system.hpp"

namespace coax {
namespace {

class resolve_errors final : public std::error_category {
public:
    const char* name() const noexcept override { return "getaddrinfo"; }
    std::string message(int code) const override {
        switch (static_cast<resolve_errc>(code)) {
        case resolve_errc::host_not_found:
            return "the host is not known";
        case resolve_errc::no_data:
            return "the host has no address of this family";
        case resolve_errc::try_again:
            return "the name server does not answer";
        case resolve_errc::failed:
            return "the lookup failed";
        case resolve_errc::family_not_supported:
            return "names have no addresses of this family";
        case resolve_errc::service_not_found:
            return "the service is not known";
        case resolve_errc::invalid_query:
            return "the system does not accept this query";
        }
        return "unknown error " + std::to_string(code);
    }
};

struct addresses_found {
    addresses_found() noexcept = default;
    std::error_code error;
    std::vector<address> addresses;
};

addresses_found ask_for_addresses(os::system* of, const os::name_query& query) {
    addresses_found given;
    given.error = of->resolve(query, given.addresses);
    return given;
}

/// Asks on one of the threads for lookups of this kind.
auto addresses_by_worker(const os::name_query& query) {
    using threads = detail::job_place::threads;
    const threads by = !query.hints.family                    ? threads::other_lookups
                       : *query.hints.family == family::inet6 ? threads::inet6_lookups
                                                              : threads::inet_lookups;
    using call =
        detail::thread_call<addresses_found (*)(os::system*, const os::name_query&), os::system*, os::name_query>;
    return detail::owning_thread_awaiter<call>(
        detail::job_place(operation_name::getaddrinfo, by, std::hash<std::string>()(query.host) | 1),
        &ask_for_addresses, &detail::current_system(), query);
}

void keep_each_once(std::vector<address>& addresses) {
    // A name server may have thousands of them.
    std::set<address> seen;
    std::erase_if(addresses, [&](const address& one) { return one.is_unnamed() || !seen.insert(one).second; });
}

// RFC 1035 §2.3.4 allows 255 bytes on the wire, which is 253 characters and a dot at the end.
constexpr std::size_t longest_name = 254;

bool can_be_name(std::string_view text) noexcept { return text.size() <= longest_name && text.find('\0') == text.npos; }

bool is_number(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// The port that a service is as a number. Nothing where it is a name.
/// Systems read numbers with strtoul(3): signs, blanks and what does not fit in 16 bits would give some port or other.
std::optional<int> numeric_port(std::string_view host, std::string_view service) {
    if (service.empty())
        return 0;
    if (is_number(service)) {
        int port = 0;
        const auto read = std::from_chars(service.data(), service.data() + service.size(), port);
        if (read.ec == std::errc() && port <= 65535)
            return port;
    } else if (can_be_name(service) &&
               std::string_view(" \t\n\v\f\r+-").find(service.front()) == std::string_view::npos) {
        return std::nullopt;
    }
    throw resolve_error(resolve_errc::service_not_found, host, service);
}

/// The addresses of the query's answer; throws `resolve_error` where there are none.
task<std::vector<address>> found_by(os::name_query query, std::string host) {
    addresses_found given = co_await addresses_by_worker(query);
    keep_each_once(given.addresses);
    if (!given.error && given.addresses.empty())
        given.error = resolve_errc::no_data;
    if (given.error)
        throw resolve_error(given.error, host, query.service);
    co_return std::move(given.addresses);
}

task<std::vector<address>> resolve(std::string host, std::string service, resolve_hints hints) {
    if (hints.family == family::local)
        throw resolve_error(resolve_errc::family_not_supported, host, service);
    const std::optional<int> port = numeric_port(host, service);
    if (!port && hints.numeric_service)
        throw resolve_error(resolve_errc::service_not_found, host, service);
    std::vector<address> known = detail::known_addresses(host, service, port.value_or(0), hints);
    if (known.empty()) {
        if (hints.numeric_host)
            throw resolve_error(resolve_errc::host_not_found, host, service);
        const os::name_query query(host, service, hints);
        co_return co_await found_by(query, host);
    }
    if (port)
        co_return known;

    // Only the service is a name: the host stays what it is without the system.
    resolve_hints numeric;
    numeric.kind = hints.kind;
    numeric.numeric_host = true;
    const os::name_query query("127.0.0.1", service, numeric);
    const std::vector<address> ports = co_await found_by(query, host);
    known.clear();
    for (const address& one : ports) {
        for (const address& complete : detail::known_addresses(host, service, one.port(), hints))
            known.push_back(complete);
    }
    keep_each_once(known);
    co_return known;
}

/// RFC 6761 §6.3: "localhost" and every name below it, in any case, with or without the dot of a full name. No name server is asked.
bool is_localhost(std::string_view host) noexcept {
    constexpr std::string_view name = "localhost";
    if (host.ends_with('.'))
        host.remove_suffix(1);
    if (host.size() < name.size())
        return false;
    const std::string_view labels = host.substr(0, host.size() - name.size());
    if (!labels.empty() && (labels.back() != '.' || labels.size() == 1))
        return false;
    const std::string_view last = host.substr(labels.size());
    return std::equal(last.begin(), last.end(), name.begin(), [](char given, char lower) {
        return given == lower || (given >= 'A' && given <= 'Z' && given - 'A' + 'a' == lower);
    });
}

/// A host in the notations that `address` reads. The others that systems read as numbers are left to them.
bool is_number_of_host(std::string_view host) noexcept {
    unsigned char bytes[4];
    return host.find(':') != host.npos || detail::parse_inet(host, bytes);
}

std::string told(std::string_view host, std::string_view service, const std::error_code& code) {
    std::string text = "getaddrinfo ";
    detail::append_escaped(text, host);
    text += ':';
    detail::append_escaped(text, service);
    return text + ": " + code.message();
}

} // namespace

namespace detail {

std::vector<address> known_addresses(std::string_view host, std::string_view service, int port,
                                     const resolve_hints& hints) {
    const auto refuse = [&](resolve_errc why) { throw resolve_error(why, host, service); };
    if (hints.family == family::local)
        refuse(resolve_errc::family_not_supported);
    if (!can_be_name(host))
        refuse(resolve_errc::host_not_found);
    const bool loopback = is_localhost(host) || (host.empty() && !hints.passive);
    if (!loopback && !host.empty() && !is_number_of_host(host))
        return {};
    address found;
    try {
        found = address(loopback ? "localhost" : host, port);
    } catch (const std::invalid_argument&) { // no name has a colon
        refuse(resolve_errc::host_not_found);
    }
    if (found.is_placeholder()) {
        if (hints.family)
            return {found.resolved(*hints.family)};
        return {found.resolved(family::inet6), found.resolved(family::inet)};
    }
    if (hints.family && found.family() != hints.family)
        refuse(resolve_errc::no_data);
    return {found};
}

task<std::vector<address>> getaddrinfo_fn::operator()(std::string_view host, std::string_view service,
                                                      const resolve_hints& hints) const {
    return resolve(std::string(host), std::string(service), hints);
}

task<std::vector<address>> getaddrinfo_fn::operator()(std::string_view host, int port,
                                                      const resolve_hints& hints) const {
    static_cast<void>(address("", port)); // checks the range
    return resolve(std::string(host), std::to_string(port), hints);
}

} // namespace detail

const std::error_category& resolve_category() noexcept {
    static const resolve_errors only;
    return only;
}

resolve_error::resolve_error(std::error_code code, std::string_view host, std::string_view service)
    : io_error(failure(code, operation_name::getaddrinfo)),
      text_(std::make_shared<const std::string>(told(host, service, code))) {}
static_assert(std::is_nothrow_copy_constructible_v<resolve_error>);
resolve_error::~resolve_error() = default;

} // namespace coax

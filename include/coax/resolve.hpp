/// \file
/// Names: from a host and a service to the addresses that stand for them, and back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <coax/address.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>
#include <coax/kind.hpp>
#include <coax/task.hpp>

namespace coax {

/// Why a name has no address.
enum class resolve_errc {
    host_not_found = 1,   ///< there is no such host (EAI_NONAME)
    no_data,              ///< the host has no address of the family asked for (EAI_NODATA, EAI_ADDRFAMILY)
    try_again,            ///< the name server did not answer; it may do so later (EAI_AGAIN)
    failed,               ///< the lookup failed for good (EAI_FAIL)
    family_not_supported, ///< names do not stand for addresses of this family (EAI_FAMILY)
    service_not_found,    ///< there is no such service for this kind of socket (EAI_SERVICE, EAI_SOCKTYPE)
    invalid_query,        ///< the system does not accept the question (EAI_BADFLAGS, EAI_OVERFLOW)
};

/// The category of `resolve_errc`, "getaddrinfo". An error of the system, or a lack of memory, has the category of such errors.
COAX_API const std::error_category& resolve_category() noexcept;

/// `resolve_errc` as an error code of `resolve_category`.
inline std::error_code make_error_code(resolve_errc code) noexcept {
    return {static_cast<int>(code), resolve_category()};
}

/// A host or a service could not be resolved, or an address has no name. `what()` says which; `code()` is a `resolve_errc` or an error of
/// the system.
class COAX_API resolve_error : public io_error {
public:
    /// For this host and this service, both as they were asked for.
    resolve_error(std::error_code code, std::string_view host, std::string_view service);
    /// For this address, which is its `peer()`, and whose name was asked for.
    resolve_error(std::error_code code, const address& nameless);
    ~resolve_error() override;

    /// The operation, the host and the service, and the reason.
    const char* what() const noexcept override { return text_->c_str(); }

private:
    std::shared_ptr<const std::string> text_; // copying an exception must not throw
};

/// What addresses are wanted.
struct resolve_hints {
    std::optional<coax::family> family = {}; ///< `inet` or `inet6`; both without it
    coax::kind kind = coax::kind::stream;    ///< decides where a service is looked up
    bool passive = false;                    ///< an empty host is "any", to bind to, instead of loopback (AI_PASSIVE)
    bool numeric_host = false;               ///< no host is looked up (AI_NUMERICHOST)
    bool numeric_service = false;            ///< no service is looked up (AI_NUMERICSERV)
    bool address_configured = false;         ///< only families of which this machine has an address (AI_ADDRCONFIG)
};

namespace detail {

struct COAX_API getaddrinfo_fn {
    task<std::vector<address>> operator()(std::string_view host, std::string_view service,
                                          const resolve_hints& hints = {}) const;
    task<std::vector<address>> operator()(std::string_view host, int port, const resolve_hints& hints = {}) const;
};

} // namespace detail

/// `co_await getaddrinfo("example.org", "http")` or `getaddrinfo("example.org", 80)`: the addresses of a host, each once, in the
/// system's order (RFC 6724), at least one.
///
/// The host is a name, a numeric address, "localhost" or empty: the last two are loopback (or with `passive`, for the empty one,
/// "any"), IPv6 before IPv4. So are "LocalHost", "localhost." and all names below `.localhost`, which no name server is asked about. Other notations of numbers, such as 127.1, mean what they mean to the system. The service is a number
/// or a name such as "http"; empty it is port 0. Where no name is involved nobody is asked, and the answer comes at once. Names are
/// looked up by the system on threads of the scheduler that are there for lookups only, so that the loop goes on, and `to_thread` too. For
/// each family, and for both at once, there are up to 64; of one name 8 lookups run at the same time and the others wait, so that a name
/// whose server is silent keeps no other name waiting.
///
/// Throws `resolve_error`, also for a text that cannot be a name or a port number, and `std::invalid_argument` for an `int` outside
/// of 0..65535 (that one at the call).
///
/// Cancellation: throws `cancelled` at once; a lookup that has begun is left behind, and occupies its thread until the system gives
/// it up. What needs no lookup is not a checkpoint. Source: getaddrinfo(3), RFC 6724, RFC 6761 §6.3.
inline constexpr detail::getaddrinfo_fn getaddrinfo{};

/// What is wanted of an address's names.
struct name_hints {
    coax::kind kind = coax::kind::stream; ///< `datagram`: services of UDP (NI_DGRAM)
    bool numeric_host = false;            ///< no host is looked up: the address as text (NI_NUMERICHOST)
    bool numeric_service = false;         ///< no service is looked up: the port as text (NI_NUMERICSERV)
    bool name_required = false;           ///< a host without a name is an error (NI_NAMEREQD)
};

/// The names of an address.
struct resolved_name {
    /// None yet.
    resolved_name() noexcept = default;
    /// These.
    resolved_name(std::string of, std::string at) noexcept : host(std::move(of)), service(std::move(at)) {}

    std::string host;    ///< a name, or the address as text
    std::string service; ///< a name, or the port as text
};

namespace detail {

struct COAX_API getnameinfo_fn {
    task<resolved_name> operator()(const address& of, const name_hints& hints = {}) const;
};

} // namespace detail

/// `auto [host, service] = co_await getnameinfo(peer)`: what the host of an IPv4 or IPv6 address and the service at its port are called, by
/// whoever owns the address: a host's name proves nothing until `getaddrinfo` has led back to the address. What has no name is given as text,
/// the host as `address::host`. Where nothing is looked up the answer comes at once; otherwise on a thread, as with `getaddrinfo`.
///
/// Throws `resolve_error`: `host_not_found` with `name_required` where the host has no name, `try_again` where the name server is silent and
/// a name is required, `family_not_supported` for UNIX sockets, placeholders and the unnamed address.
///
/// Cancellation: as `getaddrinfo`. Source: getnameinfo(3).
inline constexpr detail::getnameinfo_fn getnameinfo{};

} // namespace coax

template <>
struct std::is_error_code_enum<coax::resolve_errc> : std::true_type {};

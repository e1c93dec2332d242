#include "os/native.hpp"

#include <cerrno>
#include <memory>

#include <netdb.h>

#include "os/resolve.hpp"

namespace coax::os {
namespace {

std::error_code code_of(int status, int system_error) noexcept {
    switch (status) {
    case EAI_AGAIN:
        return resolve_errc::try_again;
    case EAI_NONAME:
        return resolve_errc::host_not_found;
#if defined(EAI_NODATA) && EAI_NODATA != EAI_NONAME
    case EAI_NODATA:
        return resolve_errc::no_data;
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
        return resolve_errc::no_data;
#endif
    case EAI_FAMILY:
        return resolve_errc::family_not_supported;
    case EAI_SERVICE:
    case EAI_SOCKTYPE:
        return resolve_errc::service_not_found;
    case EAI_MEMORY:
        return std::make_error_code(std::errc::not_enough_memory);
    case EAI_SYSTEM:
        if (system_error != 0)
            return {system_error, std::system_category()};
        return resolve_errc::failed;
    case EAI_BADFLAGS:
    case EAI_OVERFLOW:
        return resolve_errc::invalid_query;
    case EAI_FAIL:
    default: // each system has some of its own
        return resolve_errc::failed;
    }
}

struct free_list {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

} // namespace

std::error_code resolve(const name_query& query, std::vector<address>& into) {
    addrinfo hints{};
    hints.ai_family = native_family(query.hints.family);
    hints.ai_socktype = native_kind(query.hints.kind);
    hints.ai_flags = (query.hints.passive ? AI_PASSIVE : 0) | (query.hints.numeric_host ? AI_NUMERICHOST : 0) |
                     (query.hints.numeric_service ? AI_NUMERICSERV : 0) |
                     (query.hints.address_configured ? AI_ADDRCONFIG : 0);
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(query.host.empty() ? nullptr : query.host.c_str(),
                                     query.service.empty() ? nullptr : query.service.c_str(), &hints, &found);
    if (status != 0)
        return code_of(status, errno);
    const std::unique_ptr<addrinfo, free_list> list(found);
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next)
        into.push_back(detail::native_address::make(entry->ai_addr, entry->ai_addrlen));
    return {};
}

std::error_code name_of(const address_query& query, resolved_name& into) {
    constexpr std::size_t host_size = 1025; // NI_MAXHOST and NI_MAXSERV, which not every system shows
    constexpr std::size_t service_size = 128;
    char host[host_size] = "";
    char service[service_size] = "";
    const int flags =
        (query.hints.kind == kind::datagram ? NI_DGRAM : 0) | (query.hints.numeric_host ? NI_NUMERICHOST : 0) |
        (query.hints.numeric_service ? NI_NUMERICSERV : 0) | (query.hints.name_required ? NI_NAMEREQD : 0);
    const auto* name = static_cast<const sockaddr*>(detail::native_address::data(query.of));
    const int status = ::getnameinfo(name, static_cast<socklen_t>(detail::native_address::size(query.of)), host,
                                     sizeof host, service, sizeof service, flags);
    if (status != 0)
        return code_of(status, errno);
    into.host = host;
    into.service = service;
    return {};
}

} // namespace coax::os

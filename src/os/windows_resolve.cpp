#include "os/native.hpp"

#include <memory>

#include <coax/error.hpp>

#include "os/resolve.hpp"

namespace coax::os {
namespace {

std::error_code code_of(int status) noexcept {
    switch (status) {
    case WSATRY_AGAIN:
        return resolve_errc::try_again;
    case WSAHOST_NOT_FOUND:
        return resolve_errc::host_not_found;
    case WSANO_DATA:
        return resolve_errc::no_data;
    case WSAEAFNOSUPPORT:
        return resolve_errc::family_not_supported;
    case WSATYPE_NOT_FOUND:
    case WSAESOCKTNOSUPPORT:
        return resolve_errc::service_not_found;
    case WSA_NOT_ENOUGH_MEMORY:
        return std::make_error_code(std::errc::not_enough_memory);
    case WSAEINVAL:
        return resolve_errc::invalid_query;
    case WSANO_RECOVERY:
    default:
        return resolve_errc::failed;
    }
}

struct free_list {
    void operator()(ADDRINFOW* list) const noexcept { ::FreeAddrInfoW(list); }
};

} // namespace

std::error_code resolve(const name_query& query, std::vector<address>& into) {
    if (const int error = start_winsock(); error != 0)
        return detail::system_error(error);
    ADDRINFOW hints{};
    hints.ai_family = native_family(query.hints.family);
    hints.ai_socktype = native_kind(query.hints.kind);
    hints.ai_flags = (query.hints.passive ? AI_PASSIVE : 0) | (query.hints.numeric_host ? AI_NUMERICHOST : 0) |
                     (query.hints.numeric_service ? AI_NUMERICSERV : 0) |
                     (query.hints.address_configured ? AI_ADDRCONFIG : 0);
    const std::wstring host = widened(query.host);
    const std::wstring service = widened(query.service);
    ADDRINFOW* found = nullptr;
    const int status = ::GetAddrInfoW(query.host.empty() ? nullptr : host.c_str(),
                                      query.service.empty() ? nullptr : service.c_str(), &hints, &found);
    if (status != 0)
        return code_of(status);
    const std::unique_ptr<ADDRINFOW, free_list> list(found);
    for (const ADDRINFOW* entry = found; entry != nullptr; entry = entry->ai_next)
        into.push_back(detail::native_address::make(entry->ai_addr, entry->ai_addrlen));
    return {};
}

std::error_code name_of(const address_query& query, resolved_name& into) {
    if (const int error = start_winsock(); error != 0)
        return detail::system_error(error);
    wchar_t host[NI_MAXHOST] = L"";
    wchar_t service[NI_MAXSERV] = L"";
    const int flags =
        (query.hints.kind == kind::datagram ? NI_DGRAM : 0) | (query.hints.numeric_host ? NI_NUMERICHOST : 0) |
        (query.hints.numeric_service ? NI_NUMERICSERV : 0) | (query.hints.name_required ? NI_NAMEREQD : 0);
    const auto* name = static_cast<const sockaddr*>(detail::native_address::data(query.of));
    const int status = ::GetNameInfoW(name, static_cast<native_size>(detail::native_address::size(query.of)), host,
                                      NI_MAXHOST, service, NI_MAXSERV, flags);
    if (status != 0)
        return code_of(status);
    into.host = narrowed(host);
    into.service = narrowed(service);
    return {};
}

} // namespace coax::os

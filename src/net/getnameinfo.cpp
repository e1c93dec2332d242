// The names of an address: asked of the system on another thread, and numbers without it.
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include <coax/resolve.hpp>
#include <coax/to_thread.hpp>

#include "runtime/current_system.hpp"

namespace coax {
namespace {

struct names_found {
    names_found() noexcept = default;
    std::error_code error;
    resolved_name names;
};

names_found ask_for_names(os::system* of, const os::address_query& query) {
    names_found given;
    given.error = of->name_of(query, given.names);
    return given;
}

auto names_by_worker(const os::address_query& query) {
    using call =
        detail::thread_call<names_found (*)(os::system*, const os::address_query&), os::system*, os::address_query>;
    const detail::job_place by(operation_name::getnameinfo, detail::job_place::threads::other_lookups,
                               std::hash<address>()(query.of) | 1);
    return detail::owning_thread_awaiter<call>(by, &ask_for_names, &detail::current_system(), query);
}

task<resolved_name> names_of(address of, name_hints hints) {
    if (!of.family() || of.family() == family::local)
        throw resolve_error(resolve_errc::family_not_supported, of);
    if (hints.numeric_host && hints.name_required)
        throw resolve_error(resolve_errc::host_not_found, of);
    resolved_name known(of.host(), std::to_string(of.port()));
    if (hints.numeric_host && hints.numeric_service)
        co_return known;
    const os::address_query query(of, hints);
    names_found given = co_await names_by_worker(query);
    if (given.error)
        throw resolve_error(given.error, of);
    // Systems write numbers in more than one way.
    if (hints.numeric_host || address::try_numeric(given.names.host, of.port()) == of)
        given.names.host = std::move(known.host);
    if (hints.numeric_service)
        given.names.service = std::move(known.service);
    co_return std::move(given.names);
}

} // namespace

task<resolved_name> detail::getnameinfo_fn::operator()(const address& of, const name_hints& hints) const {
    return names_of(of, hints);
}

resolve_error::resolve_error(std::error_code code, const address& nameless)
    : io_error(failure(code, operation_name::getnameinfo).with_peer(nameless)),
      text_(std::make_shared<const std::string>("getnameinfo " + nameless.to_string() + ": " + code.message())) {}

} // namespace coax

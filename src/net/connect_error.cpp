// What is told when none of the addresses could be connected to.
#include <algorithm>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <coax/connect.hpp>

namespace coax {
namespace {

bool has_no_way(const std::error_code& error) noexcept {
    return error == std::errc::network_unreachable || error == std::errc::host_unreachable ||
           error == std::errc::address_family_not_supported || error == std::errc::address_not_available;
}

failed_attempt most_telling(const std::vector<failed_attempt>& attempts) noexcept {
    if (attempts.empty())
        return {address(), std::make_error_code(std::errc::address_family_not_supported)};
    const auto found = std::find_if(attempts.rbegin(), attempts.rend(),
                                    [](const failed_attempt& one) { return !has_no_way(one.error); });
    return found == attempts.rend() ? attempts.back() : *found;
}

} // namespace

connect_error::connect_error(std::string_view target, std::vector<failed_attempt> attempts)
    : io_error(failure(most_telling(attempts).error, operation_name::create_connection)
                   .with_peer(most_telling(attempts).peer)) {
    story told;
    told.text = "create_connection";
    if (!target.empty() && attempts.size() != 1)
        told.text.append(" ").append(target);
    const char* separator = attempts.size() > 1 ? ": " : " ";
    for (const failed_attempt& one : attempts) {
        told.text += separator + one.peer.to_string() + ": " + one.error.message();
        separator = "; ";
    }
    if (attempts.empty())
        told.text += ": " + code().message();
    told.attempts = std::move(attempts);
    told_ = std::make_shared<const story>(std::move(told));
}
static_assert(std::is_nothrow_copy_constructible_v<connect_error>);
connect_error::~connect_error() = default;

} // namespace coax

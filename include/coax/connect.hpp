/// \file
/// Connecting by name, to whichever of its addresses answers first.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <coax/address.hpp>
#include <coax/clock.hpp>
#include <coax/config.hpp>
#include <coax/error.hpp>
#include <coax/socket.hpp>
#include <coax/task.hpp>

namespace coax {

/// How the addresses of a host are tried. The names and values are those of RFC 8305.
struct connection_options {
    /// Only addresses of this family.
    std::optional<coax::family> family = {};
    /// How long an attempt has before the next one begins beside it; held to 10 milliseconds and 2 seconds ("Connection Attempt Delay").
    clock::duration attempt_delay = std::chrono::milliseconds(250);
    /// How long IPv4 addresses wait for IPv6 ones that have not been found yet ("Resolution Delay").
    clock::duration resolution_delay = std::chrono::milliseconds(50);
    /// How many addresses of the preferred family come before the first of the other ("First Address Family Count").
    std::size_t first_family_count = 1;
    /// What the connection is bound to. Only addresses of its family are tried; a placeholder fits all. Port 0 is chosen with the destination
    /// where the system can (Linux), so that it is taken for that one only.
    std::optional<address> local_address = {};
    /// How many attempts may be going on at once, each with a socket of its own; 0 is no limit. Where so many are silent the next one
    /// begins when one of them has failed.
    std::size_t max_pending = 8;
};

/// One address that was tried, and why it failed.
struct failed_attempt {
    /// This address, for this reason.
    failed_attempt(const address& to, std::error_code why) noexcept : peer(to), error(why) {}

    address peer;          ///< the address that was tried
    std::error_code error; ///< why it failed
};

/// None of the addresses could be connected to. `code()` and `peer()` are those of the attempt that says most: the last one which
/// failed for another reason than that this machine has no way to the address. `what()` lists them all.
///
/// Without any attempt it is `address_family_not_supported`: there were addresses, but the options excluded all of them.
class COAX_API connect_error : public io_error {
public:
    /// For these attempts; `target` is the host, for the message.
    connect_error(std::string_view target, std::vector<failed_attempt> attempts);
    ~connect_error() override;

    /// Names the target, then each address with its error.
    const char* what() const noexcept override { return told_->text.c_str(); }
    /// Every address that was tried, in that order.
    std::span<const failed_attempt> attempts() const noexcept { return told_->attempts; }

private:
    struct story {
        std::string text;
        std::vector<failed_attempt> attempts;
    };
    std::shared_ptr<const story> told_; // copying an exception must not throw
};

namespace detail {

struct COAX_API create_connection_fn {
    task<socket> operator()(std::string_view host, int port, const connection_options& options = {}) const;
    task<socket> operator()(std::span<const address> candidates, const connection_options& options = {}) const;
    task<socket> operator()(const address& only, const connection_options& options = {}) const;
};

} // namespace detail

/// `socket conn = co_await create_connection("example.org", 80)`: a connected stream socket.
///
/// The IPv6 and the IPv4 addresses of the host are looked up at the same time (`getaddrinfo`), and tried in turns, IPv6 first: each
/// attempt begins when one has failed, or the one before has had `attempt_delay` and no more than `max_pending` are going on. The first
/// to connect wins; the others are cancelled and closed before this returns. A family that nobody answers for delays the other by
/// `resolution_delay`, no more. A numeric host, "localhost" with what is below it and an empty one, which is loopback as well, need no
/// lookup. A socket that the system has connected to itself, for want of a listener, is `connection_refused`.
///
/// Instead of a name, one address or several can be given, also of UNIX sockets: the first one's family is preferred, and a placeholder
/// stands for its address in either family.
///
/// Throws `connect_error`, with one error for each address, or with none and `address_family_not_supported` where the options exclude
/// all; `resolve_error` where the host has none; at the call `std::invalid_argument` for a port outside of 0..65535 and
/// for no candidates. For a limit on all of it there is `with_timeout`.
///
/// Cancellation: all attempts are given up and closed, and lookups left behind; a connection that was made before is given.
/// Source: RFC 8305.
inline constexpr detail::create_connection_fn create_connection{};

} // namespace coax

// What a membership is refused for. Each error says what was called, for which group, and why.
#include "support/catch.hpp"
#include "support/multicast.hpp"
#include "support/net.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

using coax::operation_name;
using support::group;
using support::here;
using support::loopback;

namespace {

constexpr coax::interface_index nowhere(987'654);

void check_refused(const std::function<void()>& call, std::errc why, operation_name operation,
                   const coax::address& about) {
    try {
        call();
        FAIL("it is not refused");
    } catch (const coax::io_error& error) {
        CHECK(error.code() == why);
        CHECK(error.operation() == operation);
        CHECK(error.peer() == about);
        std::string begin = to_string(operation);
        if (!about.is_unnamed())
            begin += ' ' + about.to_string();
        CHECK(std::string_view(error.what()).starts_with(begin + ": "));
    }
}

/// All four calls refuse this, for the same reason.
void check_all_refused(coax::socket& socket, const coax::address& to, const coax::address& source,
                       coax::interface_index on, std::errc why) {
    INFO(to << " from " << source);
    check_refused([&] { socket.join_group(to, on); }, why, operation_name::join_group, to);
    check_refused([&] { socket.leave_group(to, on); }, why, operation_name::leave_group, to);
    check_refused([&] { socket.join_source_group(to, source, on); }, why, operation_name::join_source_group, to);
    check_refused([&] { socket.leave_source_group(to, source, on); }, why, operation_name::leave_source_group, to);
}

coax::family other(coax::family than) { return than == coax::family::inet ? coax::family::inet6 : coax::family::inet; }

} // namespace

TEST_CASE("what is no group is an invalid argument") {
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::datagram);
        const std::vector<coax::address> no_groups = {{"", 0},
                                                      {"localhost", 0},
                                                      here(family, 7),
                                                      {"223.255.255.255", 0},
                                                      {"240.0.0.0", 0},
                                                      {"255.255.255.255", 0},
                                                      {"::ffff:224.0.0.1", 0},
                                                      {"fe80::1%1", 0},
                                                      coax::address(),
                                                      coax::address::unix_path("group")};
        for (const coax::address& no_group : no_groups)
            check_all_refused(socket, no_group, here(family, 0), loopback(), std::errc::invalid_argument);
    }
}

TEST_CASE("what is no single source is an invalid argument, and one of another family says so") {
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::datagram);
        const coax::address to = group(family, 30);
        const auto check = [&](const coax::address& source, std::errc why) {
            INFO(source);
            check_refused([&] { socket.join_source_group(to, source, loopback()); }, why,
                          operation_name::join_source_group, to);
            check_refused([&] { socket.leave_source_group(to, source, loopback()); }, why,
                          operation_name::leave_source_group, to);
        };
        check(group(family, 31), std::errc::invalid_argument);
        check(coax::address(), std::errc::invalid_argument);
        check({"", 0}, std::errc::invalid_argument);
        check(here(other(family), 0), std::errc::address_family_not_supported);
        check(coax::address::unix_path("source"), std::errc::address_family_not_supported);
    }
}

TEST_CASE("a group of another family than the socket's is refused as that") {
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::datagram);
        check_all_refused(socket, group(other(family), 32), here(other(family), 0), loopback(),
                          std::errc::address_family_not_supported);
    }
}

TEST_CASE("a stream joins nothing") {
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::stream);
        check_all_refused(socket, group(family, 33), here(family, 0), loopback(), std::errc::operation_not_supported);
    }
}

TEST_CASE("a closed socket joins nothing") {
    coax::socket socket(coax::family::inet, coax::kind::datagram);
    socket.close();
    const coax::address to = group(coax::family::inet, 34);
    CHECK(support::code_thrown_by([&] { socket.join_group(to, loopback()); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { socket.leave_group(to, loopback()); }) == std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { socket.join_source_group(to, {"127.0.0.1", 0}, loopback()); }) ==
          std::errc::bad_file_descriptor);
    CHECK(support::code_thrown_by([&] { coax::socket().leave_source_group(to, {"127.0.0.1", 0}, loopback()); }) ==
          std::errc::bad_file_descriptor);
}

TEST_CASE("an interface that does not exist is no such device") {
    if (!support::has_memberships())
        return;
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::datagram);
        check_all_refused(socket, group(family, 35), here(family, 0), nowhere, std::errc::no_such_device);
        CHECK_THROWS_AS(socket.join_group(group(family, 35), "coax-none"), coax::no_such_interface);
        check_refused([&] { socket.setsockopt(coax::option::multicast_interface, nowhere); }, std::errc::no_such_device,
                      operation_name::setsockopt, {});
        CHECK(socket.getsockopt(coax::option::multicast_interface) == coax::interface_index());
    }
}

TEST_CASE("a scope and another interface contradict each other") {
    if (!support::has(coax::family::inet6))
        return;
    coax::socket socket(coax::family::inet6, coax::kind::datagram);
    const coax::address to("ff12::c0a:9%" + std::to_string(loopback().value()), 0);
    check_all_refused(socket, to, here(coax::family::inet6, 0), nowhere, std::errc::invalid_argument);
    if (!support::has_memberships())
        return;
    CHECK_NOTHROW(socket.join_group(to, loopback()));
    CHECK_NOTHROW(socket.leave_group(to));
}

// What Windows itself says to these two is untried, and Wine says something else.
TEST_CASE("a group is joined once", "[posix]") {
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::datagram);
        const coax::address to = group(family, 36, 7);
        socket.join_group(to, loopback());
        check_refused([&] { socket.join_group(to, loopback()); }, std::errc::address_in_use, operation_name::join_group,
                      to);
        socket.leave_group(to, loopback());
        CHECK_NOTHROW(socket.join_group(to, loopback()));
        coax::socket second(family, coax::kind::datagram); // by each socket
        CHECK_NOTHROW(second.join_group(to, loopback()));
    }
}

TEST_CASE("who is no member cannot leave", "[posix]") {
    for (const coax::family family : support::internet()) {
        INFO(support::name_of(family));
        coax::socket socket(family, coax::kind::datagram);
        const coax::address to = group(family, 37);
        const coax::address source = here(family, 0);
        check_refused([&] { socket.leave_group(to, loopback()); }, std::errc::address_not_available,
                      operation_name::leave_group, to);
        check_refused([&] { socket.leave_source_group(to, source, loopback()); }, std::errc::address_not_available,
                      operation_name::leave_source_group, to);
        socket.join_group(group(family, 38), loopback());
        check_refused([&] { socket.leave_group(to, loopback()); }, std::errc::address_not_available,
                      operation_name::leave_group, to);
        // A member for all sources is none for one.
        socket.join_group(to, loopback());
        check_refused([&] { socket.leave_source_group(to, source, loopback()); }, std::errc::address_not_available,
                      operation_name::leave_source_group, to);
        CHECK_NOTHROW(socket.leave_group(to, loopback()));
        check_refused([&] { socket.leave_group(to, loopback()); }, std::errc::address_not_available,
                      operation_name::leave_group, to);
    }
}

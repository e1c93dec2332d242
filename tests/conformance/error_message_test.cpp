// Every error says which operation failed, where the other end was, and why.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// What an immediate call throws.
std::optional<coax::io_error> thrown_by(const std::function<void()>& call) {
    try {
        call();
    } catch (const coax::io_error& error) {
        return error;
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("the message of a receive that was reset reads: operation, peer, reason", "[reset]") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string peer = made.server.getpeername().to_string();
        support::reset(made.client);
        const auto receive = [&]() -> coax::task<> { const coax::chunk data = co_await made.server.recv(8); };
        const std::optional<coax::io_error> error = co_await support::error_of(receive());
        REQUIRE(error);
        const std::string reason = std::error_code(error->code()).message();
        CHECK(std::string(error->what()) == "recv " + peer + ": " + reason);
        CHECK(error->reason().message() == error->what());
    });
}

TEST_CASE("the errors of connected operations name the operation and the peer") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const coax::address peer = made.client.getpeername();
        made.client.shutdown(coax::shutdown_how::write);
        made.client.settimeout(0s);
        const auto check = [&](const auto& outcome, coax::operation_name operation) {
            REQUIRE_FALSE(outcome);
            INFO(outcome.error().message());
            CHECK(outcome.error().operation() == operation);
            CHECK(outcome.error().peer() == peer);
            CHECK(contains(outcome.error().message(), to_string(operation)));
            CHECK(contains(outcome.error().message(), peer.to_string()));
        };
        std::byte buffer[8];
        const auto send = co_await coax::as_result(made.client.send("x"));
        check(send, coax::operation_name::send);
        const auto sendall = co_await coax::as_result(made.client.sendall("x"));
        check(sendall, coax::operation_name::sendall);
        const auto pieces = co_await coax::as_result(made.client.sendall("x", "y"));
        check(pieces, coax::operation_name::sendall);
        const auto recv = co_await coax::as_result(made.client.recv(8));
        check(recv, coax::operation_name::recv);
        const auto own = co_await coax::as_result(made.client.recv(buffer));
        check(own, coax::operation_name::recv);
        const auto recvfrom = co_await coax::as_result(made.client.recvfrom(8));
        check(recvfrom, coax::operation_name::recvfrom);
        const auto filled = co_await coax::as_result(made.client.recvfrom(buffer));
        check(filled, coax::operation_name::recvfrom);
    });
}

TEST_CASE("the errors of operations with an address name that address", "[unix]") {
    support::run([]() -> coax::task<> {
        const coax::address name = support::bound(coax::family::local, coax::kind::stream).getsockname();
        coax::socket client(coax::family::local);
        const auto connected = co_await coax::as_result(client.connect(name));
        REQUIRE_FALSE(connected);
        CHECK(contains(connected.error().message(), "connect"));
        CHECK(contains(connected.error().message(), name.to_string()));

        coax::socket datagram(coax::family::inet, coax::kind::datagram);
        const coax::address far("127.0.0.1", 9);
        const std::string too_long(70'000, 'x');
        const auto sent = co_await coax::as_result(datagram.sendto(too_long, far));
        REQUIRE_FALSE(sent);
        CHECK(contains(sent.error().message(), "sendto"));
        CHECK(contains(sent.error().message(), "127.0.0.1:9"));
    });
}

TEST_CASE("an error with a placeholder names the address that it stood for") {
    support::run([]() -> coax::task<> {
        const coax::socket holder = support::bound(coax::family::inet, coax::kind::stream);
        const int port = holder.getsockname().port();
        coax::socket client(coax::family::inet);
        const auto outcome = co_await coax::as_result(client.connect({"localhost", port}));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().peer() == holder.getsockname());
    });
}

TEST_CASE("timeouts name the operation and the peer as well") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string peer = made.client.getpeername().to_string();
        made.client.settimeout(1ms);
        const auto receive = [&]() -> coax::task<> { const coax::chunk data = co_await made.client.recv(8); };
        const std::optional<coax::io_error> error = co_await support::error_of(receive());
        REQUIRE(error);
        CHECK(error->code() == std::errc::timed_out);
        CHECK(contains(error->what(), "recv"));
        CHECK(contains(error->what(), peer));
    });
}

TEST_CASE("a timeout is thrown as timeout_error, which is an io_error, which is a system_error") {
    support::run([]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        socket.settimeout(1ms);
        int caught = 0;
        try {
            const coax::chunk data = co_await socket.recv(8);
        } catch (const coax::timeout_error&) {
            ++caught;
        }
        try {
            const coax::chunk data = co_await socket.recv(8);
        } catch (const std::system_error& error) {
            caught += error.code() == std::errc::timed_out ? 1 : 0;
        }
        CHECK(caught == 2);
    });
}

TEST_CASE("immediate calls name themselves") {
    coax::socket closed;
    coax::socket idle(coax::family::inet);
    struct {
        coax::operation_name operation;
        std::function<void()> call;
    } const cases[] = {
        {coax::operation_name::bind, [&] { closed.bind({"", 0}); }},
        {coax::operation_name::listen, [&] { closed.listen(); }},
        {coax::operation_name::getsockname, [&] { static_cast<void>(closed.getsockname()); }},
        {coax::operation_name::getpeername, [&] { static_cast<void>(idle.getpeername()); }},
        {coax::operation_name::setsockopt, [&] { closed.setsockopt(coax::option::no_delay, true); }},
        {coax::operation_name::getsockopt, [&] { static_cast<void>(closed.getsockopt(coax::option::no_delay)); }},
        {coax::operation_name::shutdown, [&] { idle.shutdown(coax::shutdown_how::both); }},
        {coax::operation_name::detach, [&] { static_cast<void>(closed.detach()); }},
        {coax::operation_name::adopt, [] { static_cast<void>(coax::socket::adopt(-1)); }},
    };
    for (const auto& each : cases) {
        INFO(to_string(each.operation));
        const std::optional<coax::io_error> error = thrown_by(each.call);
        REQUIRE(error);
        CHECK(error->operation() == each.operation);
        CHECK(contains(error->what(), to_string(each.operation)));
        CHECK(contains(error->what(), std::error_code(error->code()).message()));
        CHECK(error->transferred() == 0);
    }
}

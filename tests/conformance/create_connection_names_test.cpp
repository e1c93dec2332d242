// create_connection by name: both families are looked up at once, IPv6 goes first, and neither has to wait long for the other.
#include "support/catch.hpp"
#include "support/full_listener.hpp"
#include "support/names.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/threads.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using coax::address;
using coax::resolve_errc;
using namespace std::chrono_literals;

namespace {

using addresses = std::vector<address>;

int port_of(const coax::os::name_query& query) { return std::stoi(query.service); }
bool asks_inet6(const coax::os::name_query& query) { return query.hints.family == coax::family::inet6; }

/// A host with one loopback address of each family.
std::error_code dual(const coax::os::name_query& query, addresses& into) {
    into = {address(asks_inet6(query) ? "::1" : "127.0.0.1", port_of(query))};
    return {};
}

/// With several, of which only the last two are served.
std::error_code many(const coax::os::name_query& query, addresses& into) {
    if (asks_inet6(query))
        into = {address("::1", port_of(query))};
    else
        into = {address("127.0.0.2", port_of(query)), address("127.0.0.3", port_of(query)),
                address("127.0.0.1", port_of(query))};
    return {};
}

std::error_code only_inet(const coax::os::name_query& query, addresses& into) {
    return asks_inet6(query) ? make_error_code(resolve_errc::host_not_found) : dual(query, into);
}

std::error_code unknown(const coax::os::name_query& query, addresses&) {
    return asks_inet6(query) ? resolve_errc::host_not_found : resolve_errc::try_again;
}

std::error_code unknown_the_other_way(const coax::os::name_query& query, addresses&) {
    return asks_inet6(query) ? resolve_errc::try_again : resolve_errc::host_not_found;
}

std::atomic<bool> let_go;

/// The question for IPv6 addresses is not answered until the test says so.
std::error_code late_inet6(const coax::os::name_query& query, addresses& into) {
    while (asks_inet6(query) && !let_go)
        std::this_thread::yield();
    return dual(query, into);
}

std::error_code late_inet6_and_two(const coax::os::name_query& query, addresses& into) {
    late_inet6(query, into);
    if (!asks_inet6(query))
        into.push_back(address("127.0.0.2", port_of(query)));
    return {};
}

std::error_code late_inet(const coax::os::name_query& query, addresses& into) {
    while (!asks_inet6(query) && !let_go)
        std::this_thread::yield();
    return dual(query, into);
}

/// Listeners of both families on one port.
struct dual_listener {
    dual_listener() {
        // A port that is free for IPv4 may be taken for IPv6, if only by a connection that has ended.
        for (int tries = 1; !bound(tries == 20); ++tries)
            continue;
        inet6.listen();
    }
    bool bound(bool last_try) {
        inet = support::listening(coax::family::inet);
        inet6 = coax::socket(coax::family::inet6);
        inet6.setsockopt(coax::option::v6_only, true);
        try {
            inet6.bind({"::1", port()});
        } catch (const coax::io_error& error) {
            if (last_try || error.code() != std::errc::address_in_use)
                throw;
            return false;
        }
        return true;
    }
    int port() const { return inet.getsockname().port(); }

    coax::socket inet6;
    coax::socket inet;
};

coax::task<> fails(coax::task<coax::socket> attempt, std::error_code why) {
    const auto outcome = co_await coax::as_result(std::move(attempt));
    CHECK(support::code_of(outcome) == why);
}

/// How many this process has, where the system tells.
std::size_t threads() {
    std::error_code none;
    const std::filesystem::directory_iterator all("/proc/self/task", none);
    return none ? 0 : static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

coax::task<> leave_nothing_behind() {
    let_go = true;
    co_await support::until([] { return coax::scheduler::current().stats().jobs == 0; });
}

/// None where somebody else has this port.
coax::socket listening_at(const address& name) {
    coax::socket made(name.family().value());
    if (name.family() == coax::family::inet6)
        made.setsockopt(coax::option::v6_only, true);
    try {
        made.bind(name);
        made.listen();
    } catch (const coax::io_error& error) {
        if (error.code() != std::errc::address_in_use)
            throw;
        return {};
    }
    return made;
}

} // namespace

TEST_CASE("IPv6 is preferred, unless the options say otherwise") {
    if (!support::has(coax::family::inet6))
        return;
    const support::names asked(&dual);
    support::run([]() -> coax::task<> {
        const dual_listener both;
        coax::connection_options options;
        const coax::socket conn = co_await coax::create_connection("dual.test", both.port());
        CHECK(conn.getpeername() == address("::1", both.port()));
        const coax::socket local = co_await coax::create_connection("localhost", both.port());
        CHECK(local.getpeername() == address("::1", both.port()));
        options.family = coax::family::inet;
        const coax::socket inet = co_await coax::create_connection("dual.test", both.port(), options);
        CHECK(inet.getpeername() == address("127.0.0.1", both.port()));
    });
}

TEST_CASE("an address that refuses is followed by one of the other family, then by the rest") {
    const support::names asked(&many);
    support::run([]() -> coax::task<> {
        coax::socket listener(coax::family::inet);
        listener.bind({"127.0.0.9", 0}); // takes the port, and does not listen
        const int port = listener.getsockname().port();
        std::vector<std::string> tried;
        try {
            static_cast<void>(co_await coax::create_connection("many.test", port));
            FAIL("nobody listens");
        } catch (const coax::connect_error& error) {
            for (const coax::failed_attempt& one : error.attempts())
                tried.push_back(one.peer.host());
            CHECK(std::string(error.what()).starts_with("create_connection many.test:" + std::to_string(port) + ": "));
        }
        CHECK(tried == std::vector<std::string>{"::1", "127.0.0.2", "127.0.0.3", "127.0.0.1"});

        // By a placeholder for both families, nobody is asked.
        try {
            static_cast<void>(co_await coax::create_connection(address("localhost", port)));
            FAIL("nobody listens");
        } catch (const coax::connect_error& error) {
            REQUIRE(error.attempts().size() == 2);
            CHECK(error.attempts()[0].peer == address("::1", port));
            CHECK(error.attempts()[1].peer == address("127.0.0.1", port));
            CHECK(error.code() == std::errc::connection_refused);
        }
    });
}

TEST_CASE("where IPv6 refuses the connection is made over IPv4") {
    const support::names asked(&dual);
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const int port = listener.getsockname().port();
        const coax::socket named = co_await coax::create_connection("dual.test", port);
        CHECK(named.getpeername() == address("127.0.0.1", port));
        const coax::socket local = co_await coax::create_connection("localhost", port);
        CHECK(local.getpeername() == address("127.0.0.1", port));
        const coax::socket numeric = co_await coax::create_connection("127.0.0.1", port);
        CHECK(numeric.getpeername() == address("127.0.0.1", port));
    });
}

TEST_CASE("a host with addresses of one family only") {
    const support::names asked(&only_inet);
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::socket conn = co_await coax::create_connection("inet.test", listener.getsockname().port());
        CHECK(conn.getpeername() == listener.getsockname());
    });
}

TEST_CASE("what needs no lookup has its own errors") {
    const support::names asked(&unknown);
    support::run([]() -> coax::task<> {
        coax::connection_options options;
        options.family = coax::family::inet6;
        co_await fails(coax::create_connection("127.0.0.1", 1, options), resolve_errc::no_data);
        options.family = coax::family::local;
        co_await fails(coax::create_connection("some.test", 1, options), resolve_errc::family_not_supported);
        options.family = coax::family::inet6;
        options.local_address = address("127.0.0.1", 0);
        co_await fails(coax::create_connection("some.test", 1, options),
                       std::make_error_code(std::errc::address_family_not_supported));
        options.family.reset();
        options.local_address = address("::1", 0);
        co_await fails(coax::create_connection("127.0.0.1", 1, options),
                       std::make_error_code(std::errc::address_family_not_supported));
    });
}

TEST_CASE("a local address decides which family is looked up") {
    const support::names asked(&late_inet6);
    let_go = false;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.resolution_delay = 1h;
        options.local_address = address("127.0.0.5", 0);
        const int port = listener.getsockname().port();
        const coax::socket conn = co_await coax::create_connection("late.test", port, options);
        CHECK(conn.getsockname().host() == "127.0.0.5");
        CHECK(coax::scheduler::current().stats().jobs == 0);
    });
}

TEST_CASE("addresses of IPv6 that come late are tried before the rest of IPv4") {
    if (!support::has(coax::family::inet6))
        return;
    const support::names asked(&late_inet6_and_two);
    let_go = false;
    support::run([]() -> coax::task<> {
        std::optional<support::full_listener> full;
        coax::socket second;
        coax::socket inet6;
        int port = 0;
        do {
            full.emplace(coax::family::inet);
            port = full->name.port();
            second = listening_at({"127.0.0.2", port});
            inet6 = listening_at({"::1", port});
        } while (!second.is_open() || !inet6.is_open());
        co_await full->fill();
        coax::connection_options options;
        options.resolution_delay = 0ms;
        options.attempt_delay = 500ms; // by then they have come
        coax::socket conn;
        const auto connect = [&]() -> coax::task<> {
            conn = co_await coax::create_connection("late.test", port, options);
        };
        const int before = support::open_descriptors();
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto begun = coax::scheduler::current().stats().operations;
            group.spawn(connect());
            co_await support::until([&] { return coax::scheduler::current().stats().operations == begun + 1; });
            co_await leave_nothing_behind();
        });
        CHECK(conn.getpeername() == address("::1", port));
        CHECK(support::open_descriptors() == before + 1);
    });
}

TEST_CASE("IPv4 waits for the addresses of IPv6, but not for long") {
    const support::names asked(&late_inet6);
    let_go = false;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.resolution_delay = 30ms;
        const auto begun = coax::clock::now();
        const coax::socket conn = co_await coax::create_connection("late.test", listener.getsockname().port(), options);
        CHECK(coax::clock::now() - begun >= 30ms);
        CHECK(conn.getpeername() == listener.getsockname());
        co_await leave_nothing_behind();
    });
}

TEST_CASE("IPv6 does not wait for the addresses of IPv4") {
    if (!support::has(coax::family::inet6))
        return;
    const support::names asked(&late_inet);
    let_go = false;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet6);
        coax::connection_options options;
        options.resolution_delay = 1h;
        const coax::socket conn = co_await coax::create_connection("late.test", listener.getsockname().port(), options);
        CHECK(conn.getpeername() == listener.getsockname());
        co_await leave_nothing_behind();
    });
}

TEST_CASE("of two lookups that fail the error is that which says more") {
    const auto lookup = GENERATE(&unknown, &unknown_the_other_way);
    const support::names asked(lookup);
    support::run([]() -> coax::task<> {
        const auto outcome = co_await coax::as_result(coax::create_connection("none.test", 80));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code() == resolve_errc::try_again);
        CHECK_THROWS_AS(outcome.error().raise(), coax::resolve_error);
    });
}

TEST_CASE("a cancelled connection leaves its lookups behind") {
    const support::names asked(&late_inet6);
    let_go = false;
    support::run([]() -> coax::task<> {
        const int before = support::open_descriptors();
        coax::connection_options options;
        options.family = coax::family::inet6;
        const auto how = co_await support::ending_of(
            [&] { return coax::with_timeout(10ms, coax::create_connection("late.test", 1, options)); });
        CHECK(how == support::ending::timeout);
        CHECK(support::open_descriptors() == before);
        co_await leave_nothing_behind();
    });
}

TEST_CASE("a name server that is silent about IPv6 delays neither later connections nor to_thread") {
    const support::names asked(&late_inet6);
    let_go = false;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.resolution_delay = 1ms;
        const std::size_t before = threads();
        for (int i = 0; i < 100; ++i) {
            // Each of them a name of its own, so that what is left behind is not bounded by the name.
            const std::string host = "late" + std::to_string(i) + ".test";
            const coax::socket conn = co_await coax::create_connection(host, listener.getsockname().port(), options);
            CHECK(conn.getpeername() == listener.getsockname());
            static_cast<void>(co_await listener.accept());
        }
        const int value = co_await coax::to_thread([] { return 42; });
        CHECK(value == 42);
        co_await leave_nothing_behind();
        // The threads that were needed in addition end: some for each family stay, and the one of to_thread.
        co_await support::until([&] { return threads() <= before + 8 + 8 + 1; });
    });
}

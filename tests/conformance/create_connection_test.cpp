// create_connection: which of several addresses wins, when each is tried, and what is left of those that lose.
#include "support/catch.hpp"
#include "support/full_listener.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using coax::address;
using namespace std::chrono_literals;

namespace {

/// A port on which nobody listens, whatever the host: it is bound, on one of them.
struct taken_port {
    taken_port()
        : holder(support::bound(coax::family::inet, coax::kind::stream)), number(holder.getsockname().port()) {}

    coax::socket holder;
    int number;
};

coax::task<std::optional<coax::connect_error>> refusal(coax::task<coax::socket> attempt) {
    try {
        static_cast<void>(co_await std::move(attempt));
    } catch (const coax::connect_error& error) {
        co_return error;
    }
    co_return std::nullopt;
}

coax::connection_options patient() {
    coax::connection_options options;
    options.attempt_delay = 2s;
    return options;
}

} // namespace

TEST_CASE("one address: connected, and the socket is as any other") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        coax::socket conn = co_await coax::create_connection(listener.getsockname());
        coax::accepted taken = co_await listener.accept();
        CHECK(conn.getblocking());
        CHECK(conn.kind() == coax::kind::stream);
        co_await conn.sendall("hello");
        const std::string heard = co_await support::read(taken.conn, 5);
        CHECK(heard == "hello");
    });
}

TEST_CASE("each address that was tried has its error, in the order in which they were tried") {
    support::run([]() -> coax::task<> {
        const taken_port port;
        const std::vector<address> all = {address("127.0.0.1", port.number), address("127.0.0.2", port.number),
                                          address("127.0.0.3", port.number)};
        const auto error = co_await refusal(coax::create_connection(all));
        REQUIRE(error);
        REQUIRE(error->attempts().size() == 3);
        std::string text = "create_connection";
        const char* separator = ": ";
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(error->attempts()[i].peer == all[i]);
            CHECK(error->attempts()[i].error == std::errc::connection_refused);
            text += separator + all[i].to_string() + ": Connection refused";
            separator = "; ";
        }
        CHECK(error->what() == text);
        CHECK(error->code() == std::errc::connection_refused);
        CHECK(error->operation() == coax::operation_name::create_connection);
        CHECK(error->peer() == all[2]);

        const auto one = co_await refusal(coax::create_connection(all[0]));
        REQUIRE(one);
        CHECK(one->what() == "create_connection " + all[0].to_string() + ": Connection refused");

        const auto result = co_await coax::as_result(coax::create_connection(all));
        REQUIRE_FALSE(result);
        CHECK(result.error() == std::errc::connection_refused);
        CHECK_THROWS_AS(result.error().raise(), coax::connect_error);
    });
}

TEST_CASE("an attempt that fails makes room for the next at once") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const taken_port port;
        const std::vector<address> all = {address("127.0.0.2", port.number), address("127.0.0.3", port.number),
                                          listener.getsockname()};
        const auto begun = coax::clock::now();
        const coax::socket conn = co_await coax::create_connection(all, patient());
        CHECK(coax::clock::now() - begun < 2s); // not one delay has passed
        CHECK(conn.getpeername() == listener.getsockname());
    });
}

TEST_CASE("an attempt that hangs is joined by the next after the delay, and closed when that wins") {
    struct wish {
        coax::clock::duration given;
        coax::clock::duration passed;
    };
    const wish delay = GENERATE(wish{20ms, 20ms}, wish{-1s, 10ms}, wish{coax::clock::duration::max(), 2s});
    support::run([&]() -> coax::task<> {
        support::full_listener full(coax::family::inet);
        co_await full.fill();
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.attempt_delay = delay.given;
        const std::vector<address> all = {full.name, listener.getsockname()};
        const int before = support::open_descriptors();
        const auto begun = coax::clock::now();
        {
            const coax::socket conn = co_await coax::create_connection(all, options);
            CHECK(coax::clock::now() - begun >= delay.passed);
            CHECK(conn.getpeername() == listener.getsockname());
            CHECK(support::open_descriptors() == before + 1);
        }
        CHECK(support::open_descriptors() == before);
    });
}

TEST_CASE("with nobody else left an attempt goes on until a limit from outside") {
    support::run([]() -> coax::task<> {
        support::full_listener full(coax::family::inet);
        co_await full.fill();
        const taken_port port;
        const std::vector<address> all = {full.name, address("127.0.0.2", port.number)};
        const int before = support::open_descriptors();
        const auto how =
            co_await support::ending_of([&] { return coax::with_timeout(60ms, coax::create_connection(all)); });
        CHECK(how == support::ending::timeout);
        CHECK(support::open_descriptors() == before);
    });
}

TEST_CASE("the local address is honoured, and others than its family are left out") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.local_address = address("127.0.0.5", 0);
        std::vector<address> all = {listener.getsockname()};
        if (support::has(coax::family::inet6))
            all.insert(all.begin(), address("::1", 1));
        const coax::socket conn = co_await coax::create_connection(all, options);
        CHECK(conn.getsockname().host() == "127.0.0.5");
        const coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == conn.getsockname());

        options.local_address = address("192.0.2.1", 0); // not of this machine
        const auto error = co_await refusal(coax::create_connection(listener.getsockname(), options));
        REQUIRE(error);
        CHECK(error->attempts()[0].error == std::errc::address_not_available);
    });
}

TEST_CASE("what cannot be tried is an error before anything is done") {
    support::run([]() -> coax::task<> {
        CHECK_THROWS_AS(coax::create_connection(std::vector<address>()), std::invalid_argument);
        CHECK_THROWS_AS(coax::create_connection("localhost", 65536), std::invalid_argument);
        const auto unnamed = co_await refusal(coax::create_connection(address()));
        REQUIRE(unnamed);
        CHECK(unnamed->attempts()[0].error == std::errc::address_family_not_supported);
        coax::connection_options options;
        options.family = coax::family::inet6;
        const auto how = [&]() { return coax::create_connection(address("127.0.0.1", 1), options); };
        const std::error_code code = co_await support::error_from(how);
        CHECK(code == std::errc::address_family_not_supported);
    });
}

TEST_CASE("where the options exclude all addresses the error names whom it was about") {
    support::run([]() -> coax::task<> {
        const std::string why = std::make_error_code(std::errc::address_family_not_supported).message();
        coax::connection_options options;
        options.family = coax::family::inet6;
        const auto one = co_await refusal(coax::create_connection(address("127.0.0.1", 1), options));
        REQUIRE(one);
        CHECK(one->what() == "create_connection 127.0.0.1:1: " + why);
        CHECK(one->attempts().empty());
        const std::vector<address> both = {address("127.0.0.1", 1), address("127.0.0.2", 1)};
        const auto some = co_await refusal(coax::create_connection(both, options));
        REQUIRE(some);
        CHECK(some->what() == "create_connection 127.0.0.1:1 and others: " + why);
        options.family = coax::family::inet;
        options.local_address = address("::1", 0);
        const auto named = co_await refusal(coax::create_connection("localhost", 80, options));
        REQUIRE(named);
        CHECK(named->what() == "create_connection localhost:80: " + why);
    });
}

TEST_CASE("a connect_error can be made without attempts") {
    const std::error_code code = std::make_error_code(std::errc::address_family_not_supported);
    const coax::connect_error error("example.org:80", {});
    CHECK(error.code() == code);
    CHECK(error.what() == "create_connection example.org:80: " + code.message());
    CHECK(error.peer().is_unnamed());
    CHECK(error.attempts().empty());
    CHECK(coax::connect_error("", {}).what() == "create_connection: " + code.message());
}

TEST_CASE("no more attempts than max_pending are going on at once, and all have their turn", "[unix]") {
    support::run([]() -> coax::task<> {
        support::full_listener silent(coax::family::local);
        co_await silent.fill();
        coax::socket listener = support::listening(coax::family::local);
        std::vector<address> all(20, silent.name);
        all.push_back(listener.getsockname());
        coax::connection_options options;
        options.attempt_delay = 10ms;
        SECTION("a limit") {
            options.max_pending = 3;
            const int before = support::open_descriptors();
            coax::socket conn;
            const auto connect = [&]() -> coax::task<> { conn = co_await coax::create_connection(all, options); };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(connect());
                co_await support::until([&] { return support::open_descriptors() >= before + 3; });
                co_await coax::sleep_for(5 * options.attempt_delay); // time enough for one too many
                CHECK(support::open_descriptors() == before + 3);
                silent.listener.close(); // they are refused now, one after the other
            });
            CHECK(conn.getpeername() == listener.getsockname());
        }
        SECTION("the default") {
            const int before = support::open_descriptors();
            const auto connect = [&]() -> coax::task<> {
                static_cast<void>(co_await coax::create_connection(all, options));
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(connect());
                co_await support::until([&] { return support::open_descriptors() >= before + 8; });
                co_await coax::sleep_for(5 * options.attempt_delay);
                CHECK(support::open_descriptors() == before + 8);
                group.cancel();
            });
        }
        SECTION("none") {
            options.max_pending = 0;
            const coax::socket conn = co_await coax::create_connection(all, options);
            CHECK(conn.getpeername() == listener.getsockname());
        }
    });
}

TEST_CASE("families take turns after the first addresses of the preferred one") {
    struct wish {
        std::size_t first_family_count;
        std::vector<std::size_t> order;
    };
    const wish one = GENERATE(wish{0, {0, 3, 1, 4, 2}}, wish{1, {0, 3, 1, 4, 2}}, wish{2, {0, 1, 3, 2, 4}},
                              wish{100, {0, 1, 2, 3, 4}});
    support::run([&]() -> coax::task<> {
        const taken_port port;
        const taken_port other;
        coax::connection_options options;
        options.first_family_count = one.first_family_count;
        const std::vector<address> all = {address("127.0.0.1", port.number), address("127.0.0.2", port.number),
                                          address("127.0.0.3", port.number), address("::1", port.number),
                                          address("::1", other.number)};
        const auto error = co_await refusal(coax::create_connection(all, options));
        REQUIRE(error);
        REQUIRE(error->attempts().size() == 5);
        for (std::size_t i = 0; i < 5; ++i)
            CHECK(error->attempts()[i].peer == all[one.order[i]]);
        CHECK(error->code() == std::errc::connection_refused);
    });
}

// On Windows a port is one socket's.
TEST_CASE("attempts share a local port", "[posix]") {
    support::run([]() -> coax::task<> {
        support::full_listener full(coax::family::inet);
        co_await full.fill();
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.attempt_delay = 10ms;
        {
            coax::socket free(coax::family::inet);
            free.bind({"127.0.0.5", 0});
            options.local_address = free.getsockname();
        }
        const std::vector<address> all = {full.name, listener.getsockname()};
        const coax::socket conn = co_await coax::create_connection(all, options);
        CHECK(conn.getsockname() == *options.local_address);
        CHECK(conn.getpeername() == listener.getsockname());
    });
}

// Elsewhere the system may refuse it by itself.
TEST_CASE("a connection to itself is refused, and the port is free afterwards", "[posix]") {
    const bool inet6 = GENERATE(false, true);
    if (inet6 && !support::has(coax::family::inet6))
        return;
    const char* const host = inet6 ? "::1" : "127.0.0.1";
    support::run([&]() -> coax::task<> {
        coax::connection_options options;
        {
            coax::socket free(inet6 ? coax::family::inet6 : coax::family::inet);
            free.bind({host, 0});
            options.local_address = free.getsockname();
        }
        const auto error = co_await refusal(coax::create_connection(*options.local_address, options));
        REQUIRE(error);
        CHECK(error->code() == std::errc::connection_refused);
        CHECK(error->attempts().size() == 1);
        const coax::listener server = coax::create_server(*options.local_address, {.reuse_address = false});
        CHECK(server.getsockname() == *options.local_address);
    });
}

TEST_CASE("with a local address and no port the port is chosen with the destination, where the system can") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::connection_options options;
        options.local_address = address("127.0.0.5", 0);
        const coax::socket conn = co_await coax::create_connection(listener.getsockname(), options);
        CHECK(conn.getsockname().port() != 0);
        coax::socket probe(coax::family::inet);
        const std::error_code lacking =
            support::code_thrown_by([&] { probe.setsockopt(coax::option::bind_address_no_port, true); });
        if (lacking)
            CHECK(lacking == std::errc::no_protocol_option);
        else
            CHECK(conn.getsockopt(coax::option::bind_address_no_port));
    });
}

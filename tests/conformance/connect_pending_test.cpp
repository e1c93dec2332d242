// Connecting to a listener that takes nobody: limits, cancellation and closing while the attempt is under way.
#include "support/catch.hpp"
#include "support/full_listener.hpp"
#include "support/inet_and_local.hpp"
#include "support/net.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::full_listener;

TEST_CASE("a connect that nobody answers ends at its limit with timeout_error") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        full_listener full(family);
        co_await full.fill();
        coax::socket client(family);
        client.settimeout(10ms);
        const auto attempt = [&]() -> coax::task<> { co_await client.connect(full.name); };
        const std::optional<coax::io_error> error = co_await support::error_of(attempt());
        REQUIRE(error);
        CHECK(error->reason().why() == coax::failure::cause::timeout);
        CHECK(error->code() == std::errc::timed_out);
        CHECK(error->peer() == full.name);

        coax::socket other(family);
        other.settimeout(10ms);
        const std::error_code value = co_await other.connect_ex(full.name);
        CHECK(value == std::errc::timed_out);
    });
}

TEST_CASE("a connect to a full backlog succeeds when there is room again", "[unix]") {
    // UNIX only: over TCP the client's retransmission decides when, a second later.
    support::run([]() -> coax::task<> {
        full_listener full(coax::family::local);
        co_await full.fill();
        coax::socket client(coax::family::local);
        bool done = false;
        const auto attempt = [&]() -> coax::task<> {
            co_await client.connect(full.name);
            done = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(attempt());
            co_await support::round_trip();
            CHECK_FALSE(done);
            for (std::size_t i = 0; i < full.waiting.size(); ++i)
                co_await full.listener.accept();
            full.listener.settimeout(10s);
            coax::accepted last = co_await full.listener.accept();
            co_await last.conn.sendall("x");
        });
        CHECK(done);
        const std::string heard = co_await support::read(client, 1);
        CHECK(heard == "x");
    });
}

TEST_CASE("a connect under way can be cancelled, and its socket closed, without a leak") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        full_listener full(family);
        co_await full.fill();
        for (int i = 0; i < 10; ++i) {
            coax::socket client(family);
            bool cancelled = false;
            const auto attempt = [&]() -> coax::task<> {
                try {
                    co_await client.connect(full.name);
                } catch (const coax::cancelled&) {
                    cancelled = true;
                    throw;
                }
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(attempt());
                if (i % 2 == 0)
                    co_await support::round_trip();
                group.cancel();
            });
            CHECK(cancelled);
            client.close();
            CHECK_FALSE(client.is_open());
        }
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("closing a socket whose connect is under way ends it with bad_file_descriptor") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        full_listener full(family);
        co_await full.fill();
        coax::socket client(family);
        std::error_code outcome;
        const auto attempt = [&]() -> coax::task<> { outcome = co_await client.connect_ex(full.name); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(attempt());
            co_await support::round_trip();
            client.close();
        });
        CHECK(outcome == std::errc::bad_file_descriptor);
    });
}

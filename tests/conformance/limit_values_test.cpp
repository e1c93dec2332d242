// What settimeout takes and gives back: none, zero, positive, negative, huge.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <limits>
#include <optional>
#include <ratio>
#include <stdexcept>

using namespace std::chrono_literals;

TEST_CASE("the limit reads back as it was set, in Python's terms of blocking") {
    coax::socket made(coax::family::inet);
    CHECK_FALSE(made.gettimeout().has_value());
    CHECK(made.getblocking());

    made.settimeout(1500ms);
    CHECK(made.gettimeout() == 1500ms);
    CHECK(made.getblocking());
    made.settimeout(std::chrono::duration<double>(0.25));
    CHECK(made.gettimeout() == 250ms);

    made.settimeout(0s);
    CHECK(made.gettimeout() == 0s);
    CHECK_FALSE(made.getblocking());
    made.setblocking(true);
    CHECK_FALSE(made.gettimeout().has_value());
    made.setblocking(false);
    CHECK(made.gettimeout() == 0s);

    made.settimeout(std::optional<coax::clock::duration>(3s));
    CHECK(made.gettimeout() == 3s);
    made.settimeout(std::nullopt);
    CHECK_FALSE(made.gettimeout().has_value());
}

TEST_CASE("a negative limit is refused and changes nothing, a huge one is clamped") {
    coax::socket made(coax::family::inet);
    made.settimeout(2s);
    CHECK_THROWS_AS(made.settimeout(-1s), std::invalid_argument);
    CHECK_THROWS_AS(made.settimeout(-1ns), std::invalid_argument);
    CHECK_THROWS_AS(made.settimeout(std::optional<coax::clock::duration>(-1ms)), std::invalid_argument);
    CHECK_THROWS_AS(made.settimeout(std::chrono::nanoseconds::min()), std::invalid_argument);
    CHECK(made.gettimeout() == 2s);

    for (int form = 0; form < 3; ++form) {
        coax::socket_pair pair = coax::socketpair();
        if (form == 0)
            pair.second.settimeout(std::chrono::hours::max());
        else if (form == 1)
            pair.second.settimeout(std::chrono::nanoseconds::max());
        else
            pair.second.settimeout(std::chrono::duration<double>(std::numeric_limits<double>::infinity()));
        CHECK(pair.second.gettimeout() > std::chrono::hours(24 * 365 * 100));
        support::run([&]() -> coax::task<> {
            // Waits first, so that the deadline is really computed.
            const auto send_later = [&]() -> coax::task<> {
                co_await coax::sleep_for(2ms);
                co_await pair.first.sendall("x");
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(send_later());
                const coax::chunk data = co_await pair.second.recv(1);
                CHECK(data.size() == 1);
            });
        });
    }
}

TEST_CASE("a huge limit in any unit is huge") {
    coax::socket made(coax::family::inet);
    const std::chrono::duration<long long, std::ratio<1, 30>> frames(200'000'000'000);
    made.settimeout(frames);
    CHECK(made.gettimeout() > std::chrono::hours(24 * 365 * 200));
    made.settimeout(std::chrono::duration<long long, std::ratio<1, 3>>(2));
    CHECK(*made.gettimeout() > 666ms);
    CHECK(*made.gettimeout() < 667ms);
}

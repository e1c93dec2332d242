// create_connection where everything happens in the same moment: two attempts that succeed, and a cancellation on top of it.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/names.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using coax::address;
using namespace std::chrono_literals;

namespace {

/// A UNIX listener without room in its backlog. An attempt to connect to it goes on until there is some.
struct silent_listener {
    silent_listener() : listener(support::listening(coax::family::local, 0)), name(listener.getsockname()) {
        listener.setblocking(false);
    }

    coax::task<> fill() {
        for (;;) {
            coax::socket client(coax::family::local);
            client.setblocking(false);
            if (co_await client.connect_ex(name))
                co_return;
            waiting.push_back(std::move(client));
        }
    }

    /// Whoever has connected and not been accepted, until nobody is left.
    coax::task<> take_all(std::vector<coax::socket>& into) {
        for (;;) {
            auto taken = co_await coax::as_result(listener.accept());
            if (!taken)
                co_return;
            into.push_back(std::move(taken->conn));
        }
    }

    coax::socket listener;
    address name;
    std::vector<coax::socket> waiting;
};

coax::connection_options hasty() {
    coax::connection_options options;
    options.attempt_delay = 1ns; // the least there is
    return options;
}

/// What came of one round.
struct round_outcome {
    bool connected = false;
    std::size_t heard = 0; // connections in which the greeting arrived
};

/// Two listeners make room at about the time at which the second attempt begins, and perhaps the call is cancelled as well.
coax::task<round_outcome> race(std::minstd_rand& random, bool cancelling) {
    const auto pause = [&] { return coax::sleep_for(std::chrono::microseconds(random() % 1500)); };
    round_outcome outcome;
    silent_listener listeners[2];
    for (silent_listener& one : listeners)
        co_await one.fill();
    std::vector<coax::socket> taken;
    const std::vector<address> both = {listeners[0].name, listeners[1].name};
    coax::socket conn;
    const auto connect = [&]() -> coax::task<> { conn = co_await coax::create_connection(both, hasty()); };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(connect());
        co_await coax::sleep_for(9ms);
        const std::size_t first = random() % 2;
        co_await pause();
        co_await listeners[first].take_all(taken);
        if (random() % 2 == 0)
            co_await pause();
        co_await listeners[1 - first].take_all(taken);
        if (cancelling) {
            if (random() % 2 == 0)
                co_await pause();
            group.cancel();
        }
    });
    outcome.connected = conn.is_open();
    if (outcome.connected) {
        co_await conn.sendall("hello");
        conn.shutdown(coax::shutdown_how::write);
    }
    // All but the winner's have ended: a connection that was left open would have this wait for ever.
    for (silent_listener& one : listeners) {
        one.waiting.clear();
        co_await one.take_all(taken);
    }
    for (coax::socket& one : taken)
        outcome.heard += (co_await support::read_to_end(one)) == "hello" ? 1U : 0U;
    co_return outcome;
}

std::error_code dual(const coax::os::name_query& query, std::vector<address>& into) {
    const bool inet6 = query.hints.family == coax::family::inet6;
    into = {address(inet6 ? "::1" : "127.0.0.1", std::stoi(query.service))};
    return {};
}

} // namespace

TEST_CASE("of attempts that succeed at nearly the same time one is given and the others are closed", "[unix]") {
    const bool cancelling = GENERATE(false, true);
    CAPTURE(cancelling);
    constexpr int lanes = 20;
    constexpr int rounds = 25;
    const int before = support::open_descriptors();
    int connections = 0;
    support::run([&]() -> coax::task<> {
        std::minstd_rand random(4711);
        const auto lane = [&]() -> coax::task<> {
            for (int round = 0; round < rounds; ++round) {
                const round_outcome outcome = co_await race(random, cancelling);
                CHECK(outcome.heard == (outcome.connected ? 1U : 0U));
                connections += outcome.connected ? 1 : 0;
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < lanes; ++i)
                group.spawn(lane());
            co_return;
        });
    });
    CHECK(support::open_descriptors() == before);
    if (!cancelling)
        CHECK(connections == lanes * rounds);
}

TEST_CASE("a connection that was made is given although the call is cancelled before the others are gone", "[unix]") {
    support::run([]() -> coax::task<> {
        silent_listener silent;
        co_await silent.fill();
        const coax::socket listener = support::listening(coax::family::inet);
        const std::vector<address> all = {silent.name, listener.getsockname()};
        coax::connection_options options;
        options.attempt_delay = 200ms; // no deadline passes while the second connects
        coax::socket conn;
        const auto connect = [&]() -> coax::task<> { conn = co_await coax::create_connection(all, options); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const coax::scheduler& on = coax::scheduler::current();
            const auto begun = on.stats().operations;
            group.spawn(connect());
            co_await support::until([&] { return on.stats().operations == begun + 2; });
            // Two attempts and who decides; then one has ended.
            co_await support::until([&] { return on.stats().waiting < 3; });
            group.cancel();
        });
        CHECK(conn.is_open());
    });
}

TEST_CASE("create_connection can be cancelled at every checkpoint", "[unix]") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    const auto session = []() -> coax::task<> {
        silent_listener silent;
        co_await silent.fill();
        coax::socket listener = support::listening(coax::family::inet);
        const std::vector<address> all = {silent.name, listener.getsockname()};
        const coax::socket conn = co_await coax::create_connection(all, hasty());
        const coax::accepted accepted = co_await listener.accept();
        CHECK(accepted.peer == conn.getsockname());
    };
    CHECK(support::cancel_at_every_checkpoint(session, when) > 5);
}

TEST_CASE("create_connection can be cancelled during its lookups and at every other checkpoint") {
    const support::names asked(&dual);
    const auto when = GENERATE(support::strike::before, support::strike::after);
    const auto session = []() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const int port = listener.getsockname().port();
        const coax::socket conn = co_await coax::create_connection("dual.test", port);
        const coax::accepted accepted = co_await listener.accept();
        CHECK(accepted.peer == conn.getsockname());
    };
    CHECK(support::cancel_at_every_checkpoint(session, when) > 5);
}

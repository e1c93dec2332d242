// lingering_close: the peer gets what was sent, whatever it still sends itself.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::ending;

TEST_CASE("a peer that goes on sending reads everything, then the end of the stream") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        auto [server, client] = co_await support::connected_by(listener);
        server.setsockopt(coax::option::send_buffer_size, 1 << 20);
        const std::string answer = support::pattern(400'000);
        co_await client.sendall("a request");
        co_await server.sendall(answer);
        std::string got;
        const auto peer = [&]() -> coax::task<> {
            for (int round = 0; round < 20; ++round) { // nobody asked for all that, and nothing of it was read
                co_await client.sendall(std::string_view(answer).substr(0, 1000));
                co_await coax::yield();
            }
            got = co_await support::read_to_end(client);
            client.close();
        };
        co_await coax::when_all(peer(), coax::lingering_close(std::move(server), support::patience));
        CHECK(got == answer);
    });
}

TEST_CASE("it lasts until the peer has ended too, and keeps no buffer meanwhile") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        auto [server, client] = co_await support::connected_by(listener);
        client.shutdown(coax::shutdown_how::write);
        const auto begun = steady_clock::now();
        co_await coax::lingering_close(std::move(server), support::patience);
        CHECK(steady_clock::now() - begun < 90ms); // the peer's end was there: nothing to wait for
        const std::string rest = co_await support::read_to_end(client);
        CHECK(rest.empty());
        CHECK(coax::scheduler::current().stats().buffers_leased == 0);
    });
}

TEST_CASE("it does not wait for a peer that is silent and has everything") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        auto [server, client] = co_await support::connected_by(listener);
        co_await server.sendall("answer");
        const auto begun = steady_clock::now();
        co_await coax::lingering_close(std::move(server), support::patience);
        CHECK(steady_clock::now() - begun < support::patience / 2);
        const std::string rest = co_await support::read_to_end(client);
        CHECK(rest == "answer");
    });
}

TEST_CASE("its limit ends it, a cancellation too, and then the connection is closed") {
    const bool cancelled = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        auto [server, client] = co_await support::connected_by(listener);
        co_await support::fill(server); // nobody reads that: it is never acknowledged
        coax::stream other = server.makefile();
        ending how = ending::none;
        const auto begun = steady_clock::now();
        co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            const auto close = [&] { return coax::lingering_close(std::move(server), cancelled ? 1h : 60ms); };
            const auto both = [&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note(close, how));
                co_await support::round_trip();
                CHECK(how == ending::none);
                if (cancelled)
                    scope.cancel();
            };
            co_await coax::with_task_group(both);
        });
        CHECK(how == (cancelled ? ending::cancelled : ending::value));
        CHECK((cancelled || steady_clock::now() - begun >= 60ms));
        CHECK_FALSE(other.source().is_open()); // for all who share it
    });
}

TEST_CASE("a reset, a closed socket and none at all are no errors; a negative limit is") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        auto [server, client] = co_await support::connected_by(listener);
        support::reset(client);
        co_await coax::lingering_close(std::move(server));
        co_await coax::lingering_close(coax::socket());
        CHECK_THROWS_AS(coax::lingering_close(coax::socket(), -1ns), std::invalid_argument);
    });
}

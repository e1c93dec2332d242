// An accept that is given up loses no connection: what arrives goes to the next accept, whatever the backend took in advance.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Connects one after the other, so that the connections lie in the backlog in this order. Each sends its number.
coax::task<std::vector<coax::socket>> clients_of(const coax::address& name, int count) {
    std::vector<coax::socket> clients;
    for (int i = 0; i < count; ++i) {
        clients.emplace_back(*name.family());
        co_await clients.back().connect(name);
        co_await clients.back().sendall(std::to_string(i));
        clients.back().shutdown(coax::shutdown_how::write);
    }
    co_return clients;
}

/// Waits in accept until it is cancelled; adds what it gave instead, if it gave something.
coax::task<> accept_into(coax::socket& listener, std::vector<coax::accepted>& taken) {
    taken.push_back(co_await listener.accept());
}

} // namespace

TEST_CASE("after an accept that timed out the next connection goes to the next accept") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        for (int i = 0; i < 16; ++i) {
            listener.settimeout(2ms);
            const auto outcome = co_await coax::as_result(listener.accept());
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().why() == coax::failure::cause::timeout);
            CHECK(outcome.error() == std::errc::timed_out);

            // It arrives while no accept waits.
            coax::socket client(family);
            co_await client.connect(name);
            co_await client.sendall("here");
            co_await support::round_trip();
            listener.settimeout(std::nullopt);
            coax::accepted taken = co_await listener.accept();
            const std::string heard = co_await support::read(taken.conn, 4);
            CHECK(heard == "here");
        }
    });
}

TEST_CASE("a cancelled accept and a connection that arrives meanwhile lose nothing and leak nothing") {
    constexpr int rounds = 128;
    const int before = support::open_descriptors();
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        for (int round = 0; round < rounds; ++round) {
            std::vector<coax::accepted> taken;
            coax::socket client(coax::family::inet);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(accept_into(listener, taken));
                // In every other round the kernel knows of the accept before it is cancelled.
                if (round % 2 == 0)
                    co_await support::round_trip();
                const auto outcome = co_await coax::as_result(client.connect(name));
                CHECK(outcome);
                group.cancel();
            });
            if (taken.empty()) {
                listener.settimeout(10s);
                taken.push_back(co_await listener.accept());
            }
            REQUIRE(taken.size() == 1);
            CHECK(taken[0].peer == client.getsockname());
        }
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a burst of connections is accepted in order although accepts are cancelled in between") {
    constexpr int count = 24;
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::vector<coax::accepted> taken;
        std::vector<coax::socket> clients;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(accept_into(listener, taken));
            clients = co_await clients_of(name, count);
            group.cancel();
        });
        while (taken.size() < count) {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(accept_into(listener, taken));
                group.spawn(accept_into(listener, taken));
                group.cancel();
                co_return;
            });
            // An accept in a cancelled group may or may not find the connection; one outside does.
            if (taken.size() < count)
                taken.push_back(co_await listener.accept());
        }
        REQUIRE(taken.size() == count);
        for (int i = 0; i < count; ++i) {
            const std::string number = co_await support::read_to_end(taken[static_cast<std::size_t>(i)].conn);
            CHECK(number == std::to_string(i));
        }
    });
}

TEST_CASE("cancelling one of several accepts leaves its connection to the others") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::vector<coax::accepted> first;
        std::vector<coax::accepted> second;
        coax::socket client(coax::family::inet);
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                inner.spawn(accept_into(listener, first));
                outer.spawn(accept_into(listener, second));
                co_await support::round_trip();
                inner.cancel();
            });
            CHECK(first.empty());
            CHECK(second.empty());
            co_await client.connect(name);
        });
        CHECK(first.empty());
        REQUIRE(second.size() == 1);
        CHECK(second[0].peer == client.getsockname());
    });
}

TEST_CASE("with a limit of zero accept gives a waiting connection, and operation_would_block when there is none",
          "[unix]") {
    support::run([]() -> coax::task<> {
        // A UNIX connection is in the backlog as soon as connect has returned.
        coax::socket listener = support::listening(coax::family::local);
        const coax::address name = listener.getsockname();
        for (int i = 0; i < 4; ++i) {
            listener.settimeout(0s);
            const auto none = co_await coax::as_result(listener.accept());
            CHECK(support::code_of(none) == std::errc::operation_would_block);

            coax::socket client(coax::family::local);
            co_await client.connect(name);
            auto one = co_await coax::as_result(listener.accept());
            REQUIRE(one);
            co_await client.sendall("x");
            const std::string heard = co_await support::read(one->conn, 1);
            CHECK(heard == "x");

            // A waiting accept in between, so that there is something to be switched off again.
            listener.settimeout(1ms);
            const auto late = co_await coax::as_result(listener.accept());
            CHECK(support::code_of(late) == std::errc::timed_out);
        }
    });
}

TEST_CASE("no connection is taken from the backlog while nobody accepts, beyond a small number", "[unix]") {
    // What a backend takes in advance must stay bounded, or the backlog would mean nothing.
    constexpr int backlog = 4;
    constexpr int many = 256;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::local, backlog);
        const coax::address name = listener.getsockname();
        std::vector<coax::accepted> taken;
        std::vector<coax::socket> clients;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(accept_into(listener, taken));
            co_await support::round_trip();
            // Full is full only when a turn of the loop, in which a backend could take more, changes nothing.
            for (int stalled = 0; stalled < 3 && clients.size() < many;) {
                coax::socket client(coax::family::local);
                client.settimeout(0s);
                const auto outcome = co_await coax::as_result(client.connect(name));
                if (outcome) {
                    stalled = 0;
                    clients.push_back(std::move(client));
                } else {
                    ++stalled;
                    co_await support::round_trip();
                }
            }
        });
        REQUIRE(taken.size() == 1);
        CHECK(clients.size() < many / 2);

        // Each of them is still accepted.
        listener.settimeout(10s);
        while (taken.size() < clients.size())
            taken.push_back(co_await listener.accept());
        for (coax::socket& client : clients)
            co_await client.sendall("x");
        for (coax::accepted& one : taken) {
            const std::string heard = co_await support::read(one.conn, 1);
            CHECK(heard == "x");
        }
    });
}

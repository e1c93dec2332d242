// Servers at their limits: the number of connections that is allowed, and the number of descriptors that the process may have.
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/serving.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

using namespace std::chrono_literals;

TEST_CASE("at max_connections nothing is accepted: clients wait in the backlog") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        coax::listener listener = coax::create_server(support::any_name(family));
        const coax::address name = listener.getsockname();
        int now = 0;
        int most = 0;
        const auto handler = [&](coax::socket conn, coax::address peer) -> coax::task<> {
            most = std::max(most, ++now);
            co_await conn.sendall("+");
            co_await support::echo(std::move(conn), peer);
            --now;
        };
        // All there when the server begins: one that takes what it can get would have them all.
        std::vector<coax::socket> clients;
        for (int index = 0; index < 8; ++index)
            clients.push_back(co_await support::connected_to(name));
        const auto body = [&]() -> coax::task<> {
            for (std::size_t index = 0; index < 3; ++index)
                co_await support::read(clients[index], 1);
            co_await support::round_trip();
            CHECK(now == 3);
            {
                // Whoever shares the listener gets the next one: this server has not taken it.
                coax::socket same = coax::socket::adopt(fcntl(listener.socket().fileno(), F_DUPFD_CLOEXEC, 0));
                for (int index = 3; index < 8; ++index) {
                    const auto taken = co_await coax::as_result(coax::with_timeout(support::patience, same.accept()));
                    REQUIRE(taken);
                    if (family != coax::family::local)
                        CHECK(taken->peer == clients[static_cast<std::size_t>(index)].getsockname());
                }
            }
            clients.resize(3);
            for (int index = 0; index < 5; ++index)
                clients.push_back(co_await support::connected_to(name));
            // One leaves, the next one comes.
            for (std::size_t index = 0; index < 5; ++index) {
                clients[index].close();
                co_await support::read(clients[index + 3], 1);
                CHECK(now == 3);
            }
            CHECK(most == 3);
        };
        co_await support::with_server(listener, handler, {.max_connections = 3}, body);
    });
}

TEST_CASE("servers at max_connections begin to end when their listener is closed") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        std::vector<const coax::serving*> servers;
        const auto handler = [&](coax::socket conn, coax::address peer, coax::serving& server) -> coax::task<> {
            servers.push_back(&server);
            co_await conn.sendall("+");
            co_await support::echo(std::move(conn), peer);
        };
        std::string rest = "none";
        const auto body = [&]() -> coax::task<> {
            std::vector<coax::socket> clients;
            for (int index = 0; index < 2; ++index) {
                clients.push_back(co_await support::connected_to(name));
                co_await support::read(clients.back(), 1);
            }
            co_await support::round_trip();
            listener.close();
            co_await support::round_trip();
            REQUIRE(servers.size() == 2);
            CHECK(servers[0] != servers[1]);
            CHECK(servers[0]->draining());
            CHECK(servers[1]->draining());
            for (coax::socket& client : clients) {
                client.shutdown(coax::shutdown_how::write);
                rest = co_await support::read_to_end(client);
            }
        };
        const auto one_beside = [&]() -> coax::task<> {
            co_await support::with_server(listener, handler, {.max_connections = 1}, body);
        };
        co_await support::with_server(listener, handler, {.max_connections = 1}, one_beside);
        CHECK(rest.empty());
    });
}

TEST_CASE("a server at max_connections can be cancelled, and its listener closed afterwards") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        coax::socket client(coax::family::inet, coax::kind::stream);
        const auto handler = [](coax::socket conn, coax::address) -> coax::task<> {
            co_await conn.sendall("+");
            static_cast<void>(co_await conn.recv(1));
        };
        const auto body = [&]() -> coax::task<> {
            co_await client.connect(listener.getsockname());
            co_await support::read(client, 1);
            co_await support::round_trip();
        };
        co_await support::with_server(listener, handler, {.max_connections = 1, .drain_timeout = 0s}, body);
        CHECK_FALSE(listener.is_open());
        co_await support::round_trip();
    });
}

TEST_CASE("many clients at once, of a server that takes two at a time, are all served") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        int now = 0;
        int most = 0;
        int served = 0;
        const auto handler = [&](coax::socket conn, coax::address peer) -> coax::task<> {
            most = std::max(most, ++now);
            co_await support::echo(std::move(conn), peer);
            --now;
        };
        const auto visit = [&]() -> coax::task<> {
            coax::socket client = co_await support::connected_to(name);
            const std::string heard = co_await support::echoed(client, "x");
            served += heard == "x" ? 1 : 0;
        };
        const auto body = [&]() -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (int index = 0; index < 60; ++index)
                    group.spawn(visit());
                co_return;
            });
        };
        co_await support::with_server(listener, handler, {.max_connections = 2}, body);
        CHECK(served == 60);
        CHECK(most == 2);
    });
}

namespace {

constexpr rlim_t few_descriptors = 64;
constexpr int many_clients = 200;

/// What the server process says on its pipe: what it counted while it could accept no more.
struct census {
    std::uint64_t connections = 0;
    std::uint64_t turns = 0;
};

/// The server process: it echoes until its pipe closes.
coax::task<> serve_with_few_descriptors(coax::listener& listener, coax::socket& pipe) {
    std::uint64_t connections = 0;
    const auto handler = [&](coax::socket conn, coax::address peer) {
        ++connections;
        return support::echo(std::move(conn), peer);
    };
    const auto body = [&]() -> coax::task<> {
        // Nothing can be opened: the server has met its limit, and has failed to accept.
        co_await support::until([&] {
            const int spare = fcntl(0, F_DUPFD_CLOEXEC, 0);
            if (spare != -1)
                close(spare);
            return spare == -1;
        });
        // The clients are all there, and what came for them has been taken.
        co_await support::read(pipe, 1);
        co_await coax::yield();
        const std::uint64_t before = coax::scheduler::current().stats().turns;
        co_await coax::sleep_for(500ms);
        const census counted{connections, coax::scheduler::current().stats().turns - before};
        co_await pipe.sendall(std::as_bytes(std::span(&counted, 1)));
        co_await support::read_to_end(pipe);
    };
    co_await support::with_server(listener, handler, {.drain_timeout = 0s}, body);
}

} // namespace

TEST_CASE("a server that runs out of descriptors neither spins nor dies, and serves the others when some have left") {
    coax::listener listener = coax::create_server({"127.0.0.1", 0}, {.backlog = many_clients + 10});
    coax::socket_pair pipe = coax::socketpair();
    const coax::address name = listener.getsockname();
    const pid_t child = support::start_child([&] {
        const rlimit limit{few_descriptors, few_descriptors};
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            return 1;
        pipe.first.close();
        coax::run(serve_with_few_descriptors(listener, pipe.second));
        return 0;
    });
    listener.close();
    pipe.second.close();
    support::run([&]() -> coax::task<> {
        std::vector<coax::socket> clients;
        for (int index = 0; index < many_clients; ++index) {
            clients.push_back(co_await support::connected_to(name));
            co_await clients.back().sendall("x");
        }
        co_await pipe.first.sendall("?");
        census counted;
        const std::string bytes = co_await support::read(pipe.first, sizeof counted);
        REQUIRE(bytes.size() == sizeof counted);
        std::memcpy(&counted, bytes.data(), sizeof counted);
        CHECK(counted.connections > 20);
        CHECK(counted.connections < few_descriptors);
        CHECK(counted.turns < 100); // pauses of 5, 10, 20, … milliseconds
        // They are served in the order in which they came; each that leaves makes room.
        for (coax::socket& client : clients) {
            const std::string heard = co_await support::read(client, 1);
            CHECK(heard == "x");
            client.close();
        }
        pipe.first.close();
    });
    CHECK(support::exit_code(child) == 0);
}

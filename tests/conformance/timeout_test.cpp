// settimeout with a positive limit: each operation ends in time, and what comes late is not lost.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

namespace {

/// Awaits the operation and checks that it ended by its limit, no earlier.
template <class Make>
coax::task<> expires(Make make, coax::operation_name name, std::chrono::nanoseconds limit) {
    const coax::clock::time_point start = coax::clock::now();
    bool expired = false;
    try {
        static_cast<void>(co_await make());
    } catch (const coax::timeout_error& error) {
        expired = true;
        CHECK(error.code() == std::errc::timed_out);
        CHECK(error.operation() == name);
        CHECK(std::string(error.what()).find(coax::to_string(name)) != std::string::npos);
    }
    CHECK(expired);
    CHECK(coax::clock::now() - start >= limit);
}

} // namespace

TEST_CASE("every operation that cannot go on ends with a timeout", "[unix]") {
    support::run([]() -> coax::task<> {
        constexpr auto limit = 5ms;
        coax::socket listener = support::listening(coax::family::inet);
        listener.settimeout(limit);
        co_await expires([&] { return listener.accept(); }, coax::operation_name::accept, limit);

        coax::socket_pair pair = coax::socketpair();
        std::byte buffer[16];
        pair.first.settimeout(limit);
        co_await expires([&] { return pair.first.recv(16); }, coax::operation_name::recv, limit);
        co_await expires([&] { return pair.first.recv(buffer); }, coax::operation_name::recv, limit);
        co_await expires([&] { return pair.first.recvfrom(16); }, coax::operation_name::recvfrom, limit);
        co_await expires([&] { return pair.first.recvfrom(buffer); }, coax::operation_name::recvfrom, limit);

        co_await support::fill(pair.first);
        pair.first.settimeout(limit);
        co_await expires([&] { return pair.first.send("x"); }, coax::operation_name::send, limit);
        co_await expires([&] { return pair.first.sendall("x"); }, coax::operation_name::sendall, limit);
        co_await expires([&] { return pair.first.sendall("x", "y"); }, coax::operation_name::sendall, limit);

        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        const coax::address to = receiver.getsockname();
        co_await sender.connect(to);
        co_await support::fill(sender);
        sender.settimeout(limit);
        co_await expires([&] { return sender.send("x"); }, coax::operation_name::send, limit);
        coax::socket other(coax::family::local, coax::kind::datagram);
        other.settimeout(limit);
        co_await expires([&] { return other.sendto("x", to); }, coax::operation_name::sendto, limit);
    });
}

TEST_CASE("connecting to a listener that takes nobody ends with a timeout") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family, 0);
        const coax::address name = listener.getsockname();
        // The backlog of zero holds one; how many more handshakes the system begins is its own affair.
        std::vector<coax::socket> queued;
        bool expired = false;
        for (int index = 0; index < 10 && !expired; ++index) {
            queued.emplace_back(family);
            queued.back().settimeout(30ms);
            const auto outcome = co_await coax::as_result(queued.back().connect(name));
            if (outcome)
                continue;
            expired = true;
            CHECK(outcome.error().why() == coax::failure::cause::timeout);
            CHECK(outcome.error().peer() == name);
        }
        CHECK(expired);

        // As a code there is no exception.
        coax::socket last(family);
        last.settimeout(5ms);
        const std::error_code code = co_await last.connect_ex(name);
        CHECK(code == std::errc::timed_out);
    });
}

TEST_CASE("a sendall that ran out of time says how much went out") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::string large = support::pattern(8 << 20);
        pair.first.settimeout(10ms);
        std::size_t went = 0;
        try {
            co_await pair.first.sendall(large);
        } catch (const coax::timeout_error& error) {
            went = error.transferred();
        }
        CHECK(went > 0);
        CHECK(went < large.size());
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.size() == went);
        CHECK(support::same_up_to(got, large) == went);
    });
}

TEST_CASE("the limit of a sendall is for all of it, however steadily it goes on") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::string large(64 << 20, 'x');
        bool done = false;
        const auto sip = [&]() -> coax::task<> {
            std::string taken(100'000, '\0');
            while (!done) {
                co_await pair.second.recv(support::writable(taken));
                co_await coax::sleep_for(1ms);
            }
        };
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(sip());
            pair.first.settimeout(30ms);
            co_await support::note([&] { return pair.first.sendall(large); }, how);
            done = true;
            group.cancel();
        });
        CHECK(how == ending::timeout);
    });
}

TEST_CASE("what arrives after the limit is there for the next receive") {
    support::run([]() -> coax::task<> {
        for (const bool pooled : {true, false}) {
            support::connection pair = co_await support::connected(coax::family::inet);
            for (int round = 0; round < 20; ++round) {
                pair.server.settimeout(1ms);
                std::byte buffer[16];
                ending how = ending::none;
                if (pooled)
                    co_await support::note([&] { return pair.server.recv(16); }, how);
                else
                    co_await support::note([&] { return pair.server.recv(buffer); }, how);
                CHECK(how == ending::timeout);
                co_await pair.client.sendall("late");
                co_await support::round_trip();
                pair.server.settimeout(std::nullopt);
                const std::string heard = co_await support::read(pair.server, 4);
                CHECK(heard == "late");
            }
        }
    });
}

TEST_CASE("the limit is for each operation anew, and does not touch one that is in time") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto trickle = [&]() -> coax::task<> {
            for (int index = 0; index < 30; ++index) {
                co_await coax::sleep_for(20ms);
                co_await pair.first.sendall("x");
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(trickle());
            // Less than all of it takes, far more than any part of it.
            pair.second.settimeout(500ms);
            const std::string heard = co_await support::read(pair.second, 30);
            CHECK(heard.size() == 30);
        });
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("each of several waiting operations has a limit of its own") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        ending first = ending::none;
        ending second = ending::none;
        ending third = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return pair.first.recv(1); }, first));
            pair.first.settimeout(2ms);
            group.spawn(support::note([&] { return pair.first.recv(1); }, second));
            group.spawn(support::note([&] { return pair.first.recv(1); }, third));
            co_await support::until([&] { return second != ending::none && third != ending::none; });
            CHECK(first == ending::none);
            co_await pair.second.sendall("x");
        });
        CHECK(first == ending::value);
        CHECK(second == ending::timeout);
        CHECK(third == ending::timeout);
    });
}

TEST_CASE("a result that is there beats a limit that has passed") {
    // Far longer than a busy machine takes to run a few turns of the loop.
    constexpr auto limit = 300ms;
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        for (const bool pooled : {true, false, true}) {
            coax::socket_pair pair = coax::socketpair();
            const auto started = std::chrono::steady_clock::now();
            pair.second.settimeout(limit);
            listener.settimeout(limit);
            std::byte buffer[16];
            ending received = ending::none;
            ending connected = ending::none;
            coax::socket client(coax::family::inet);
            client.setblocking(false);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                if (pooled)
                    group.spawn(support::note([&] { return pair.second.recv(16); }, received));
                else
                    group.spawn(support::note([&] { return pair.second.recv(buffer); }, received));
                group.spawn(support::note([&] { return listener.accept(); }, connected));
                co_await support::round_trip();
                CHECK(received == ending::none);
                CHECK(connected == ending::none);
                // Both come, and both limits pass, before the loop looks again.
                CHECK(support::send_raw(pair.first.fileno(), "x", 1) == 1);
                static_cast<void>(co_await coax::as_result(client.connect(name)));
                support::spin(started + limit + 50ms - std::chrono::steady_clock::now());
            });
            CHECK(received == ending::value);
            CHECK(connected == ending::value);
        }
    });
}

TEST_CASE("the smallest limit still tries, and a result that is there beats it") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.second.settimeout(1ns);
        for (int round = 0; round < 1000; ++round) {
            co_await pair.first.sendall("x");
            const auto got = co_await coax::as_result(pair.second.recv(1));
            CHECK(got);
            const auto none = co_await coax::as_result(pair.second.recv(1));
            CHECK_FALSE(none);
        }
    });
}

TEST_CASE("what a task has computed before does not use up the limit of an operation") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.first.settimeout(60ms);
        const auto send_late = [&]() -> coax::task<> {
            co_await coax::sleep_for(5ms);
            co_await pair.second.sendall("x");
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(send_late());
            support::spin(100ms);
            const std::string got = co_await support::read(pair.first, 1);
            CHECK(got == "x");
        });
    });
}

// In the steady state nothing allocates: a wait lives in the frame of the coroutine, bytes lie in buffers that are lent. And a connection on
// which nothing happens holds no more than that.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int rounds = 200;

/// Awaits `exchange()` (a task) until it is used to it, then as often again, in which time nothing allocates.
template <class Exchange>
coax::task<> check_steady(Exchange exchange) {
    for (int round = 0; round < rounds; ++round)
        co_await exchange();
    const std::size_t before = support::allocations();
    const auto heap_buffers = coax::scheduler::current().stats().heap_buffers;
    for (int round = 0; round < rounds; ++round)
        co_await exchange();
    CHECK(support::allocations() == before);
    CHECK(coax::scheduler::current().stats().heap_buffers == heap_buffers);
    CHECK(before > 0);
}

coax::task<> echo_pooled(coax::socket& conn) {
    while (const coax::chunk data = co_await conn.recv(1000))
        co_await conn.sendall(data);
}

coax::task<> echo_own(coax::socket& conn) {
    std::byte room[1000];
    for (;;) {
        const std::size_t got = co_await conn.recv(room);
        if (got == 0)
            break;
        co_await conn.sendall(std::span(room).first(got / 2), std::span(room).subspan(got / 2, got - got / 2));
    }
}

coax::task<> echo_datagrams(coax::socket& bound) {
    for (;;) {
        const coax::datagram data = co_await bound.recvfrom(1000);
        co_await bound.sendto(data.data, data.peer);
    }
}

} // namespace

TEST_CASE("an exchange over a stream allocates nothing") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    const bool limited = GENERATE(false, true);
    INFO(support::name_of(family) << (pooled ? ", pooled" : ", own memory") << (limited ? ", limited" : ""));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        if (limited)
            pair.client.settimeout(10s);
        std::byte room[64];
        const auto plain = [&]() -> coax::task<> {
            co_await pair.client.sendall("he", "llo");
            std::size_t got = 0;
            while (got < 5)
                got += co_await pair.client.recv(room);
        };
        const auto exchange = [&]() -> coax::task<> {
            if (limited)
                co_await coax::with_timeout(10s, plain());
            else
                co_await plain();
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(pooled ? echo_pooled(pair.server) : echo_own(pair.server));
            co_await check_steady(exchange);
            group.cancel();
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("an exchange of datagrams allocates nothing") {
    support::run([]() -> coax::task<> {
        coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket other = support::bound(coax::family::inet, coax::kind::datagram);
        const coax::address to = other.getsockname();
        std::byte room[64];
        const auto exchange = [&]() -> coax::task<> {
            co_await one.sendto("ping", to);
            co_await one.recvfrom(room);
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(echo_datagrams(other));
            co_await check_steady(exchange);
            group.cancel();
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("a receive that waits holds nothing but its frame, whatever size it asks for") {
    support::run([]() -> coax::task<> {
        constexpr std::size_t count = 100;
        std::vector<coax::socket_pair> pairs;
        for (std::size_t index = 0; index < count; ++index)
            pairs.push_back(coax::socketpair());
        const auto listen = [&](std::size_t index, std::size_t size) -> coax::task<> {
            const coax::chunk data = co_await pairs[index].second.recv(size);
            CHECK(data.text() == "x");
        };
        // The first round makes the frames, the table of the poller, and whatever else is made once.
        for (const std::size_t size : {std::size_t{10}, std::size_t{65536}, std::size_t{1} << 26}) {
            const auto body = [&](coax::task_group& group) -> coax::task<> {
                const std::size_t held = support::held_bytes();
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(listen(index, size));
                co_await support::until_waiting(count);
                co_await support::round_trip();
                CHECK(coax::scheduler::current().stats().buffers_leased == 0);
                // The pool keeps one block for all of them, if it is not too large.
                if (size != 10)
                    CHECK(support::held_bytes() <= held + (size <= std::size_t{1} << 20 ? size : 0) + 1024);
                for (coax::socket_pair& each : pairs)
                    co_await each.first.sendall("x");
            };
            co_await coax::with_task_group(body);
        }
    });
}

TEST_CASE("the tables of the sockets that a scheduler knows grow by a part of their size") {
    support::run([]() -> coax::task<> {
        constexpr std::size_t count = 200;
        std::vector<coax::socket> sockets;
        for (std::size_t index = 0; index < count; ++index) {
            sockets.push_back(support::bound(coax::family::inet, coax::kind::datagram));
            sockets.back().setblocking(false);
        }
        std::byte room[64];
        const std::size_t before = support::allocations();
        for (coax::socket& each : sockets)
            static_cast<void>(co_await coax::as_result(each.recv(room)));
        CHECK(support::allocations() - before < count / 8);
    });
}

TEST_CASE("waiting for events, locks, permits, notifications and items allocates nothing") {
    support::run([]() -> coax::task<> {
        coax::event turn;
        coax::mutex m;
        coax::condition changed(m);
        coax::semaphore gate(0);
        coax::channel<int> direct(0);
        coax::channel<int> buffered(2);
        int answered = 0;
        int wrong = 0;
        const auto other = [&]() -> coax::task<> {
            for (int round = 0; round < 2 * rounds; ++round) {
                co_await turn.wait();
                turn.clear();
                {
                    coax::mutex::guard held = co_await m.lock();
                    answered = round + 1;
                    changed.notify_one();
                    co_await coax::yield();
                }
                gate.release();
                const std::optional<int> got = co_await direct.recv();
                for (int number = 0; number < 5; ++number)
                    co_await buffered.send(number + *got);
            }
        };
        const auto once = [&](int round) -> coax::task<> {
            {
                coax::mutex::guard held = co_await m.lock();
                turn.set();
                co_await changed.wait(held, [&] { return answered == round + 1; });
            }
            co_await gate.acquire();
            co_await direct.send(round);
            for (int number = 0; number < 5; ++number) {
                const std::optional<int> got = co_await buffered.recv();
                wrong += got == number + round ? 0 : 1;
            }
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(other());
            for (int round = 0; round < rounds; ++round)
                co_await once(round);
            const std::size_t before = support::allocations();
            for (int round = rounds; round < 2 * rounds; ++round)
                co_await once(round);
            const std::size_t after = support::allocations();
            CHECK(before > 0);
            CHECK(after == before);
            CHECK(wrong == 0);
        };
        co_await coax::with_task_group(body);
    });
}

// Rings and pools far too small for what is asked of them: everything works, only slower.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

namespace {

coax::scheduler_options tiny_queues() {
    coax::scheduler_options options;
    options.queue_depth = 2;
    options.completion_depth = 4;
    return options;
}

coax::scheduler_options tiny_pool(unsigned count, std::size_t size = 4096) {
    coax::scheduler_options options;
    options.buffer_count = count;
    options.buffer_size = size;
    return options;
}

std::vector<coax::socket_pair> pairs_of_sockets(std::size_t count) {
    std::vector<coax::socket_pair> pairs;
    for (std::size_t index = 0; index < count; ++index)
        pairs.push_back(coax::socketpair());
    return pairs;
}

} // namespace

TEST_CASE("five hundred operations at once through a queue of two") {
    constexpr std::size_t count = 500;
    support::run(
        [&]() -> coax::task<> {
            std::vector<coax::socket_pair> pairs = pairs_of_sockets(count);
            std::vector<std::string> got(count);
            const auto receive = [&](std::size_t index) -> coax::task<> {
                got[index] = co_await support::read(pairs[index].second, 3);
            };
            const auto send = [&](std::size_t index) -> coax::task<> {
                co_await pairs[index].first.sendall(std::to_string(100 + index));
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(receive(index));
                CHECK(coax::scheduler::current().stats().waiting == count);
                // All of them complete in the same turn.
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(send(index));
                co_return;
            });
            for (std::size_t index = 0; index < count; ++index)
                CHECK(got[index] == std::to_string(100 + index));
        },
        tiny_queues());
}

TEST_CASE("completions that come from outside, all before the loop looks, overflow nothing") {
    constexpr std::size_t count = 500;
    support::run(
        [&]() -> coax::task<> {
            std::vector<coax::socket_pair> pairs = pairs_of_sockets(count);
            std::vector<std::string> got(count);
            const auto receive = [&](std::size_t index) -> coax::task<> {
                const coax::chunk data = co_await pairs[index].second.recv(16);
                got[index] = data.text();
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(receive(index));
                co_await coax::sleep_for(1ms);
                // By plain system calls, while the loop stands still.
                for (coax::socket_pair& pair : pairs)
                    CHECK(support::send_raw(pair.first.fileno(), "x", 1) == 1);
            });
            CHECK(std::count(got.begin(), got.end(), "x") == count);
        },
        tiny_queues());
}

TEST_CASE("five hundred operations are cancelled at once through a queue of two") {
    constexpr std::size_t count = 500;
    support::run(
        [&]() -> coax::task<> {
            std::vector<coax::socket_pair> pairs = pairs_of_sockets(count);
            std::vector<ending> how(count, ending::none);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(support::note([&, index] { return pairs[index].second.recv(16); }, how[index]));
                co_await support::round_trip();
                group.cancel();
            });
            CHECK(std::count(how.begin(), how.end(), ending::cancelled) == count);
            // And again, without the kernel having heard of them in between.
            std::fill(how.begin(), how.end(), ending::none);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(support::note([&, index] { return pairs[index].second.recv(16); }, how[index]));
                group.cancel();
                co_return;
            });
            CHECK(std::count(how.begin(), how.end(), ending::cancelled) == count);
            for (coax::socket_pair& pair : pairs) {
                co_await pair.first.sendall("x");
                const std::string heard = co_await support::read(pair.second, 1);
                CHECK(heard == "x");
            }
        },
        tiny_queues());
}

TEST_CASE("five hundred sockets with somebody waiting are closed at once through a queue of two") {
    constexpr std::size_t count = 500;
    support::run(
        [&]() -> coax::task<> {
            std::vector<coax::socket_pair> pairs = pairs_of_sockets(count);
            std::vector<ending> how(count, ending::none);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < count; ++index)
                    group.spawn(support::note([&, index] { return pairs[index].second.recv(16); }, how[index]));
                co_await support::round_trip();
                for (coax::socket_pair& pair : pairs)
                    pair.second.close();
            });
            CHECK(std::count(how.begin(), how.end(), ending::error) == count);
        },
        tiny_queues());
}

TEST_CASE("a hundred connections echo through a queue of two") {
    constexpr int count = 100;
    support::run(
        []() -> coax::task<> {
            coax::socket listener = support::listening(coax::family::inet);
            const coax::address name = listener.getsockname();
            int echoed = 0;
            const auto serve = [](coax::socket conn) -> coax::task<> {
                while (const coax::chunk data = co_await conn.recv(1000))
                    co_await conn.sendall(data);
            };
            const auto accept = [&](coax::task_group& group) -> coax::task<> {
                for (int index = 0; index < count; ++index) {
                    coax::accepted taken = co_await listener.accept();
                    group.spawn(serve(std::move(taken.conn)));
                }
            };
            const auto client = [&](int index) -> coax::task<> {
                coax::socket conn(coax::family::inet);
                co_await conn.connect(name);
                const std::string sent = support::pattern(5000, static_cast<std::uint32_t>(index));
                for (int round = 0; round < 3; ++round) {
                    co_await conn.sendall(sent);
                    const std::string back = co_await support::read(conn, sent.size());
                    echoed += back == sent ? 1 : 0;
                }
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(accept(group));
                for (int index = 0; index < count; ++index)
                    group.spawn(client(index));
                co_return;
            });
            CHECK(echoed == 3 * count);
        },
        tiny_queues());
}

TEST_CASE("a hundred connections hold their chunks, from a pool of two buffers") {
    constexpr std::size_t count = 100;
    support::run(
        [&]() -> coax::task<> {
            coax::scheduler& scheduler = coax::scheduler::current();
            std::vector<coax::socket_pair> pairs = pairs_of_sockets(count);
            CHECK(scheduler.stats().buffers <= 2);
            std::vector<coax::chunk> held(count);
            const auto receive = [&](std::size_t index) -> coax::task<> {
                held[index] = co_await pairs[index].second.recv(100);
            };
            for (int round = 0; round < 3; ++round) {
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    // Half of them wait when the bytes come, half come for bytes that wait.
                    for (std::size_t index = 0; index < count; index += 2)
                        group.spawn(receive(index));
                    co_await support::round_trip();
                    for (std::size_t index = 0; index < count; ++index)
                        co_await pairs[index].first.sendall("number " + std::to_string(index));
                    for (std::size_t index = 1; index < count; index += 2)
                        group.spawn(receive(index));
                });
                for (std::size_t index = 0; index < count; ++index)
                    CHECK(held[index].text() == "number " + std::to_string(index));
                CHECK(scheduler.stats().buffers_leased <= scheduler.stats().buffers);
                CHECK(scheduler.stats().heap_buffers >= (static_cast<std::size_t>(round) + 1) * (count - 2));
                for (coax::chunk& each : held)
                    each = coax::chunk();
                CHECK(scheduler.stats().buffers_leased == 0);
            }
            // Given back, the buffers serve again.
            const std::uint64_t heap = scheduler.stats().heap_buffers;
            for (int round = 0; round < 100; ++round) {
                co_await pairs[0].first.sendall("x");
                const coax::chunk data = co_await pairs[0].second.recv(100);
                CHECK(data.text() == "x");
            }
            CHECK(scheduler.stats().heap_buffers == heap);
        },
        tiny_pool(2));
}

TEST_CASE("waiting for data takes no buffer away from those who have data") {
    support::run(
        []() -> coax::task<> {
            coax::scheduler& scheduler = coax::scheduler::current();
            std::vector<coax::socket_pair> idle = pairs_of_sockets(50);
            coax::socket_pair busy = coax::socketpair();
            std::vector<ending> how(idle.size(), ending::none);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t index = 0; index < idle.size(); ++index)
                    group.spawn(support::note([&, index] { return idle[index].second.recv(100); }, how[index]));
                co_await support::round_trip();
                CHECK(scheduler.stats().buffers_leased == 0);
                for (int round = 0; round < 100; ++round) {
                    co_await busy.first.sendall("x");
                    const coax::chunk data = co_await busy.second.recv(100);
                    CHECK(data.text() == "x");
                }
                CHECK(scheduler.stats().heap_buffers == 0);
                group.cancel();
            });
        },
        tiny_pool(2));
}

TEST_CASE("a receive larger than the pool's buffers gets all it asked for") {
    support::run(
        []() -> coax::task<> {
            coax::socket_pair pair = coax::socketpair();
            const std::string sent = support::pattern(5000);
            for (int round = 0; round < 3; ++round) {
                co_await pair.first.sendall(sent);
                const coax::chunk all = co_await pair.second.recv(5000, coax::message_flags::wait_all);
                CHECK(all.text() == sent);
            }
            CHECK(coax::scheduler::current().stats().heap_buffers >= 1); // it serves again when it comes back
            CHECK(coax::scheduler::current().stats().buffers_leased == 0);

            // Small ones still come from the pool.
            const std::uint64_t heap = coax::scheduler::current().stats().heap_buffers;
            co_await pair.first.sendall("small");
            const coax::chunk small = co_await pair.second.recv(10);
            CHECK(small.text() == "small");
            CHECK(coax::scheduler::current().stats().heap_buffers == heap);
        },
        tiny_pool(4, 16));
}

TEST_CASE("buffers that another thread gives back serve again") {
    support::run(
        []() -> coax::task<> {
            coax::socket_pair pair = coax::socketpair();
            for (int round = 0; round < 200; ++round) {
                co_await pair.first.sendall("x");
                coax::chunk data = co_await pair.second.recv(100);
                CHECK(data.text() == "x");
                std::thread([held = std::move(data)] {}).join();
            }
            CHECK(coax::scheduler::current().stats().heap_buffers <= 4);
            CHECK(coax::scheduler::current().stats().buffers_leased == 0);
        },
        tiny_pool(2));
}

// Chunks are leases: they may be held, outlive their scheduler, and be given back on another thread.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

std::string numbered(int number) { return "message " + std::to_string(10'000 + number); }

} // namespace

TEST_CASE("a chunk keeps its bytes while the connection goes on, is closed, and its scheduler is gone") {
    std::vector<coax::chunk> held;
    constexpr int count = 300; // more than the pool has buffers
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < count; ++i) {
            co_await made.client.sendall(numbered(i));
            held.push_back(co_await made.server.recv(64));
        }
        for (int i = 0; i < count; ++i)
            CHECK(held[static_cast<std::size_t>(i)].text() == numbered(i));
    });
    for (int i = 0; i < count; ++i)
        CHECK(held[static_cast<std::size_t>(i)].text() == numbered(i));
    // The bytes are the holder's: other schedulers write elsewhere.
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < count; ++i) {
            co_await made.client.sendall("overwritten");
            const coax::chunk data = co_await made.server.recv(64);
            CHECK(data.text() == "overwritten");
        }
    });
    for (int i = 0; i < count; ++i)
        CHECK(held[static_cast<std::size_t>(i)].text() == numbered(i));
}

TEST_CASE("a chunk that outlives its scheduler may be destroyed on another thread") {
    std::vector<coax::chunk> held;
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < 10; ++i) {
            co_await made.client.sendall(numbered(i));
            held.push_back(co_await made.server.recv(64));
        }
    });
    bool intact = true;
    std::thread([&intact, chunks = std::move(held)]() mutable {
        for (std::size_t i = 0; i < chunks.size(); ++i)
            intact = intact && chunks[i].text() == numbered(static_cast<int>(i));
        chunks.clear();
    }).join();
    CHECK(intact);
}

TEST_CASE("chunks given back on another thread while their scheduler runs serve it again") {
    constexpr int rounds = 20;
    constexpr int per_round = 20;
    coax::scheduler_options options;
    options.buffer_count = 64;
    options.buffer_size = 256;
    const auto body = [&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        coax::scheduler& scheduler = coax::scheduler::current();
        std::future<void> releaser;
        for (int round = 0; round < rounds; ++round) {
            std::vector<coax::chunk> held;
            for (int i = 0; i < per_round; ++i) {
                co_await made.client.sendall(numbered(i));
                held.push_back(co_await made.server.recv(64));
                CHECK(held.back().text() == numbered(i));
            }
            releaser = std::async(std::launch::async, [chunks = std::move(held)]() mutable { chunks.clear(); });
        }
        releaser.get();
        CHECK(scheduler.stats().buffers_leased == 0);
        CHECK(scheduler.stats().heap_buffers == 0); // two rounds fit into the pool
        co_await made.client.sendall("last");
        const coax::chunk last = co_await made.server.recv(64);
        CHECK(last.text() == "last");
    };
    support::run(body, options);
}

TEST_CASE("held chunks starve nobody, and what the pool could not serve is counted") {
    coax::scheduler_options options;
    options.buffer_count = 4;
    options.buffer_size = 128;
    const auto body = [&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::vector<coax::chunk> held;
        for (int i = 0; i < 100; ++i) {
            co_await made.client.sendall(numbered(i));
            held.push_back(co_await made.server.recv(64));
        }
        const coax::scheduler_stats full = coax::scheduler::current().stats();
        CHECK(full.buffers_leased <= full.buffers);
        CHECK(full.buffers_leased + full.heap_buffers >= 100);
        for (int i = 0; i < 100; ++i)
            CHECK(held[static_cast<std::size_t>(i)].text() == numbered(i));
        held.clear();
        CHECK(coax::scheduler::current().stats().buffers_leased == 0);
    };
    support::run(body, options);
}

TEST_CASE(
    "large chunks keep their bytes wherever they are destroyed: here, on another thread, behind their scheduler") {
    constexpr std::size_t size = 40'000;
    const auto text = [](int number) { return std::string(size, static_cast<char>('a' + number % 26)); };
    std::vector<coax::chunk> held;
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::future<void> releaser;
        for (int i = 0; i < 60; ++i) {
            co_await made.client.sendall(text(i));
            coax::chunk whole = co_await made.server.recv(size, coax::message_flags::wait_all);
            CHECK(whole.text() == text(i));
            if (i % 3 == 0)
                held.push_back(std::move(whole));
            else if (i % 3 == 1)
                releaser = std::async(std::launch::async, [chunk = std::move(whole)]() mutable { chunk = {}; });
            // What is given back is used again, and must be nobody else's.
            for (std::size_t at = 0; at < held.size(); ++at)
                CHECK(held[at].text() == text(static_cast<int>(at) * 3));
        }
        releaser.get();
    });
    std::thread([chunks = std::move(held)]() mutable { chunks.resize(chunks.size() / 2); }).join();
}

TEST_CASE("a short message in a large buffer is given in a small one") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::vector<coax::chunk> held;
        for (int i = 0; i < 100; ++i) {
            co_await made.client.sendall(numbered(i));
            held.push_back(co_await made.server.recv(std::size_t{1} << 16));
        }
        for (int i = 0; i < 100; ++i)
            CHECK(held[static_cast<std::size_t>(i)].text() == numbered(i));
    });
}

TEST_CASE("a chunk can be moved, overwritten and left empty") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall("one");
        coax::chunk first = co_await made.server.recv(8);
        co_await made.client.sendall("two");
        coax::chunk second = co_await made.server.recv(8);

        coax::chunk moved = std::move(first);
        CHECK(moved.text() == "one");
        CHECK(first.empty());
        CHECK_FALSE(static_cast<bool>(first));
        moved = std::move(second);
        CHECK(moved.text() == "two");
        moved = coax::chunk();
        CHECK(moved.empty());
        CHECK(coax::scheduler::current().stats().buffers_leased == 0);
    });
}

TEST_CASE("the bytes of a chunk may be changed by its holder") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall("lower");
        coax::chunk data = co_await made.server.recv(8);
        for (std::byte& b : data)
            b ^= std::byte{0x20};
        co_await made.server.sendall(data);
        const std::string heard = co_await support::read(made.client, 5);
        CHECK(heard == "LOWER");
    });
}

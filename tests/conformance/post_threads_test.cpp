// Posting from other threads while the loop sleeps, runs and ends: nothing is lost, nothing is held up.
#include "support/catch.hpp"
#include "support/many.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

namespace {

coax::task<> nothing() { co_return; }

/// Counts those that are alive, on whichever threads.
class token {
public:
    explicit token(std::atomic<long>& alive) noexcept : alive_(&alive) { ++*alive_; }
    token(token&& other) noexcept : alive_(std::exchange(other.alive_, nullptr)) {}
    token& operator=(token&&) = delete;
    ~token() {
        if (alive_ != nullptr)
            --*alive_;
    }

private:
    std::atomic<long>* alive_;
};

} // namespace

TEST_CASE("a million functions from four threads all arrive, each thread's in its order") {
    constexpr std::size_t threads = 4;
    constexpr int each = support::many(250'000);
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        coax::socket_pair pair = coax::socketpair();
        std::array<int, threads> next{};
        std::size_t arrived = 0;
        bool ordered = true;
        std::vector<std::thread> posters;
        for (std::size_t thread = 0; thread < threads; ++thread) {
            posters.emplace_back([&, thread] {
                for (int index = 0; index < each; ++index) {
                    scheduler.post([&, thread, index] {
                        ordered = ordered && next[thread] == index;
                        ++next[thread];
                        // The loop sleeps in the kernel in the meantime: the last function ends its wait.
                        if (++arrived == threads * each)
                            pair.first.close();
                    });
                }
            });
        }
        const coax::chunk end = co_await pair.second.recv(1);
        CHECK_FALSE(end);
        for (std::thread& poster : posters)
            poster.join();
        CHECK(arrived == threads * each);
        CHECK(ordered);
    });
}

TEST_CASE("each post wakes a loop that sleeps in the kernel") {
    constexpr int rounds = 20'000;
    support::run([&]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        coax::socket_pair pair = coax::socketpair();
        std::atomic<int> done = 0;
        bool lost = false;
        std::thread poster([&] {
            for (int round = 1; round <= rounds && !lost; ++round) {
                scheduler.post([&] { done.fetch_add(1); });
                const auto end = std::chrono::steady_clock::now() + support::patience;
                while (done.load() != round && !lost) {
                    lost = std::chrono::steady_clock::now() > end;
                    std::this_thread::yield();
                }
            }
            scheduler.post([&] { pair.first.close(); });
        });
        // Nothing else is going on, so the loop sleeps until it is woken.
        const coax::chunk end = co_await pair.second.recv(1);
        CHECK_FALSE(end);
        poster.join();
        CHECK_FALSE(lost);
        CHECK(done.load() == rounds);
    });
}

TEST_CASE("a run ends although others go on posting") {
    constexpr long most = 100'000;
    bool in_time = true;
    std::atomic<long> made = 0;
    std::atomic<long> alive = 0;
    {
        coax::scheduler scheduler;
        std::atomic<bool> stop = false;
        const auto pour = [&] {
            const auto end = std::chrono::steady_clock::now() + support::patience;
            while (!stop.load() && std::chrono::steady_clock::now() < end) {
                // As fast as they can, but not so that the machine runs out of memory.
                if (alive.load() >= most)
                    continue;
                ++made;
                scheduler.post([held = token(alive)] {});
            }
        };
        std::thread first(pour);
        std::thread second(pour);
        const auto end = std::chrono::steady_clock::now() + support::patience / 2;
        for (int round = 0; in_time && (round < 20 || made.load() < 2 * most); ++round) {
            scheduler.run(nothing());
            in_time = std::chrono::steady_clock::now() < end;
        }
        stop = true;
        first.join();
        second.join();
    }
    CHECK(in_time);
    CHECK(alive.load() == 0);
}

TEST_CASE("posts that race with the end of a run are kept for the next one or dropped, whole") {
    constexpr int runs = 2000;
    std::atomic<long> made = 0;
    std::atomic<long> alive = 0;
    {
        coax::scheduler scheduler;
        std::atomic<bool> stop = false;
        std::thread poster([&] {
            while (!stop.load()) {
                ++made;
                scheduler.post([held = token(alive)] {});
                std::this_thread::yield();
            }
        });
        const auto end = std::chrono::steady_clock::now() + support::patience;
        for (int round = 0; round < runs || (made.load() == 0 && std::chrono::steady_clock::now() < end); ++round)
            scheduler.run(nothing());
        stop = true;
        poster.join();
    }
    CHECK(made.load() > 0);
    CHECK(alive.load() == 0);
}

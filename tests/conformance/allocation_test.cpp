// Waiting allocates nothing: the wait lives in the frame of the coroutine.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <cstddef>
#include <optional>

TEST_CASE("waiting for events, locks, permits, notifications and items allocates nothing") {
    support::run([]() -> coax::task<> {
        constexpr int rounds = 200;
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

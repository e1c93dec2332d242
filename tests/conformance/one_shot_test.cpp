// A value set once: who hears of it, from which thread it comes, and that no cancellation loses it.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

TEST_CASE("everybody who awaits a one_shot gets its one value, before and after it is set") {
    support::run([]() -> coax::task<> {
        coax::one_shot<std::string> answer;
        CHECK_FALSE(answer.ready());
        std::vector<const std::string*> got;
        const auto wait = [&]() -> coax::task<> {
            const std::string& value = co_await answer.get();
            got.push_back(&value);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int index = 0; index < 5; ++index)
                group.spawn(wait());
            co_await support::until_waiting(5);
            CHECK(answer.set("yes"));
            CHECK(answer.ready());
            CHECK_FALSE(answer.set("no"));
            CHECK_FALSE(answer.set_exception(std::make_exception_ptr(std::runtime_error("no"))));
        });
        co_await wait();
        CHECK(got == std::vector<const std::string*>(6, got[0]));
        CHECK(*got[0] == "yes");
        const auto value = co_await coax::as_result(coax::with_timeout(0s, answer.get()));
        REQUIRE(value);
        CHECK(*value == "yes");
    });
}

TEST_CASE("a one_shot without a value, and one that cannot be copied") {
    support::run([]() -> coax::task<> {
        coax::one_shot<> done;
        coax::one_shot<std::unique_ptr<int>> owned;
        CHECK(done.set());
        CHECK_FALSE(done.set());
        co_await done.get();
        CHECK(owned.set(std::make_unique<int>(3)));
        const std::unique_ptr<int>& value = co_await owned.get();
        CHECK(*value == 3);
    });
}

TEST_CASE("an exception in place of the value comes out of each wait") {
    support::run([]() -> coax::task<> {
        coax::one_shot<int> answer;
        int thrown = 0;
        const auto wait = [&]() -> coax::task<> {
            try {
                static_cast<void>(co_await answer.get());
            } catch (const std::runtime_error& error) {
                CHECK(error.what() == std::string("no answer"));
                ++thrown;
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(wait());
            co_await support::until_waiting(1);
            CHECK(answer.set_exception(std::make_exception_ptr(std::runtime_error("no answer"))));
        });
        co_await wait();
        CHECK(thrown == 2);
        CHECK(answer.ready());
        CHECK_FALSE(answer.set(3));
    });
}

TEST_CASE("a value whose move throws is not set, and another one may be") {
    struct stubborn {
        stubborn() = default;
        stubborn(stubborn&& other) : refuses(other.refuses) {
            if (refuses)
                throw std::runtime_error("no");
        }
        bool refuses = false;
    };
    coax::one_shot<stubborn> answer;
    stubborn wrong;
    wrong.refuses = true;
    CHECK_THROWS_AS(answer.set(std::move(wrong)), std::runtime_error);
    CHECK_FALSE(answer.ready());
    CHECK(answer.set(stubborn()));
}

TEST_CASE("tasks of several schedulers get the value that another thread sets") {
    for (int round = 0; round < 20; ++round) {
        coax::one_shot<int> answer;
        std::atomic<int> sum{0};
        const auto wait = [&]() -> coax::task<> {
            co_await coax::when_all([](coax::one_shot<int>& of,
                                       std::atomic<int>& to) -> coax::task<> { to += co_await of.get(); }(answer, sum),
                                    [](coax::one_shot<int>& of, std::atomic<int>& to) -> coax::task<> {
                                        to += co_await of.get();
                                    }(answer, sum));
        };
        std::vector<std::thread> threads;
        for (int index = 0; index < 3; ++index)
            threads.emplace_back([&] { coax::run(wait()); });
        answer.set(7);
        for (std::thread& thread : threads)
            thread.join();
        CHECK(sum == 3 * 2 * 7);
    }
}

TEST_CASE("ten thousand times a value comes from another thread while the wait ends, and none is lost") {
    constexpr int rounds = 10'000;
    std::atomic<coax::one_shot<int>*> current{nullptr};
    std::atomic<bool> done{false};
    std::thread setter([&] {
        std::mt19937 random(3);
        int round = 0;
        while (!done) {
            coax::one_shot<int>* const next = current.exchange(nullptr);
            if (next == nullptr) {
                std::this_thread::yield();
                continue;
            }
            for (auto spin = random() % 2000; spin != 0; --spin)
                std::atomic_signal_fence(std::memory_order_seq_cst);
            next->set(++round); // it may be gone when this returns
        }
    });
    support::run([&]() -> coax::task<> {
        const support::timers_first hook(GENERATE(false, true));
        std::mt19937 random(4);
        int in_time = 0;
        for (int round = 1; round <= rounds; ++round) {
            coax::one_shot<int> answer;
            current = &answer;
            const auto limit = std::chrono::nanoseconds(random() % 20'000);
            const auto first = co_await coax::as_result(coax::with_timeout(limit, answer.get()));
            if (first) {
                ++in_time;
                if (*first != round)
                    FAIL("the value of another round");
            }
            const int& value = co_await answer.get();
            if (value != round)
                FAIL("the value of another round");
        }
        CHECK(in_time > 0);
        done = true;
    });
    done = true;
    setter.join();
}

TEST_CASE("a cancelled wait leaves the line, and the value of one who has been told stays") {
    support::run([]() -> coax::task<> {
        coax::one_shot<int> answer;
        ending how[3] = {};
        const auto wait = [&] { return answer.get(); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto cut = [&](coax::task_group& inner) -> coax::task<> {
                inner.spawn(support::note(wait, how[1]));
                co_await coax::yield();
                inner.cancel();
            };
            group.spawn(support::note(wait, how[0]));
            co_await coax::with_task_group(cut);
            group.spawn(support::note(wait, how[2]));
            co_await coax::yield();
            answer.set(1);
            group.cancel();
        });
        CHECK(how[0] == ending::value);
        CHECK(how[1] == ending::cancelled);
        CHECK(how[2] == ending::value);
    });
}

TEST_CASE("a coroutine that is destroyed while it waits, or has been told, leaves nothing behind") {
    support::run([]() -> coax::task<> {
        const auto waiting = [](coax::one_shot<int>& of) -> support::destructible {
            static_cast<void>(co_await of.get());
        };
        for (int round = 0; round < 200; ++round) {
            coax::one_shot<int> answer;
            support::destructible before = waiting(answer);
            support::destructible told = waiting(answer);
            support::destructible told_here = waiting(answer);
            before.destroy();
            std::thread setter([&] { answer.set(1); });
            if (round % 2 == 0)
                setter.join();
            told.destroy();
            answer.set(2);
            told_here.destroy();
            if (setter.joinable())
                setter.join();
            CHECK(coax::scheduler::current().stats().waiting == 0);
        }
        co_await coax::yield();
    });
}

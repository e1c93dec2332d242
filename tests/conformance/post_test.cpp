// Posting functions to a scheduler: order, failures, and what becomes of those that never run.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("posted functions run on the scheduler's thread, in the order of the calls") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        std::string order;
        std::thread::id where;
        scheduler.post([&] { order += '1'; });
        scheduler.post([&] { order += '2'; });
        std::thread other([&] {
            scheduler.post([&] {
                order += '3';
                where = std::this_thread::get_id();
            });
            scheduler.post([&] { order += '4'; });
        });
        other.join();
        // Not inside the call.
        CHECK(order.empty());
        co_await support::until([&] { return order.size() == 4; });
        CHECK(order == "1234");
        CHECK(where == std::this_thread::get_id());
    });
}

TEST_CASE("a posted function may post, and knows its scheduler") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        int depth = 0;
        struct again {
            void operator()() const {
                if (++*depth < 1000)
                    coax::scheduler::current().post(again{depth});
            }
            int* depth;
        };
        scheduler.post(again{&depth});
        co_await support::until([&] { return depth == 1000; });
    });
}

TEST_CASE("a posted function is moved in, kept until it has run, and destroyed once") {
    support::run([]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        int alive = 0;
        int got = 0;
        auto owned = std::make_unique<int>(8);
        auto function = [&got, owned = std::move(owned), held = support::counted(alive)] { got = *owned; };
        scheduler.post(std::move(function));
        CHECK(alive == 2);
        co_await support::until([&] { return got == 8; });
        // What is left is the moved-from local.
        CHECK(alive == 1);
    });
}

TEST_CASE("posted functions leave each turn to others, and all that were posted run before the end") {
    constexpr int count = 20'000;
    int called = 0;
    support::run([&]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        for (int index = 0; index < count; ++index)
            scheduler.post([&] { ++called; });
        int most = 0;
        int before = 0;
        while (called < count / 2) {
            co_await coax::yield();
            most = std::max(most, called - before);
            before = called;
        }
        CHECK(most <= 2000);
    });
    CHECK(called == count);
}

TEST_CASE("functions that go on posting keep neither a task waiting nor the run from ending") {
    int called = 0;
    bool done = false;
    support::run([&]() -> coax::task<> {
        coax::scheduler& scheduler = coax::scheduler::current();
        // Each posts two: there are more and more of them.
        struct again {
            coax::scheduler& on;
            int& called;
            bool& done;
            void operator()() const {
                ++called;
                if (!done && called < 2'000'000) {
                    on.post(*this);
                    on.post(*this);
                }
            }
        };
        scheduler.post(again{scheduler, called, done});
        co_await coax::sleep_for(10ms);
        co_await coax::sleep_for(10ms);
        done = true;
    });
    CHECK(called > 0);
    CHECK(called < 2'000'000);
}

TEST_CASE("what is posted before a run waits for it") {
    coax::scheduler scheduler;
    std::string order;
    scheduler.post([&] { order += '1'; });
    std::thread([&] { scheduler.post([&] { order += '2'; }); }).join();
    const auto body = [&]() -> coax::task<> { co_await support::until([&] { return order.size() == 2; }); };
    scheduler.run(body());
    CHECK(order == "12");

    scheduler.post([&] { order += '3'; });
    CHECK(order == "12");
    const auto again = [&]() -> coax::task<> { co_await support::until([&] { return order.size() == 3; }); };
    scheduler.run(again());
    CHECK(order == "123");
}

TEST_CASE("a function that never runs is destroyed with the scheduler") {
    int alive = 0;
    {
        coax::scheduler never_run;
        for (int index = 0; index < 10; ++index)
            never_run.post([held = support::counted(alive)] { FAIL("it ran"); });
        CHECK(alive == 10);
    }
    CHECK(alive == 0);
}

TEST_CASE("what a run leaves behind is run or dropped, and destroyed either way") {
    int alive = 0;
    {
        coax::scheduler scheduler;
        const auto body = [&]() -> coax::task<> {
            for (int index = 0; index < 10; ++index)
                scheduler.post([held = support::counted(alive)] {});
            co_return;
        };
        scheduler.run(body());
    }
    CHECK(alive == 0);
}

TEST_CASE("an exception from a posted function cancels the main task and comes out of run") {
    coax::scheduler scheduler;
    support::ending how = support::ending::none;
    const auto body = [&]() -> coax::task<> {
        scheduler.post([] { throw std::runtime_error("posted"); });
        co_await support::note([] { return coax::sleep_for(1h); }, how);
        co_await coax::sleep_for(1h);
    };
    CHECK_THROWS_WITH(scheduler.run(body()), "posted");
    CHECK(how == support::ending::cancelled);

    // The scheduler is not the worse for it.
    bool ran = false;
    const auto again = [&]() -> coax::task<> {
        co_await coax::sleep_for(1ms);
        ran = true;
    };
    scheduler.run(again());
    CHECK(ran);
}

TEST_CASE("an exception from a posted function comes out even if the main task ends well") {
    coax::scheduler scheduler;
    const auto body = [&]() -> coax::task<int> {
        scheduler.post([] { throw std::runtime_error("posted"); });
        try {
            co_await coax::sleep_for(1h);
        } catch (const coax::cancelled&) {
        }
        co_return 1;
    };
    CHECK_THROWS_WITH(scheduler.run(body()), "posted");
}

TEST_CASE("when a posted function and the main task both fail, neither failure is lost") {
    std::vector<std::string> suppressed;
    const auto note = [&](std::exception_ptr error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& known) {
            suppressed.push_back(known.what());
        }
    };
    coax::scheduler_options options;
    options.on_suppressed = note;
    coax::scheduler scheduler(options);
    const auto body = [&]() -> coax::task<> {
        scheduler.post([] { throw std::runtime_error("first"); });
        scheduler.post([] { throw std::runtime_error("second"); });
        bool stopped = false;
        try {
            co_await coax::sleep_for(1h);
        } catch (const coax::cancelled&) {
            stopped = true;
        }
        if (stopped)
            throw std::runtime_error("main");
    };
    std::string thrown;
    try {
        scheduler.run(body());
    } catch (const std::runtime_error& error) {
        thrown = error.what();
    }
    CHECK(thrown == "first");
    std::sort(suppressed.begin(), suppressed.end());
    CHECK(suppressed == std::vector<std::string>{"main", "second"});
}

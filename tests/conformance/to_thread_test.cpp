// Blocking work on threads: what it gives, where it runs, and how many of it at once.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/threads.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__GLIBC__)
#include <pthread.h>
#endif

using support::ending;

namespace {

int twice(int number) { return 2 * number; }

struct account {
    int balance = 5;
    int add(int amount) { return balance += amount; }
};

/// Movable only, and its moves may throw.
class token {
public:
    explicit token(int number) : number_(std::make_unique<int>(number)) {}
    token(token&& other) noexcept(false) : number_(std::move(other.number_)) {}
    int number() const { return *number_; }

private:
    std::unique_ptr<int> number_;
};

struct odd_error {
    int number;
};

} // namespace

TEST_CASE("a call on a thread gives its value, its reference, or nothing") {
    support::run([]() -> coax::task<> {
        const int four = co_await coax::to_thread(twice, 2);
        CHECK(four == 4);
        const std::string text = co_await coax::to_thread(
            [](const std::string& left, std::string right, const char* end) { return left + right + end; },
            std::string("a value kept in the wait, "), "one converted, ", "and one as it is");
        CHECK(text == "a value kept in the wait, one converted, and one as it is");

        account own;
        const int balance = co_await coax::to_thread(&account::add, own, 2);
        CHECK(balance == 7);
        CHECK(own.balance == 7);
        int& inside = co_await coax::to_thread([](account& mine) -> int& { return mine.balance; }, own);
        CHECK(&inside == &own.balance);
        const auto same = co_await coax::as_result(coax::to_thread(&account::balance, own));
        CHECK(&*same == &own.balance);

        bool called = false;
        co_await coax::to_thread([&] { called = true; });
        CHECK(called);
        const auto nothing = co_await coax::as_result(coax::to_thread([] {}));
        CHECK(nothing);
        CHECK(coax::scheduler::current().stats().jobs == 0);
    });
}

TEST_CASE("arguments and values of a call on a thread need only be movable") {
    support::run([]() -> coax::task<> {
        const token back = co_await coax::to_thread([](token given) { return given; }, token(1));
        CHECK(back.number() == 1);
        token mine(2);
        const token moved = co_await coax::to_thread([](token given) { return given; }, std::move(mine));
        CHECK(moved.number() == 2);
        token third(3);
        const token out = co_await coax::to_thread([&]() -> token&& { return std::move(third); });
        CHECK(out.number() == 3);
        const auto value = co_await coax::as_result(coax::to_thread([] { return token(4); }));
        REQUIRE(value);
        CHECK(value->number() == 4);
        const token left =
            co_await coax::to_thread(coax::abandon_on_cancel, [](token given) { return given; }, token(5));
        CHECK(left.number() == 5);
    });
}

TEST_CASE("an exception of a call on a thread arrives unchanged") {
    support::run([]() -> coax::task<> {
        int caught = 0;
        const auto fail = [](int number) -> int { throw odd_error{number}; };
        try {
            co_await coax::to_thread(fail, 1);
        } catch (const odd_error& error) {
            caught += error.number;
        }
        try {
            co_await coax::to_thread(coax::abandon_on_cancel, fail, 10);
        } catch (const odd_error& error) {
            caught += error.number;
        }
        // It is no error of I/O: `as_result` has it as it was.
        auto odd = co_await coax::as_result(coax::to_thread(fail, 100));
        CHECK_FALSE(odd);
        try {
            odd.value();
        } catch (const odd_error& error) {
            caught += error.number;
        }
        CHECK(caught == 111);

        const auto io = co_await coax::as_result(coax::to_thread(
            [] { throw coax::io_error(coax::failure(std::make_error_code(std::errc::no_such_file_or_directory))); }));
        CHECK(support::code_of(io) == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("a call runs on another thread, where no scheduler is and signals are blocked") {
    support::run([]() -> coax::task<> {
        const std::thread::id here = std::this_thread::get_id();
        const std::thread::id there = co_await coax::to_thread([] { return std::this_thread::get_id(); });
        CHECK(there != here);
        // An idle thread serves again.
        for (int round = 0; round < 20; ++round) {
            const std::thread::id again = co_await coax::to_thread([] { return std::this_thread::get_id(); });
            CHECK(again == there);
        }
        const ending outside = co_await support::ending_of([] {
            return coax::to_thread([] {
                try {
                    coax::scheduler::current();
                    throw std::runtime_error("there is a scheduler");
                } catch (const std::logic_error&) {
                }
            });
        });
        CHECK(outside == ending::value);

        const bool left_alone = co_await coax::to_thread(support::leaves_signals_to_others);
        CHECK(left_alone);
        CHECK(support::takes_signals());
    });
}

TEST_CASE("the loop goes on while a call blocks") {
    support::run([]() -> coax::task<> {
        support::gate gate;
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return coax::to_thread([&] { gate.pass(); }); }, how));
            co_await support::until([&] { return gate.arrived() == 1; });
            co_await support::round_trip();
            CHECK(how == ending::none);
            CHECK(coax::scheduler::current().stats().jobs == 1);
            gate.open();
        });
        CHECK(how == ending::value);
    });
}

TEST_CASE("no more calls run at once than there are threads, in the order in which they came") {
    coax::scheduler_options options;
    options.worker_threads = 2;
    const auto body = []() -> coax::task<> {
        constexpr std::size_t count = 10;
        std::array<support::gate, count> gates;
        std::vector<ending> how(count, ending::none);
        std::atomic<int> inside = 0;
        std::atomic<int> most = 0;
        const auto work = [&](support::gate& gate) {
            const int now = ++inside;
            int seen = most.load();
            while (now > seen && !most.compare_exchange_weak(seen, now)) {
            }
            gate.pass();
            --inside;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::size_t index = 0; index < count; ++index)
                group.spawn(support::note([&, index] { return coax::to_thread(work, gates[index]); }, how[index]));
            co_await support::until([&] { return gates[0].arrived() + gates[1].arrived() == 2; });
            for (std::size_t index = 0; index < count; ++index) {
                co_await support::until([&] { return gates[index].arrived() == 1; });
                CHECK(coax::scheduler::current().stats().jobs == count - index);
                gates[index].open();
                co_await support::until([&] { return how[index] == ending::value; });
            }
        });
        CHECK(most.load() == 2);
    };
    support::run(body, options);
}

TEST_CASE("ten thousand calls at once all come back") {
    support::run([]() -> coax::task<> {
        constexpr int count = 10'000;
        std::vector<int> got(count, -1);
        const auto one = [&](int index) -> coax::task<> {
            got[static_cast<std::size_t>(index)] = co_await coax::to_thread([&] { return 3 * index; });
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int index = 0; index < count; ++index)
                group.spawn(one(index));
            co_return;
        });
        int right = 0;
        for (int index = 0; index < count; ++index)
            right += got[static_cast<std::size_t>(index)] == 3 * index ? 1 : 0;
        CHECK(right == count);
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("schedulers on several threads have their own threads each, run after run") {
    std::atomic<int> right = 0;
    const auto calls = [&](coax::scheduler& scheduler) -> coax::task<> {
        for (int round = 0; round < 100; ++round) {
            std::atomic<bool> posted = false;
            const int got = co_await coax::to_thread([&] {
                scheduler.post([&] { posted = true; });
                return twice(round);
            });
            co_await support::until([&] { return posted.load(); });
            right += got == 2 * round ? 1 : 0;
        }
    };
    std::vector<std::thread> threads;
    for (int index = 0; index < 3; ++index) {
        threads.emplace_back([&] {
            for (int made = 0; made < 5; ++made) {
                coax::scheduler scheduler;
                scheduler.run(calls(scheduler));
                scheduler.run(calls(scheduler));
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    CHECK(right.load() == 3 * 5 * 2 * 100);
}

#if defined(__GLIBC__)
TEST_CASE("a call for which no thread can be started fails, and one with a thread there queues") {
    pthread_attr_t before;
    pthread_attr_t huge;
    REQUIRE(pthread_getattr_default_np(&before) == 0);
    REQUIRE(pthread_attr_init(&huge) == 0);
    // A stack that no address space has room for.
    REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 60) == 0);
    support::run([&]() -> coax::task<> {
        REQUIRE(pthread_setattr_default_np(&huge) == 0);
        const auto none = co_await coax::as_result(coax::to_thread(twice, 2));
        const auto owned = co_await coax::as_result(coax::to_thread(coax::abandon_on_cancel, twice, 2));
        pthread_setattr_default_np(&before);
        REQUIRE_FALSE(none);
        CHECK(none.error() == std::errc::resource_unavailable_try_again);
        CHECK(none.error().operation() == coax::operation_name::to_thread);
        CHECK(support::code_of(owned) == std::errc::resource_unavailable_try_again);
        CHECK(coax::scheduler::current().stats().jobs == 0);
        CHECK(coax::scheduler::current().stats().waiting == 0);
        CHECK(support::takes_signals());

        support::gate gate;
        int second = 0;
        const auto queue = [&]() -> coax::task<> { second = co_await coax::to_thread(twice, 3); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto block = [&]() -> coax::task<> { co_await coax::to_thread([&] { gate.pass(); }); };
            group.spawn(block());
            pthread_setattr_default_np(&huge);
            group.spawn(queue());
            pthread_setattr_default_np(&before);
            CHECK(coax::scheduler::current().stats().jobs == 2);
            gate.open();
            co_return;
        });
        CHECK(second == 6);
    });
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
}
#endif

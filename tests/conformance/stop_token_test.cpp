// Cancelling by a stop token, from this thread and from others.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using support::ending;

TEST_CASE("a stop that is requested on this thread or another one ends the wait") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (const bool elsewhere : {false, true}) {
            std::stop_source source;
            ending how = ending::none;
            std::thread other;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note(
                    [&]() -> coax::task<> {
                        static_cast<void>(co_await coax::with_stop_token(source.get_token(), pair.first.recv(1)));
                    },
                    how));
                co_await support::round_trip();
                CHECK(how == ending::none);
                if (elsewhere)
                    other = std::thread([&] { source.request_stop(); });
                else
                    source.request_stop();
                co_await support::until([&] { return how != ending::none; });
            });
            if (other.joinable())
                other.join();
            CHECK(how == ending::cancelled);
        }
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("a stop from another thread wakes a loop that sleeps in the kernel") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (int round = 0; round < 100; ++round) {
            std::stop_source source;
            std::thread other([&] { source.request_stop(); });
            const ending how = co_await support::ending_of([&]() -> coax::task<> {
                static_cast<void>(co_await coax::with_stop_token(source.get_token(), pair.first.recv(1)));
            });
            other.join();
            CHECK(how == ending::cancelled);
        }
    });
}

TEST_CASE("a token that was stopped before keeps everything from beginning") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::stop_source source;
        source.request_stop();
        const ending how = co_await support::ending_of(
            [&]() -> coax::task<> { co_await coax::with_stop_token(source.get_token(), pair.first.sendall("never")); });
        CHECK(how == ending::cancelled);
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.empty());
    });
}

TEST_CASE("a token that cannot be stopped, or is not, changes nothing") {
    support::run([]() -> coax::task<> {
        const auto work = []() -> coax::task<int> {
            co_await coax::yield();
            co_return 4;
        };
        int value = co_await coax::with_stop_token(std::stop_token(), work());
        CHECK(value == 4);
        std::stop_source source;
        value = co_await coax::with_stop_token(source.get_token(), work());
        CHECK(value == 4);
        source.request_stop();
        co_await coax::yield();
    });
}

TEST_CASE("a stop that is requested on this thread refuses the very next checkpoint") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::stop_source source;
        const auto send = [&]() -> coax::task<> {
            co_await pair.first.sendall("one");
            source.request_stop();
            co_await pair.first.sendall("two");
        };
        const auto work = [&]() -> coax::task<> { co_await coax::with_stop_token(source.get_token(), send()); };
        const ending how = co_await support::ending_of(work);
        CHECK(how == ending::cancelled);
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got == "one");
    });
}

TEST_CASE("a stop that comes when the wait is over reaches nobody") {
    coax::scheduler scheduler;
    std::stop_source source;
    const auto work = [&]() -> coax::task<> {
        co_await coax::with_stop_token(source.get_token(), coax::yield());
        // Sent, and left before it has arrived.
        std::stop_source late;
        const auto ask = [&]() -> coax::task<> {
            late.request_stop();
            co_return;
        };
        co_await coax::with_stop_token(late.get_token(), ask());
    };
    scheduler.run(work());
    scheduler.run(work());
    source.request_stop();
}

TEST_CASE("a wait that is destroyed while its token is being stopped hears nothing of it") {
    int alive = 0;
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::stop_source source;
        const auto wait = [&]() -> support::destructible {
            const support::counted frame(alive);
            static_cast<void>(co_await coax::with_stop_token(source.get_token(), pair.first.recv(1)));
        };
        // Whichever callback comes first, one of the two waits has not been called back yet.
        std::optional<support::destructible> before(wait());
        std::optional<support::destructible> after;
        const std::stop_callback destroy(source.get_token(), [&] {
            before.reset();
            after.reset();
        });
        after.emplace(wait());
        CHECK(alive == 2);
        source.request_stop();
        CHECK(alive == 0);
        co_await coax::yield();
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("the cancelled of a stop token passes every scope that was not cancelled") {
    support::run([]() -> coax::task<> {
        std::stop_source source;
        source.request_stop();
        const auto inside = [&]() -> coax::task<> {
            co_await coax::with_cancel_scope([&](coax::cancel_scope&) -> coax::task<> {
                co_await coax::with_timeout(1h, coax::with_stop_token(source.get_token(), coax::sleep_for(1h)));
            });
        };
        const ending how = co_await support::ending_of([&] { return inside(); });
        CHECK(how == ending::cancelled);
        // In a group it is a failure like any other: it cancels the siblings and comes out.
        const ending grouped = co_await support::ending_of([&] {
            return coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(inside());
                co_await coax::sleep_for(1h);
            });
        });
        CHECK(grouped == ending::cancelled);
    });
}

// Servers that follow each other on a listener which lives on elsewhere, as systemd and the parent of a restart keep it.
#include "support/catch.hpp"
#include "support/many.hpp"
#include "support/net.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

struct tally {
    std::atomic<bool> ending{false};
    std::atomic<bool> ended{false};
    std::atomic<int> greeted{0};
    std::atomic<int> lost{0};
};

/// A client that does not speak before it is greeted.
coax::task<> knock(coax::address at, tally& of) {
    while (!of.ending) {
        coax::socket conn(coax::family::inet);
        conn.settimeout(10s);
        co_await conn.connect(at);
        const auto greeting = co_await coax::as_result(conn.recv(1));
        ++(greeting && *greeting ? of.greeted : of.lost);
        conn.setsockopt(coax::option::linger, 0s); // no port is left in TIME_WAIT
    }
}

coax::task<> greet(coax::socket conn, coax::address) {
    co_await conn.sendall("x");
    conn.shutdown(coax::shutdown_how::write);
    const auto end = co_await coax::as_result(conn.recv(1));
}

coax::task<> serve_for(coax::native_handle shared, coax::clock::duration time, std::size_t most) {
    coax::socket listener = coax::socket::adopt(::dup(shared));
    coax::serve_options options;
    options.max_connections = most;
    const auto ended = co_await coax::as_result(coax::with_timeout(time, coax::serve(listener, &greet, options)));
    CHECK(support::code_of(ended) == std::errc::timed_out);
}

} // namespace

// The kernel wakes one of those who wait to accept. One that ends just then must not leave the others asleep.
TEST_CASE("a connection is accepted by one of two that share a listener, when the other stops waiting as it comes") {
    const bool shared_late = GENERATE(false, true);
    CAPTURE(shared_late);
    support::run([&]() -> coax::task<> {
        const auto take = [](coax::socket& from) -> coax::task<> { static_cast<void>(co_await from.accept()); };
        for (int round = 0; round < 20; ++round) {
            coax::socket first = support::listening(coax::family::inet);
            coax::socket second;
            coax::native_handle client{};
            bool taken = false;
            const auto share = [&] { second = coax::socket::adopt(::dup(first.fileno())); };
            const auto body = [&](coax::task_group& group) -> coax::task<> {
                if (!shared_late)
                    share();
                auto leaving = group.start(take(first));
                co_await support::round_trip();
                if (shared_late)
                    share();
                auto staying = group.start(take(second));
                co_await support::round_trip();
                int error = 0;
                client = support::connect_raw(first.getsockname(), error);
                CHECK(error == 0);
                if (round % 2 == 0)
                    leaving.cancel();
                else
                    first.close();
                const auto left = co_await coax::as_result(leaving.join()); // it may have got it before
                taken = static_cast<bool>(left);
                if (!taken) {
                    const auto ended = co_await coax::as_result(coax::with_timeout(5s, staying.join()));
                    taken = static_cast<bool>(ended);
                }
                group.cancel();
            };
            co_await coax::with_task_group(body);
            CHECK(support::close_raw(client));
            REQUIRE(taken);
        }
    });
}

TEST_CASE("no client is lost between servers that follow each other on a shared listener") {
    const std::size_t most = GENERATE(std::size_t{0}, std::size_t{2});
    CAPTURE(most);
    coax::socket listener = support::listening(coax::family::inet, 512);
    const coax::address name = listener.getsockname();
    tally of;
    std::thread clients([&] {
        coax::run([](coax::address at, tally& into) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (int i = 0; i < 8; ++i)
                    group.spawn(knock(at, into));
                co_return;
            });
        }(name, of));
        of.ended = true;
    });
    for (int i = 0; i < support::many(300); ++i)
        coax::run(serve_for(listener.fileno(), std::chrono::microseconds(100 + i % 7 * 150), most));
    of.ending = true;
    while (!of.ended) // those who have connected already
        coax::run(serve_for(listener.fileno(), 1ms, most));
    clients.join();
    CHECK(of.greeted > 0);
    CHECK(of.lost == 0);
}

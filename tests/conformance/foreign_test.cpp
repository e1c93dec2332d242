// Coroutines of other libraries await ours on a scheduler's thread; what is left of them at the end of run is cancelled.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using support::ending;
using support::fire_and_forget;

namespace {

/// Awaits what `make()` gives again and again until that is refused; counts.
template <class Make>
fire_and_forget loop(Make make, int& rounds, int& alive) {
    const support::counted frame(alive);
    for (;;) {
        static_cast<void>(co_await make());
        ++rounds;
    }
}

template <class Make>
fire_and_forget once(Make make, ending& how, int& alive) {
    const support::counted frame(alive);
    try {
        static_cast<void>(co_await make());
        how = ending::value;
    } catch (const coax::cancelled&) {
        how = ending::cancelled;
    } catch (const coax::io_error&) {
        how = ending::error;
    }
}

} // namespace

TEST_CASE("a foreign coroutine awaits whatever a task can") {
    int alive = 0;
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket_pair pair = coax::socketpair();
        std::string log;
        const auto answer = []() -> coax::task<int> {
            co_await coax::yield();
            co_return 42;
        };
        const auto everything = [&](bool& done) -> fire_and_forget {
            const support::counted frame(alive);
            co_await coax::yield();
            co_await coax::sleep_for(1ms);
            coax::accepted taken = co_await listener.accept();
            log += taken.conn.is_open() ? "accept " : "";
            const coax::chunk data = co_await pair.first.recv(100);
            log += data.text();
            co_await pair.first.sendall(" back", " again");
            const int number = co_await answer();
            log += " " + std::to_string(number);
            const auto outcome = co_await coax::as_result(taken.conn.recv(0));
            log += outcome ? " result" : "";
            int inside = 0;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                const auto child = [&]() -> coax::task<> {
                    co_await coax::yield();
                    ++inside;
                };
                group.spawn(child());
                group.spawn(child());
                co_await support::until([&] { return inside == 2; });
            });
            log += " " + std::to_string(inside);
            try {
                coax::socket closed;
                co_await closed.send("x");
            } catch (const coax::io_error&) {
                log += " caught";
            }
            done = true;
        };
        bool done = false;
        everything(done);
        coax::socket client(coax::family::inet);
        co_await client.connect(listener.getsockname());
        co_await pair.second.sendall("bytes");
        const std::string heard = co_await support::read(pair.second, 11);
        CHECK(heard == " back again");
        co_await support::until([&] { return done; });
        CHECK(log == "accept bytes 42 result 2 caught");
    });
    CHECK(alive == 0);
}

TEST_CASE("foreign coroutines that are left at the end of run are cancelled, whatever they wait for") {
    int alive = 0;
    ending how[9] = {};
    coax::socket listener = support::listening(coax::family::inet);
    coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
    coax::socket_pair pair = coax::socketpair();
    coax::socket_pair full = coax::socketpair();
    support::run([&]() -> coax::task<> {
        const auto wait = []() -> coax::task<> { co_await coax::sleep_for(1h); };
        const auto wait_in_group = [&]() -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(wait());
                co_await wait();
            });
        };
        co_await support::fill(full.first);
        once([&] { return listener.accept(); }, how[0], alive);
        once([&] { return datagrams.recvfrom(100); }, how[1], alive);
        once([&] { return pair.first.recv(100); }, how[2], alive);
        once([&] { return pair.first.recv(100); }, how[3], alive);
        once([&] { return full.first.sendall("x"); }, how[4], alive);
        once([] { return coax::sleep_for(1h); }, how[5], alive);
        once([] { return coax::wait_signal(support::one_signal); }, how[6], alive);
        once([&] { return wait(); }, how[7], alive);
        once([&] { return wait_in_group(); }, how[8], alive);
        co_await support::round_trip();
        CHECK(alive == 9);
    });
    CHECK(alive == 0);
    for (const ending each : how)
        CHECK(each == ending::cancelled);

    // The sockets outlive the run and work in the next one.
    support::run([&]() -> coax::task<> {
        co_await pair.second.sendall("x");
        const std::string heard = co_await support::read(pair.first, 1);
        CHECK(heard == "x");
    });
}

TEST_CASE("a foreign coroutine that goes on after its cancellation is refused again and again") {
    int alive = 0;
    int refused = 0;
    // It outlives the main task, and so must the closure it runs in.
    const auto stubborn = [&]() -> fire_and_forget {
        const support::counted frame(alive);
        while (refused < 100) {
            try {
                co_await coax::sleep_for(1h);
            } catch (const coax::cancelled&) {
                ++refused;
            }
        }
    };
    support::run([&]() -> coax::task<> {
        stubborn();
        co_return;
    });
    CHECK(refused == 100);
    CHECK(alive == 0);
}

TEST_CASE("loops of foreign coroutines end with the run, and the scheduler runs again") {
    coax::scheduler scheduler;
    for (int round = 0; round < 5; ++round) {
        int alive = 0;
        int yields = 0;
        int sleeps = 0;
        const auto body = [&]() -> coax::task<> {
            loop([] { return coax::yield(); }, yields, alive);
            loop([] { return coax::sleep_for(1ms); }, sleeps, alive);
            co_await support::until([&] { return sleeps == 3; });
        };
        scheduler.run(body());
        CHECK(alive == 0);
        CHECK(yields > 0);
        CHECK(sleeps == 3);
    }
}

TEST_CASE("a foreign coroutine may be started by a posted function, before and during a run") {
    int alive = 0;
    ending early = ending::none;
    ending late = ending::none;
    coax::scheduler scheduler;
    scheduler.post([&] { once([] { return coax::sleep_for(1ms); }, early, alive); });
    const auto body = [&]() -> coax::task<> {
        scheduler.post([&] { once([] { return coax::yield(); }, late, alive); });
        co_await support::until([&] { return early != ending::none && late != ending::none; });
    };
    scheduler.run(body());
    CHECK(early == ending::value);
    CHECK(late == ending::value);
    CHECK(alive == 0);
}

TEST_CASE("a foreign coroutine that is started while the run winds down ends with it") {
    int alive = 0;
    ending first = ending::none;
    ending second = ending::none;
    const auto chain = [&]() -> fire_and_forget {
        const support::counted frame(alive);
        try {
            co_await coax::sleep_for(1h);
        } catch (const coax::cancelled&) {
            first = ending::cancelled;
        }
        once([] { return coax::sleep_for(1h); }, second, alive);
    };
    support::run([&]() -> coax::task<> {
        chain();
        co_return;
    });
    CHECK(first == ending::cancelled);
    CHECK(second == ending::cancelled);
    CHECK(alive == 0);
}

TEST_CASE("outside of a scheduler there is nothing to await on") {
    int refused = 0;
    coax::socket_pair pair = coax::socketpair();
    const auto nothing = []() -> coax::task<> { co_return; };
    const auto outside = [&]() -> fire_and_forget {
        try {
            co_await coax::yield();
        } catch (const std::logic_error&) {
            ++refused;
        }
        try {
            co_await coax::sleep_for(1ms);
        } catch (const std::logic_error&) {
            ++refused;
        }
        try {
            static_cast<void>(co_await pair.first.recv(1));
        } catch (const std::logic_error&) {
            ++refused;
        }
        try {
            co_await nothing();
        } catch (const std::logic_error&) {
            ++refused;
        }
        try {
            co_await coax::wait_signal(support::one_signal);
        } catch (const std::logic_error&) {
            ++refused;
        }
    };
    outside();
    CHECK(refused == 5);
}

// Long loops and long chains: what finishes at once costs no stack and starves nobody, at any optimisation level.
#include "support/catch.hpp"
#include "support/many.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

constexpr int million = support::many(1'000'000);

coax::task<int> one() { co_return 1; }

coax::task<int> through() { co_return co_await one(); }

/// A chain of tasks, each of which awaits the next, with `last` at its end.
template <class Last>
coax::task<long> chain(long length, const Last& last) {
    if (length == 0) {
        co_await last();
        co_return 0;
    }
    co_return 1 + co_await chain(length - 1, last);
}

} // namespace

TEST_CASE("a million awaits of tasks that end at once") {
    support::run([]() -> coax::task<> {
        int sum = 0;
        for (int i = 0; i < million; ++i)
            sum += co_await one();
        CHECK(sum == million);
        for (int i = 0; i < million / 2; ++i)
            sum += co_await through();
        CHECK(sum == million + million / 2);
    });
}

TEST_CASE("a million yields, and a million failures that are caught") {
    support::run([]() -> coax::task<> {
        for (int i = 0; i < million; ++i)
            co_await coax::yield();
        // An error that is a value costs no throw, so that a million of them is no time at all.
        coax::socket closed;
        int failed = 0;
        for (int i = 0; i < million; ++i) {
            const auto outcome = co_await coax::as_result(closed.send("x"));
            failed += outcome ? 0 : 1;
        }
        CHECK(failed == million);
    });
}

TEST_CASE("a chain of a million tasks whose last one ends at once") {
    const auto nothing = []() -> coax::task<> { co_return; };
    CHECK(coax::run(chain(million, nothing)) == million);
}

TEST_CASE("a chain of a million tasks whose last one waits") {
    const auto wait = []() -> coax::task<> {
        co_await coax::sleep_for(1ms);
        co_await coax::yield();
    };
    CHECK(coax::run(chain(million, wait)) == million);
}

TEST_CASE("an exception passes a hundred thousand levels, at once or later") {
    constexpr int levels = support::many(100'000);
    const auto fail = []() -> coax::task<> {
        throw std::runtime_error("from below");
        co_return;
    };
    CHECK_THROWS_WITH(coax::run(chain(levels, fail)), "from below");
    const auto fail_later = []() -> coax::task<> {
        co_await coax::yield();
        throw std::runtime_error("from below, later");
    };
    CHECK_THROWS_WITH(coax::run(chain(levels, fail_later)), "from below, later");
}

TEST_CASE("a cancellation unwinds a chain of a hundred thousand tasks") {
    constexpr int levels = support::many(100'000);
    int alive = 0;
    support::run([&]() -> coax::task<> {
        const auto wait = [&]() -> coax::task<> {
            const support::counted bottom(alive);
            co_await coax::sleep_for(1h);
        };
        const auto start = [&]() -> coax::task<> { co_await chain(levels, wait); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(start());
            co_await support::until([&] { return alive == 1; });
            group.cancel();
        });
    });
    CHECK(alive == 0);
}

TEST_CASE("a hundred thousand bytes that are there, received one at a time") {
    support::run([]() -> coax::task<> {
        constexpr std::size_t total = support::many(100'000U);
        constexpr std::size_t batch = 10'000;
        coax::socket_pair pair = coax::socketpair();
        const std::string sent = support::pattern(batch);
        std::string mine(batch, '\0');
        bool equal = true;
        for (std::size_t done = 0; done < total; done += batch) {
            co_await pair.first.sendall(sent);
            for (std::size_t i = 0; i < batch; ++i) {
                // Both forms in turn.
                if (i % 2 == 0) {
                    const std::size_t size = co_await pair.second.recv(support::writable(mine).subspan(i, 1));
                    equal = equal && size == 1;
                } else {
                    const coax::chunk data = co_await pair.second.recv(1);
                    equal = equal && data.size() == 1;
                    mine[i] = data.text().empty() ? '\0' : data.text()[0];
                }
            }
            equal = equal && mine == sent;
        }
        CHECK(equal);
    });
}

TEST_CASE("operations that are ready at once let other tasks run in between") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        bool busy = true;
        long turns = 0;
        const auto bystander = [&]() -> coax::task<> {
            while (busy) {
                ++turns;
                co_await coax::yield();
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(bystander());
            std::byte taken[1];
            for (int i = 0; i < support::many(20'000); ++i) {
                co_await pair.first.send("x");
                co_await pair.second.recv(taken);
            }
            busy = false;
        });
        // How large the budget is, is the library's affair; that there is one is not.
        CHECK(turns >= 20);
    });
}

TEST_CASE("operations that fail at once let other tasks run in between, too") {
    support::run([]() -> coax::task<> {
        coax::socket closed;
        coax::socket_pair pair = coax::socketpair();
        pair.first.setblocking(false);
        bool busy = true;
        long turns = 0;
        const auto bystander = [&]() -> coax::task<> {
            while (busy) {
                ++turns;
                co_await coax::yield();
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(bystander());
            for (int i = 0; i < support::many(20'000); ++i) {
                const auto would_wait = co_await coax::as_result(pair.first.recv(1));
                CHECK_FALSE(would_wait);
            }
            const long before = turns;
            CHECK(before >= 20);
            // A server's loop that has lost its listener must not take the rest of the program with it.
            for (int i = 0; i < support::many(20'000); ++i) {
                const auto gone = co_await coax::as_result(closed.accept());
                CHECK_FALSE(gone);
            }
            CHECK(turns >= before + 20);
            busy = false;
        });
    });
}

TEST_CASE("tasks that work long and yield do not hold up a timer or a socket") {
    const int workers = GENERATE(1, 3);
    support::run([&]() -> coax::task<> {
        coax::socket_pair other = coax::socketpair();
        bool heard = false;
        const auto ring = [&]() -> coax::task<> {
            co_await coax::sleep_for(1ms);
            co_await other.first.sendall("x");
        };
        const auto hear = [&]() -> coax::task<> {
            static_cast<void>(co_await other.second.recv(1));
            heard = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(hear());
            group.spawn(ring());
            int slices = 0;
            const auto work = [&]() -> coax::task<> {
                for (int i = 0; i < 100 && !heard; ++i) {
                    ++slices;
                    support::spin(2ms);
                    co_await coax::yield();
                }
            };
            co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                for (int i = 0; i < workers; ++i)
                    inner.spawn(work());
                co_return;
            });
            // The timer, the send and the receive are a few turns of the loop, and each turn is a few slices.
            CHECK(slices <= 40);
        });
    });
}

TEST_CASE("operations that are ready at once do not hold up a timer or another socket") {
    support::run([]() -> coax::task<> {
        coax::socket_pair busy = coax::socketpair(coax::kind::datagram);
        coax::socket_pair other = coax::socketpair();
        bool rang = false;
        bool heard = false;
        const auto ring = [&]() -> coax::task<> {
            co_await coax::sleep_for(1ms);
            rang = true;
            // From another descriptor, through the kernel.
            co_await other.first.sendall("x");
        };
        const auto hear = [&]() -> coax::task<> {
            const coax::chunk data = co_await other.second.recv(1);
            heard = data.size() == 1;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(ring());
            group.spawn(hear());
            const auto end = std::chrono::steady_clock::now() + support::patience;
            std::byte taken[1];
            while (!(rang && heard) && std::chrono::steady_clock::now() < end) {
                co_await busy.first.send("x");
                co_await busy.second.recv(taken);
            }
            CHECK(rang);
            CHECK(heard);
            group.cancel();
        });
    });
}

TEST_CASE("between two looks at the system a socket that is always ready gets little done") {
    support::run([]() -> coax::task<> {
        coax::socket_pair busy = coax::socketpair();
        coax::socket_pair other = coax::socketpair();
        bool heard = false;
        const auto hear = [&]() -> coax::task<> {
            static_cast<void>(co_await other.second.recv(1));
            heard = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(hear());
            co_await busy.first.sendall(std::string(1000, 'x'));
            co_await support::round_trip();
            std::byte taken[1];
            for (int i = 0; i < 100; ++i)
                co_await busy.second.recv(taken);
            CHECK_FALSE(heard);
            // From now on somebody else is ready.
            CHECK(support::send_raw(other.first.fileno(), "x", 1) == 1);
            int more = 0;
            for (; more < 800 && !heard; ++more)
                co_await busy.second.recv(taken);
            CHECK(heard);
            CHECK(more <= 20);
        });
    });
}

TEST_CASE("coroutines that have gone on often enough and are destroyed before they resume leave nothing behind") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        co_await pair.first.sendall(std::string(1000, 'x'));
        int received = 0;
        const auto receive = [&]() -> support::destructible {
            std::byte taken[1];
            for (;;) {
                co_await pair.second.recv(taken);
                ++received;
            }
        };
        for (int i = 0; i < 20; ++i) {
            support::destructible coroutine = receive();
            coroutine.destroy();
            co_await coax::yield();
        }
        pair.first.close();
        const std::string rest = co_await support::read_to_end(pair.second);
        // What the last operation of each had received is kept for the next.
        CHECK(rest.size() + static_cast<std::size_t>(received) == 1000);
    });
}

TEST_CASE("tasks that yield for ever do not hold up a timer or a socket") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        bool rang = false;
        bool heard = false;
        const auto ring = [&]() -> coax::task<> {
            co_await coax::sleep_for(1ms);
            rang = true;
        };
        const auto hear = [&]() -> coax::task<> {
            const coax::chunk data = co_await pair.second.recv(1);
            heard = data.size() == 1;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(ring());
            group.spawn(hear());
            co_await pair.first.sendall("x");
            co_await support::until([&] { return rang && heard; });
        });
        CHECK(rang);
        CHECK(heard);
    });
}

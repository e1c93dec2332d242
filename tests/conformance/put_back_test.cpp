// What destroyed coroutines had got is put back: in its order, and for those who are waiting already.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <cstddef>
#include <span>
#include <string>

using support::destructible;

namespace {

template <class Make>
destructible awaiting(Make make) {
    static_cast<void>(co_await make());
}

std::size_t waiting() { return coax::scheduler::current().stats().waiting; }

} // namespace

TEST_CASE("what destroyed receives had got comes in the order of the stream, whichever is destroyed first") {
    const bool first_first = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (int round = 0; round < 20; ++round) {
            std::byte buffer[2];
            destructible first = awaiting([&] { return pair.second.recv(std::span(buffer).first(1)); });
            destructible second = awaiting([&] { return pair.second.recv(std::span(buffer).last(1)); });
            co_await support::round_trip();
            CHECK(support::send_raw(pair.first.fileno(), "ABC", 3) == 3);
            // This task was in the ready queue before them, so it sees the first, or both, with their byte and not yet resumed.
            while (waiting() == 2)
                co_await coax::yield();
            CHECK_FALSE(first.done());
            CHECK_FALSE(second.done());
            (first_first ? first : second).destroy();
            (first_first ? second : first).destroy();
            const std::string heard = co_await support::read(pair.second, 3);
            CHECK(heard == "ABC");
        }
    });
}

TEST_CASE("a receive that waits behind a destroyed one gets what that had got") {
    support::run([]() -> coax::task<> {
        for (const bool pooled : {true, false}) {
            for (const bool more : {true, false}) {
                coax::socket_pair pair = coax::socketpair();
                std::byte buffer[1];
                std::string heard;
                const auto listen = [&]() -> coax::task<> {
                    if (pooled) {
                        const coax::chunk data = co_await pair.second.recv(8);
                        heard = data.text();
                    } else {
                        heard = co_await support::read(pair.second, 1);
                    }
                };
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    destructible victim = awaiting([&] { return pair.second.recv(buffer); });
                    group.spawn(listen());
                    co_await support::round_trip();
                    CHECK(support::send_raw(pair.first.fileno(), "A", 1) == 1);
                    // The victim's byte is there, and it has not resumed: it is behind this task in the ready queue, or was never in it.
                    while (waiting() == 2)
                        co_await coax::yield();
                    const bool had_it = !victim.done();
                    if (more)
                        CHECK(support::send_raw(pair.first.fileno(), "B", 1) == 1);
                    victim.destroy();
                    if (!had_it && !more)
                        CHECK(support::send_raw(pair.first.fileno(), "B", 1) == 1);
                    co_await support::until([&] { return !heard.empty(); });
                    if (had_it)
                        CHECK(heard.front() == 'A');
                });
                if (heard == "A" && more) {
                    const std::string rest = co_await support::read(pair.second, 1);
                    CHECK(rest == "B");
                }
            }
        }
    });
}

TEST_CASE("an accept that waits behind a destroyed one gets the connection that had", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::local);
        const coax::address name = listener.getsockname();
        for (int round = 0; round < 10; ++round) {
            std::size_t accepted = 0;
            const auto accept = [&]() -> coax::task<> {
                const coax::accepted taken = co_await listener.accept();
                ++accepted;
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                destructible victim = awaiting([&] { return listener.accept(); });
                group.spawn(accept());
                co_await support::round_trip();
                coax::socket client(coax::family::local);
                client.setblocking(false);
                co_await client.connect(name);
                while (waiting() == 2)
                    co_await coax::yield();
                const bool had_it = !victim.done();
                victim.destroy();
                if (!had_it) {
                    coax::socket another(coax::family::local);
                    co_await another.connect(name);
                }
                co_await support::until([&] { return accepted == 1; });
            });
        }
    });
}

TEST_CASE("a datagram that is put back is one datagram, and nothing comes with it", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        std::string heard;
        const auto listen = [&]() -> coax::task<> {
            const coax::datagram one = co_await pair.second.recvfrom(16);
            heard = one.data.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            destructible victim = awaiting([&] { return pair.second.recvfrom(16); });
            group.spawn(listen());
            co_await support::round_trip();
            CHECK(support::send_raw(pair.first.fileno(), "A", 1) == 1);
            while (waiting() == 2)
                co_await coax::yield();
            const bool had_it = !victim.done();
            victim.destroy();
            if (!had_it)
                CHECK(support::send_raw(pair.first.fileno(), "A", 1) == 1);
        });
        CHECK(heard == "A");
        CHECK(support::send_raw(pair.first.fileno(), "B", 1) == 1);
        const coax::datagram next = co_await pair.second.recvfrom(16);
        CHECK(next.data.text() == "B");
    });
}

TEST_CASE("what is put back reaches one who waits although the pool is empty") {
    coax::scheduler_options one_buffer;
    one_buffer.buffer_count = 1;
    support::run(
        []() -> coax::task<> {
            support::connection made = co_await support::connected(coax::family::inet);
            std::string heard;
            bool both = false; // had got their bytes before one of them was destroyed
            const auto listen = [&]() -> coax::task<> {
                const coax::chunk data = co_await made.server.recv(1);
                heard = data.text();
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                destructible victim = awaiting([&] { return made.server.recv(1); });
                group.spawn(listen());
                co_await support::round_trip();
                CHECK(support::send_raw(made.client.fileno(), "AB", 2) == 2);
                while (waiting() == 2)
                    co_await coax::yield();
                both = waiting() == 0;
                REQUIRE_FALSE(victim.done());
                victim.destroy();
            });
            const std::string rest = co_await support::read(made.server, 1);
            CHECK(heard + rest == (both ? "BA" : "AB"));
        },
        one_buffer);
}

TEST_CASE("parts of what was put back, put back again, keep their order, whichever is destroyed first") {
    const bool first_first = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::byte buffer[2];
        destructible victim = awaiting([&] { return pair.second.recv(6); });
        destructible first = awaiting([&] { return pair.second.recv(std::span(buffer).first(1)); });
        destructible second = awaiting([&] { return pair.second.recv(std::span(buffer).last(1)); });
        co_await support::round_trip();
        CHECK(support::send_raw(pair.first.fileno(), "ABCDEF", 6) == 6);
        while (waiting() == 3)
            co_await coax::yield();
        REQUIRE_FALSE(victim.done());
        victim.destroy();
        while (waiting() != 0)
            co_await coax::yield();
        if (first.done() || second.done()) // this task was behind them
            co_return;
        (first_first ? first : second).destroy();
        (first_first ? second : first).destroy();
        const std::string heard = co_await support::read(pair.second, 6);
        CHECK(heard == "ABCDEF");
    });
}

TEST_CASE("a receive that has to fill its buffer takes as much as it needs of what was put back") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        destructible first = awaiting([&] { return pair.second.recv(4); });
        destructible second = awaiting([&] { return pair.second.recv(4); });
        co_await support::round_trip();
        CHECK(support::send_raw(pair.first.fileno(), "AAAABBBB", 8) == 8);
        while (waiting() != 0)
            co_await coax::yield();
        if (first.done() || second.done()) // this task was behind them
            co_return;
        first.destroy();
        second.destroy();
        const coax::chunk filled = co_await pair.second.recv(6, coax::message_flags::wait_all);
        CHECK(filled.text() == "AAAABB");
        const coax::chunk rest = co_await pair.second.recv(6);
        CHECK(rest.text() == "BB");
    });
}

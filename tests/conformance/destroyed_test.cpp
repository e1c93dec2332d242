// Coroutines that are destroyed while they wait: the operation ends first, and its buffer is not written afterwards.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;

namespace {

template <class Make>
destructible awaiting(Make make) {
    static_cast<void>(co_await make());
}

std::size_t waiting() { return coax::scheduler::current().stats().waiting; }

/// Starts the wait, lets it reach the kernel (or not), destroys the coroutine.
template <class Make>
coax::task<> destroy_while_waiting(Make make) {
    for (const bool reached : {true, false}) {
        destructible victim = awaiting(make);
        CHECK_FALSE(victim.done());
        CHECK(waiting() == 1);
        if (reached)
            co_await support::round_trip();
        CHECK_FALSE(victim.done());
        victim.destroy();
        CHECK(waiting() == 0);
    }
    // Nothing of it is still on its way.
    co_await support::round_trip();
    CHECK(waiting() == 0);
}

} // namespace

TEST_CASE("a receive whose coroutine is destroyed takes nothing and writes nothing later") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        co_await destroy_while_waiting([&] { return pair.server.recv(16); });
        co_await destroy_while_waiting([&] { return pair.server.recvfrom(16); });

        for (int round = 0; round < 50; ++round) {
            // The buffer goes with the coroutine: a late write would be a write to freed memory.
            auto buffer = std::make_unique<std::byte[]>(64);
            {
                const destructible victim = awaiting([&] { return pair.server.recv(std::span(buffer.get(), 64)); });
                if (round % 2 == 0)
                    co_await support::round_trip();
                // With a byte on its way, too.
                if (round % 3 == 0)
                    co_await pair.client.sendall("?");
            }
            buffer.reset();
            const auto reused = std::make_unique<std::byte[]>(64);
            co_await pair.client.sendall("next");
            const std::size_t expected = round % 3 == 0 ? 5 : 4;
            const std::string heard = co_await support::read(pair.server, expected);
            CHECK(heard == (expected == 5 ? "?next" : "next"));
            for (std::size_t index = 0; index < 64; ++index)
                CHECK(reused[index] == std::byte{0});
        }
    });
}

TEST_CASE("an accept whose coroutine is destroyed leaves the connections to the next one") {
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        co_await destroy_while_waiting([&] { return listener.accept(); });
        for (int round = 0; round < 20; ++round) {
            coax::socket client(coax::family::inet);
            {
                const destructible victim = awaiting([&] { return listener.accept(); });
                co_await support::round_trip();
                if (round % 2 == 0)
                    co_await client.connect(listener.getsockname());
                if (victim.done()) {
                    // It had its connection already.
                    continue;
                }
            }
            if (round % 2 == 1)
                co_await client.connect(listener.getsockname());
            listener.settimeout(5s);
            const coax::accepted taken = co_await listener.accept();
            listener.settimeout(std::nullopt);
            CHECK(taken.peer == client.getsockname());
        }
    });
    CHECK(support::open_descriptors() == before);
}

// On Windows the pair is TCP, which may make room for more after a while.
TEST_CASE("a send whose coroutine is destroyed sends nothing more", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::size_t filled = co_await support::fill(pair.first);
        co_await destroy_while_waiting([&] { return pair.first.send("lost"); });
        co_await destroy_while_waiting([&] { return pair.first.sendall("lost"); });
        co_await destroy_while_waiting([&] { return pair.first.sendall("lo", "st"); });
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.size() == filled);
        CHECK(got.find('l') == std::string::npos);
    });
}

TEST_CASE("a datagram that waits for room in its receiver's queue goes with its coroutine", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        const coax::address to = receiver.getsockname();
        coax::socket sender(coax::family::local, coax::kind::datagram);
        co_await sender.connect(to);
        const std::size_t queued = co_await support::fill(sender);
        co_await destroy_while_waiting([&] { return sender.send("lost"); });
        coax::socket other(coax::family::local, coax::kind::datagram);
        co_await destroy_while_waiting([&] { return other.sendto("lost", to); });
        std::size_t found = 0;
        receiver.setblocking(false);
        for (;;) {
            const auto message = co_await coax::as_result(receiver.recvfrom(4096));
            if (!message)
                break;
            found += message->data.size();
        }
        CHECK(found == queued);
    });
}

TEST_CASE("a sendall that is destroyed half-way leaves what went out, and reads its memory no more") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::string original = support::pattern(4 << 20);
        auto large = std::make_unique<std::string>(original);
        std::optional<destructible> victim(awaiting([&] { return pair.first.sendall(*large); }));
        co_await support::round_trip();
        CHECK_FALSE(victim->done());
        victim.reset();
        large->assign(large->size(), '#');
        large.reset();
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.size() < original.size());
        CHECK(support::same_up_to(got, original) == got.size());
    });
}

TEST_CASE("a connect whose coroutine is destroyed leaves a socket that can be closed", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::local, 0);
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> queued;
        support::ending last = support::ending::value;
        for (int index = 0; index < 10 && last == support::ending::value; ++index) {
            queued.emplace_back(coax::family::local);
            queued.back().setblocking(false);
            last = co_await support::ending_of([&] { return queued.back().connect(name); });
        }
        CHECK(last == support::ending::error);
        coax::socket client(coax::family::local);
        co_await destroy_while_waiting([&] { return client.connect(name); });
    });
}

TEST_CASE("sleeps and waits for signals end when their coroutine is destroyed") {
    support::run([]() -> coax::task<> {
        co_await destroy_while_waiting([] { return coax::sleep_for(1h); });
        CHECK(coax::scheduler::current().stats().timers == 0);
        co_await destroy_while_waiting([] { return coax::wait_signal(support::one_signal, support::other_signal); });
        coax::socket_pair pair = coax::socketpair();
        pair.first.settimeout(1h);
        co_await destroy_while_waiting([&] { return pair.first.recv(1); });
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("a coroutine that is ready to go on may be destroyed, too") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (int round = 0; round < 20; ++round) {
            destructible yielding = awaiting([] { return coax::yield(); });
            yielding.destroy();
            destructible sleeping = awaiting([] { return coax::sleep_for(0s); });
            sleeping.destroy();
            // Three in the queue, the middle one goes.
            bool first = false;
            bool last = false;
            const auto mark = [](bool& flag) -> destructible {
                co_await coax::yield();
                flag = true;
            };
            destructible one = mark(first);
            destructible middle = awaiting([] { return coax::yield(); });
            destructible other = mark(last);
            middle.destroy();
            co_await coax::yield();
            CHECK(first);
            CHECK(last);
        }
    });
}

TEST_CASE("received bytes survive the destruction of a coroutine that was about to get them") {
    support::run([]() -> coax::task<> {
        for (const bool pooled : {true, false}) {
            coax::socket_pair pair = coax::socketpair();
            std::byte buffer[16];
            // The first one's continuation destroys the second while both have their bytes.
            std::optional<destructible> second;
            std::string got;
            const auto first = [&]() -> coax::task<> {
                const coax::chunk data = co_await pair.second.recv(1);
                got += data.text();
                second.reset();
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(first());
                if (pooled)
                    second.emplace(awaiting([&] { return pair.second.recv(1); }));
                else
                    second.emplace(awaiting([&] { return pair.second.recv(std::span(buffer).first(1)); }));
                co_await pair.first.sendall("abc");
                co_return;
            });
            pair.first.close();
            const std::string rest = co_await support::read_to_end(pair.second);
            CHECK(got == "a");
            CHECK(rest == "bc");
        }
    });
}

TEST_CASE("one of several waiting coroutines is destroyed, the others are served in their order") {
    support::run([]() -> coax::task<> {
        for (const std::size_t victim : {0U, 1U, 2U}) {
            coax::socket_pair pair = coax::socketpair();
            std::string got;
            int done = 0;
            const auto receive = [&](char name) -> destructible {
                const coax::chunk data = co_await pair.second.recv(1);
                got += name;
                got += data.text();
                ++done;
            };
            std::vector<destructible> waiters;
            for (const char name : {'x', 'y', 'z'})
                waiters.push_back(receive(name));
            co_await support::round_trip();
            waiters[victim].destroy();
            co_await pair.first.sendall("12");
            co_await support::until([&] { return done == 2; });
            const char* const expected[] = {"y1z2", "x1z2", "x1y2"};
            CHECK(got == expected[victim]);
        }
    });
}

TEST_CASE("a foreign coroutine that is destroyed takes the tasks it awaits with it") {
    support::run([]() -> coax::task<> {
        int alive = 0;
        coax::socket_pair pair = coax::socketpair();
        const auto inner = [&]() -> coax::task<> {
            const support::counted frame(alive);
            static_cast<void>(co_await pair.first.recv(1));
        };
        const auto outer = [&]() -> coax::task<> {
            const support::counted frame(alive);
            co_await inner();
        };
        destructible victim = awaiting([&] { return outer(); });
        co_await support::round_trip();
        CHECK(alive == 2);
        victim.destroy();
        CHECK(alive == 0);
        CHECK(waiting() == 0);

        // Also when the result is on its way up.
        const auto quick = [&]() -> coax::task<> {
            const support::counted frame(alive);
            co_await coax::yield();
        };
        destructible late = awaiting([&] { return quick(); });
        co_await coax::yield();
        late.destroy();
        CHECK(alive == 0);
        co_await coax::yield();
    });
}

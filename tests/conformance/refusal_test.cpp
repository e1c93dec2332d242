// A scope that has been cancelled: whatever is begun in it does nothing, and throws.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using support::ending;

namespace {

/// Awaits it twice in a cancelled scope: the cancellation does not wear off.
template <class Make>
coax::task<> refused(Make make) {
    ending first = ending::none;
    ending second = ending::none;
    const std::uint64_t operations = coax::scheduler::current().stats().operations;
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.cancel();
        co_await support::note(make, first);
        co_await support::note(make, second);
    });
    CHECK(first == ending::cancelled);
    CHECK(second == ending::cancelled);
    CHECK(coax::scheduler::current().stats().operations <= operations + 2);
    CHECK(coax::scheduler::current().stats().waiting == 0);
}

} // namespace

TEST_CASE("a refused receive takes nothing") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        co_await pair.first.sendall("data");
        std::byte buffer[4] = {};
        co_await refused([&] { return pair.second.recv(4); });
        co_await refused([&] { return pair.second.recv(buffer); });
        co_await refused([&] { return pair.second.recvfrom(4); });
        co_await refused([&] { return pair.second.recvfrom(buffer); });
        CHECK(buffer[0] == std::byte{0});
        const std::string heard = co_await support::read(pair.second, 4);
        CHECK(heard == "data");

        // Not even an end of the stream.
        pair.first.close();
        co_await refused([&] { return pair.second.recv(4); });
        // Nor does a receive of nothing slip through.
        co_await refused([&] { return pair.second.recv(0); });
    });
}

TEST_CASE("a refused datagram stays where it is") {
    support::run([]() -> coax::task<> {
        coax::socket one = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket two = support::bound(coax::family::inet, coax::kind::datagram);
        const coax::address to = two.getsockname();
        co_await refused([&] { return one.sendto("refused", to); });
        co_await one.sendto("sent", to);
        co_await refused([&] { return two.recvfrom(100); });
        const coax::datagram got = co_await two.recvfrom(100);
        CHECK(got.data.text() == "sent");
    });
}

TEST_CASE("a refused send sends nothing") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        co_await refused([&] { return pair.first.send("no"); });
        co_await refused([&] { return pair.first.sendall("no"); });
        co_await refused([&] { return pair.first.sendall("n", "o"); });
        std::size_t went = 1;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.cancel();
            try {
                co_await pair.first.sendall("no");
            } catch (const coax::cancelled& stop) {
                went = stop.transferred();
            }
        });
        CHECK(went == 0);
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.empty());
    });
}

TEST_CASE("a refused accept leaves the connection to the next one") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket client(coax::family::inet);
        co_await client.connect(listener.getsockname());
        co_await refused([&] { return listener.accept(); });
        const coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == client.getsockname());
    });
}

TEST_CASE("a refused connect connects to nobody, and can be made up for") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        coax::socket client(family);
        co_await refused([&] { return client.connect(name); });
        co_await refused([&] { return client.connect_ex(name); });
        listener.setblocking(false);
        const ending none = co_await support::ending_of([&] { return listener.accept(); });
        CHECK(none == ending::error);
        co_await client.connect(name);
        listener.setblocking(true);
        const coax::accepted taken = co_await listener.accept();
        CHECK(taken.conn.is_open());
    });
}

TEST_CASE("a limit of zero, or an operation on a closed socket, is refused all the same") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.first.setblocking(false);
        co_await pair.second.sendall("x");
        co_await refused([&] { return pair.first.recv(1); });
        pair.first.close();
        co_await refused([&] { return pair.first.recv(1); });
    });
}

TEST_CASE("sleeps and yields are refused") {
    support::run([]() -> coax::task<> {
        const auto steady = std::chrono::steady_clock::now();
        co_await refused([] { return coax::sleep_for(1h); });
        co_await refused([] { return coax::sleep_for(0s); });
        co_await refused([] { return coax::sleep_for(-1s); });
        co_await refused([] { return coax::sleep_until(coax::clock::time_point::max()); });
        co_await refused([] { return coax::sleep_until(coax::clock::time_point::min()); });
        co_await refused([] { return coax::yield(); });
        CHECK(std::chrono::steady_clock::now() - steady < support::patience);
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("a refused wait for a signal never touches the signal") {
    REQUIRE(support::is_default(support::one_signal));
    support::run([&]() -> coax::task<> {
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.cancel();
            group.spawn(support::note([] { return coax::wait_signal(support::one_signal); }, how));
            CHECK(support::is_default(support::one_signal));
            co_return;
        });
        CHECK(how == ending::cancelled);
        co_await refused([] { return coax::wait_signal(support::one_signal); });
    });
}

TEST_CASE("tasks and groups still begin in a cancelled scope; only their checkpoints are refused") {
    support::run([]() -> coax::task<> {
        int reached = 0;
        const auto plain = [&]() -> coax::task<int> {
            ++reached;
            co_return reached;
        };
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            outer.cancel();
            co_await plain();
            co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                CHECK(inner.cancelled());
                co_await plain();
            });
            co_await plain();
        });
        CHECK(reached == 3);
    });
}

TEST_CASE("a refusal resumes through the ready queue, after what was ready before") {
    support::run([]() -> coax::task<> {
        std::string order;
        const auto before = [&]() -> coax::task<> {
            co_await coax::yield();
            order += "before ";
        };
        const auto late = [&](coax::socket& on) -> coax::task<> {
            try {
                static_cast<void>(co_await on.recv(1));
            } catch (const coax::cancelled&) {
                order += "refused";
            }
        };
        coax::socket_pair pair = coax::socketpair();
        co_await coax::with_task_group([&](coax::task_group& outer) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                outer.spawn(before());
                group.cancel();
                group.spawn(late(pair.first));
                CHECK(order.empty());
                co_return;
            });
        });
        CHECK(order == "before refused");
    });
}

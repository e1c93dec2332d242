// Cancelling what waits: every kind of wait ends, nothing that completed is lost, and the socket is as good as before.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

namespace {

/// Starts the wait in a group, lets it reach the kernel, cancels the group; says how the wait ended.
template <class Make>
coax::task<ending> cancelled_while_waiting(Make make) {
    ending how = ending::none;
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(support::note(make, how));
        co_await support::round_trip();
        CHECK(how == ending::none);
        CHECK(coax::scheduler::current().stats().waiting == 1);
        group.cancel();
    });
    CHECK(coax::scheduler::current().stats().waiting == 0);
    co_return how;
}

} // namespace

TEST_CASE("a cancelled receive ends, and the bytes go to the next one") {
    const coax::family family = GENERATE(from_range(support::families()));
    const int form = GENERATE(0, 1, 2, 3);
    INFO(support::name_of(family) << ", form " << form);
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        std::byte buffer[16];
        for (int round = 0; round < 10; ++round) {
            ending how = ending::none;
            if (form == 0)
                how = co_await cancelled_while_waiting([&] { return pair.server.recv(16); });
            else if (form == 1)
                how = co_await cancelled_while_waiting([&] { return pair.server.recv(buffer); });
            else if (form == 2)
                how = co_await cancelled_while_waiting([&] { return pair.server.recvfrom(16); });
            else
                how = co_await cancelled_while_waiting([&] { return pair.server.recvfrom(buffer); });
            CHECK(how == ending::cancelled);
            co_await pair.client.sendall("next");
            const std::string heard = co_await support::read(pair.server, 4);
            CHECK(heard == "next");
        }
    });
}

TEST_CASE("a cancelled accept ends, and the listener goes on") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        for (int round = 0; round < 10; ++round) {
            const ending how = co_await cancelled_while_waiting([&] { return listener.accept(); });
            CHECK(how == ending::cancelled);
            support::connection pair = co_await support::connected_by(listener);
            co_await pair.client.sendall("x");
            const std::string heard = co_await support::read(pair.server, 1);
            CHECK(heard == "x");
        }
    });
}

TEST_CASE("a cancelled connect ends, and its socket can be closed") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family, 0);
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> queued;
        ending last = ending::value;
        for (int index = 0; index < 10 && last == ending::value; ++index) {
            queued.emplace_back(family);
            queued.back().settimeout(30ms);
            last = co_await support::ending_of([&] { return queued.back().connect(name); });
        }
        CHECK(last == ending::timeout);
        coax::socket client(family);
        const ending how = co_await cancelled_while_waiting([&] { return client.connect(name); });
        CHECK(how == ending::cancelled);
        client.close();
        coax::socket other(family);
        const ending as_code = co_await cancelled_while_waiting([&] { return other.connect_ex(name); });
        CHECK(as_code == ending::cancelled);
    });
}

TEST_CASE("a cancelled send ends, and nothing of it went out", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::size_t filled = co_await support::fill(pair.first);
        const ending how = co_await cancelled_while_waiting([&] { return pair.first.send("lost"); });
        CHECK(how == ending::cancelled);
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.size() == filled);

        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        const coax::address to = receiver.getsockname();
        coax::socket sender(coax::family::local, coax::kind::datagram);
        co_await sender.connect(to);
        co_await support::fill(sender);
        coax::socket other(coax::family::local, coax::kind::datagram);
        const ending datagram = co_await cancelled_while_waiting([&] { return other.sendto("lost", to); });
        CHECK(datagram == ending::cancelled);
    });
}

TEST_CASE("a cancelled sendall says how much went out") {
    const bool pieces = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::string large = support::pattern(8 << 20);
        const std::string_view head = std::string_view(large).substr(0, 1000);
        const std::string_view rest = std::string_view(large).substr(1000);
        std::size_t went = 0;
        const auto send = [&]() -> coax::task<> {
            try {
                if (pieces)
                    co_await pair.first.sendall(head, rest);
                else
                    co_await pair.first.sendall(large);
            } catch (const coax::cancelled& stop) {
                went = stop.transferred();
                throw;
            }
        };
        const ending how = co_await cancelled_while_waiting(send);
        CHECK(how == ending::cancelled);
        CHECK(went > 0);
        CHECK(went < large.size());
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.size() == went);
        CHECK(support::same_up_to(got, large) == went);
    });
}

TEST_CASE("sleeps and waits for signals are cancelled") {
    support::run([]() -> coax::task<> {
        const ending sleep = co_await cancelled_while_waiting([] { return coax::sleep_for(1h); });
        CHECK(sleep == ending::cancelled);
        const ending until =
            co_await cancelled_while_waiting([] { return coax::sleep_until(coax::clock::time_point::max()); });
        CHECK(until == ending::cancelled);
        const ending signal = co_await cancelled_while_waiting(
            [] { return coax::wait_signal(support::one_signal, support::other_signal); });
        CHECK(signal == ending::cancelled);
    });
}

TEST_CASE("a cancellation passes through as_result as what it is") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const ending plain = co_await cancelled_while_waiting(
            [&]() -> coax::task<> { static_cast<void>(co_await coax::as_result(pair.first.recv(1))); });
        CHECK(plain == ending::cancelled);
        const auto nested = [&]() -> coax::task<> { static_cast<void>(co_await pair.first.recv(1)); };
        const ending through_task = co_await cancelled_while_waiting(
            [&]() -> coax::task<> { static_cast<void>(co_await coax::as_result(nested())); });
        CHECK(through_task == ending::cancelled);
    });
}

TEST_CASE("cancelling one of several waiting receives leaves the others in their order") {
    support::run([]() -> coax::task<> {
        for (const std::size_t victim : {0U, 1U, 2U}) {
            coax::socket_pair pair = coax::socketpair();
            std::string got[3];
            ending how[3] = {};
            const auto receive = [&](std::size_t index) -> coax::task<> {
                const auto one = [&]() -> coax::task<> { got[index] = co_await support::read(pair.second, 1); };
                co_await support::note(one, how[index]);
            };
            const auto in_a_group = [&](std::size_t index, coax::task_group*& inner) -> coax::task<> {
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    inner = &group;
                    co_await receive(index);
                });
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                coax::task_group* inner = nullptr;
                for (std::size_t index = 0; index < 3; ++index)
                    group.spawn(index == victim ? in_a_group(index, inner) : receive(index));
                co_await support::round_trip();
                inner->cancel();
                co_await support::until([&] { return how[victim] != ending::none; });
                co_await pair.first.sendall("ab");
            });
            CHECK(how[victim] == ending::cancelled);
            CHECK(got[victim].empty());
            std::string rest;
            for (const std::string& each : got)
                rest += each;
            CHECK(rest == "ab");
        }
    });
}

TEST_CASE("a thousand waits on sockets, and a thousand on one, are cancelled at once") {
    support::run([]() -> coax::task<> {
        constexpr std::size_t count = 1000;
        std::vector<coax::socket_pair> pairs;
        for (std::size_t index = 0; index < count / 2; ++index)
            pairs.push_back(coax::socketpair());
        coax::socket_pair shared = coax::socketpair();
        std::vector<ending> how(3 * count, ending::none);
        std::size_t next = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (coax::socket_pair& pair : pairs) {
                group.spawn(support::note([&] { return pair.first.recv(16); }, how[next++]));
                group.spawn(support::note([&] { return pair.second.recv(16); }, how[next++]));
            }
            for (std::size_t index = 0; index < count; ++index)
                group.spawn(support::note([&] { return shared.first.recv(16); }, how[next++]));
            for (std::size_t index = 0; index < count; ++index)
                group.spawn(support::note([] { return coax::sleep_for(1h); }, how[next++]));
            co_await support::round_trip();
            CHECK(coax::scheduler::current().stats().waiting == 3 * count);
            group.cancel();
        });
        CHECK(std::count(how.begin(), how.end(), ending::cancelled) == 3 * count);
        CHECK(coax::scheduler::current().stats().waiting == 0);

        // None of them is stuck somewhere: every socket still works.
        for (coax::socket_pair& pair : pairs) {
            co_await pair.first.sendall("x");
            const std::string heard = co_await support::read(pair.second, 1);
            CHECK(heard == "x");
        }
    });
}

TEST_CASE("a loop of yields ends when it is cancelled") {
    support::run([]() -> coax::task<> {
        long rounds = 0;
        const auto loop = [&]() -> coax::task<> {
            for (; rounds < 1'000'000; ++rounds)
                co_await coax::yield();
        };
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(loop, how));
            co_await support::until([&] { return rounds > 10; });
            group.cancel();
        });
        CHECK(how == ending::cancelled);
        CHECK(rounds < 1000);
    });
}

TEST_CASE("a receive that races with its cancellation reports the bytes or leaves them") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        constexpr int rounds = 2000;
        int mistakes = 0;
        for (int round = 0; round < rounds; ++round) {
            const std::string sent(1, static_cast<char>('a' + round % 26));
            std::string got;
            const auto receive = [&]() -> coax::task<> {
                if (round % 4 < 2) {
                    const coax::chunk data = co_await pair.second.recv(16);
                    got += data.text();
                } else {
                    std::byte buffer[16];
                    const std::size_t size = co_await pair.second.recv(buffer);
                    got += support::text_of(std::span(buffer).first(size));
                }
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(receive());
                // With the kernel knowing of the receive, or not yet.
                if (round % 2 == 0)
                    co_await support::round_trip();
                co_await pair.first.sendall(sent);
                // With the loop having heard of the byte, or not yet.
                if (round % 8 < 4)
                    co_await coax::yield();
                group.cancel();
            });
            if (got.empty())
                got = co_await support::read(pair.second, 1);
            mistakes += got == sent ? 0 : 1;
        }
        CHECK(mistakes == 0);
    });
}

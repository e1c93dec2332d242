// Datagrams and full queues: a sender waits until there is room, and an error that nobody reads keeps nobody busy.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>

using namespace std::chrono_literals;

namespace {

/// Sends to `name` until its queue is full; gives how many fit.
coax::task<int> fill(coax::socket& sender, const coax::address& name) {
    sender.settimeout(0s);
    int count = 0;
    for (; count < 100'000; ++count) {
        const auto outcome = co_await coax::as_result(sender.sendto(std::to_string(count), name));
        if (!outcome) {
            CHECK(outcome.error() == std::errc::operation_would_block);
            break;
        }
    }
    sender.settimeout(std::nullopt);
    co_return count;
}

} // namespace

TEST_CASE("sendto to a UNIX socket whose queue is full waits until there is room, and keeps the order", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        constexpr int count = 500;
        int in_place = 0;
        const auto writer = [&]() -> coax::task<> {
            for (int i = 0; i < count; ++i)
                co_await sender.sendto(std::to_string(i), name);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            for (int i = 0; i < count; ++i) {
                const coax::datagram got = co_await receiver.recvfrom(16);
                in_place += got.data.text() == std::to_string(i) ? 1 : 0;
            }
        });
        CHECK(in_place == count);
    });
}

TEST_CASE("a sendto that waits for room can time out, be cancelled, and end with its socket; nothing of it arrives",
          "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        const int fitted = co_await fill(sender, name);
        REQUIRE(fitted > 0);

        sender.settimeout(10ms);
        const auto late = co_await coax::as_result(sender.sendto("late", name));
        CHECK(support::code_of(late) == std::errc::timed_out);
        sender.settimeout(std::nullopt);

        bool cancelled = false;
        const auto cancelled_writer = [&]() -> coax::task<> {
            try {
                co_await sender.sendto("cancelled", name);
            } catch (const coax::cancelled&) {
                cancelled = true;
                throw;
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(cancelled_writer());
            co_await support::round_trip();
            group.cancel();
        });
        CHECK(cancelled);

        std::error_code closed;
        const auto closed_writer = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(sender.sendto("closed", name));
            closed = support::code_of(outcome);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(closed_writer());
            co_await support::round_trip();
            sender.close();
        });
        CHECK(closed == std::errc::bad_file_descriptor);

        receiver.settimeout(0s);
        int received = 0;
        for (int i = 0; i <= fitted; ++i) {
            const auto got = co_await coax::as_result(receiver.recvfrom(16));
            if (!got)
                break;
            CHECK(got->data.text() == std::to_string(i));
            ++received;
        }
        CHECK(received == fitted);
    });
}

TEST_CASE("while a sendto waits for room in a UNIX socket's queue the loop sleeps", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        co_await fill(sender, name);
        const auto waits_for_room = [&]() -> coax::task<> { co_await sender.sendto("late", name); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(waits_for_room());
            const std::uint64_t before = coax::scheduler::current().stats().turns;
            co_await coax::sleep_for(300ms);
            CHECK(coax::scheduler::current().stats().turns - before < 60);
            CHECK(coax::scheduler::current().stats().waiting == 1);
            co_await receiver.recvfrom(16);
        });
    });
}

TEST_CASE("an error on a socket that nobody waits on keeps the loop asleep") {
    support::run([]() -> coax::task<> {
        const coax::address nobody = support::bound(coax::family::inet, coax::kind::datagram).getsockname();
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        co_await socket.connect(nobody);
        socket.settimeout(1ms);
        const auto nothing = co_await coax::as_result(socket.recv(16)); // the loop knows the socket from now on
        CHECK(support::code_of(nothing) == std::errc::timed_out);
        for (int i = 0; i < 10; ++i)
            static_cast<void>(co_await coax::as_result(socket.send("anybody?")));
        const std::uint64_t before = coax::scheduler::current().stats().turns;
        co_await coax::sleep_for(50ms);
        CHECK(coax::scheduler::current().stats().turns - before < 20);
    });
}

TEST_CASE("the end of a stream on a socket that nobody waits on keeps the loop asleep") {
    const bool by_reset = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.server.settimeout(1ms);
        const auto nothing = co_await coax::as_result(made.server.recv(16));
        CHECK(support::code_of(nothing) == std::errc::timed_out);
        co_await made.client.sendall("unread");
        if (by_reset)
            support::reset(made.client);
        else
            made.client.close();
        const std::uint64_t before = coax::scheduler::current().stats().turns;
        co_await coax::sleep_for(50ms);
        CHECK(coax::scheduler::current().stats().turns - before < 20);
    });
}

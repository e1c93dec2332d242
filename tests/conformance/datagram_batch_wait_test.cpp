// Batches of datagrams that wait, and what ends them: room, limits, cancellations, shutdown, close, errors of the network.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;

namespace {

coax::socket datagrams(coax::family family = coax::family::inet) {
    return support::bound(family, coax::kind::datagram);
}

/// Datagrams with the numbers from `first` on.
void fill(coax::datagram_batch& batch, int first, const coax::address& peer) {
    batch.clear();
    while (batch.size() < batch.capacity())
        batch.add(std::to_string(first++), peer);
}

/// Receives what there is, one by one, and counts those that have the next number from `first` on.
coax::task<int> in_place(coax::socket& from, int first) {
    from.settimeout(0s);
    int count = 0;
    for (;;) {
        const auto got = co_await coax::as_result(from.recvfrom(64));
        if (!got)
            break;
        count += got->data.text() == std::to_string(first + count) ? 1 : 0;
    }
    from.settimeout(std::nullopt);
    co_return count;
}

} // namespace

TEST_CASE("with a limit of zero a batch gives what is there, or says at once that there is nothing") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        server.settimeout(0s);
        coax::datagram_batch batch(4, 16);
        auto got = co_await coax::as_result(server.recvfrom(batch));
        CHECK(support::code_of(got) == std::errc::operation_would_block);
        CHECK(batch.empty());
        co_await client.sendto("x", server.getsockname());
        got = co_await coax::as_result(server.recvfrom(batch));
        REQUIRE(got);
        CHECK(*got == 1);
        client.settimeout(0s);
        fill(batch, 0, server.getsockname());
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 4);
    });
}

TEST_CASE("a batch that waits for datagrams times out, is cancelled, and loses nothing") {
    const bool by_limit = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        const coax::address name = server.getsockname();
        coax::datagram_batch batch(4, 16);
        int next = 0;
        const auto reader = [&]() -> coax::task<> {
            const std::size_t count = co_await server.recvfrom(batch);
            for (std::size_t i = 0; i < count; ++i)
                CHECK(batch[i].text() == std::to_string(next++));
        };
        for (int i = 0; i < 50; ++i) {
            const int sent = next;
            if (by_limit) {
                server.settimeout(1ms);
                const auto outcome = co_await coax::as_result(server.recvfrom(batch));
                CHECK(support::code_of(outcome) == std::errc::timed_out);
                CHECK(batch.empty());
                server.settimeout(std::nullopt);
                co_await client.sendto(std::to_string(sent), name);
            } else {
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(reader());
                    if (i % 2 == 0)
                        co_await support::round_trip();
                    const auto outcome = co_await coax::as_result(client.sendto(std::to_string(sent), name));
                    CHECK(outcome);
                    group.cancel();
                });
            }
            if (next == sent)
                co_await reader();
            REQUIRE(next == sent + 1);
        }
    });
}

TEST_CASE("shutdown ends the batches that wait, and those that come later, with nothing", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::datagram_batch first(4, 16);
        coax::datagram_batch second(4, 16);
        int ended = 0;
        const auto reader = [&](coax::datagram_batch& batch) -> coax::task<> {
            const std::size_t count = co_await server.recvfrom(batch);
            ended += count == 0 ? 1 : 0;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader(first));
            group.spawn(reader(second));
            co_await support::round_trip();
            server.shutdown(coax::shutdown_how::read);
        });
        CHECK(ended == 2);
        co_await reader(first);
        CHECK(ended == 3);
    });
}

TEST_CASE("closing a socket ends its batches with bad_file_descriptor") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::datagram_batch first(4, 16);
        coax::datagram_batch second(4, 16);
        int ended = 0;
        const auto reader = [&](coax::datagram_batch& batch) -> coax::task<> {
            const auto outcome = co_await coax::as_result(server.recvfrom(batch));
            ended += support::code_of(outcome) == std::errc::bad_file_descriptor ? 1 : 0;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader(first));
            group.spawn(reader(second));
            co_await support::round_trip();
            server.close();
        });
        CHECK(ended == 2);
    });
}

TEST_CASE("a batch whose coroutine is destroyed leaves its datagrams to the next receives, in order and whole",
          "[posix]") {
    const bool completed = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams();
        server.setsockopt(coax::option::receive_packet_info, true);
        coax::socket client = datagrams();
        co_await client.connect(server.getsockname());
        coax::socket_pair trigger = coax::socketpair();
        coax::datagram_batch batch(3, 4);
        std::optional<support::destructible> victim;
        const auto destroyer = [&]() -> support::destructible {
            const auto data = co_await coax::as_result(trigger.second.recv(1));
            victim.reset();
        };
        const auto reader = [&]() -> support::destructible { co_await server.recvfrom(batch); };
        {
            // Where it is to have completed, who destroys it has waited before and so resumes first.
            std::optional<support::destructible> first;
            if (completed)
                first.emplace(destroyer());
            victim.emplace(reader());
            co_await support::round_trip();
            CHECK(support::send_raw(trigger.first.fileno(), "x", 1) == 1);
            for (const char* text : {"0", "1", "", "3 is cut", "4"})
                CHECK(support::send_raw(client.fileno(), text, std::string(text).size()) >= 0);
            if (!completed)
                victim.reset();
            co_await support::round_trip();
            REQUIRE_FALSE(victim);
        }
        coax::datagram_batch rest(2, 4);
        const std::size_t got = co_await server.recvfrom(rest);
        REQUIRE(got == 2);
        CHECK(rest[0].text() == "0");
        CHECK(rest[0].local == coax::address("127.0.0.1", 0));
        CHECK(rest[1].text() == "1");
        CHECK(rest[1].peer == client.getsockname());
        const coax::datagram empty = co_await server.recvfrom(4);
        CHECK(empty.data);
        CHECK(empty.data.empty());
        CHECK(empty.peer == client.getsockname());
        const std::size_t last = co_await server.recvfrom(rest);
        CHECK(last == 2);
        CHECK(rest[0].text() == "3 is");
        CHECK(rest[0].truncated);
        CHECK(rest[1].text() == "4");
    });
}

TEST_CASE("a batch to a UNIX socket whose queue is full waits for room, and keeps the order", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = datagrams(coax::family::local);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        constexpr int count = 500;
        coax::datagram_batch batch(count, 16);
        fill(batch, 0, receiver.getsockname());
        std::size_t out = 0;
        const auto writer = [&]() -> coax::task<> { out = co_await sender.sendto(batch); };
        int in_order = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            coax::datagram_batch got(7, 16);
            for (int i = 0; i < count;) {
                const std::size_t some = co_await receiver.recvfrom(got);
                for (std::size_t k = 0; k < some; ++k)
                    in_order += got[k].text() == std::to_string(i++) ? 1 : 0;
            }
        });
        CHECK(in_order == count);
        CHECK(out == count);
    });
}

TEST_CASE("a batch that is cut short says how many went out, and its other entries say why they did not", "[unix]") {
    enum class how { limit, cancelled, closed, at_once };
    const how cut = GENERATE(how::limit, how::cancelled, how::closed, how::at_once);
    support::run([&]() -> coax::task<> {
        coax::socket receiver = datagrams(coax::family::local);
        coax::socket sender(coax::family::local, coax::kind::datagram);
        // More than any queue holds. The one in between fails, and does not count.
        coax::datagram_batch batch(2000, 16);
        fill(batch, 0, receiver.getsockname());
        batch[1].peer = coax::address::unix_path(support::fresh_path());
        std::size_t out = 0;
        std::error_code why;
        const auto writer = [&]() -> coax::task<> {
            try {
                co_await sender.sendto(batch);
            } catch (const coax::io_error& error) {
                out = error.transferred();
                why = error.code();
            } catch (const coax::cancelled& error) {
                out = error.transferred();
                why = error.reason().code();
                throw;
            }
        };
        if (cut == how::limit)
            sender.settimeout(20ms);
        if (cut == how::at_once)
            sender.settimeout(0s);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            co_await support::round_trip();
            if (cut == how::cancelled)
                group.cancel();
            if (cut == how::closed)
                sender.close();
        });
        const std::errc expected = cut == how::limit     ? std::errc::timed_out
                                   : cut == how::closed  ? std::errc::bad_file_descriptor
                                   : cut == how::at_once ? std::errc::operation_would_block
                                                         : std::errc::operation_canceled;
        CHECK(why == expected);
        REQUIRE(out > 0);
        CHECK(batch[1].error == std::errc::no_such_file_or_directory);
        std::size_t unsent = 0;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (i == 1)
                continue;
            CHECK((batch[i].error == expected) == (i > out));
            unsent += batch[i].error == expected ? 1 : 0;
        }
        CHECK(unsent + out + 1 == batch.size());
        coax::datagram_batch got(2000, 16);
        receiver.settimeout(0s);
        const std::size_t arrived = co_await receiver.recvfrom(got);
        INFO(static_cast<int>(cut) << ' ' << arrived << ' ' << out);
        CHECK(arrived == out);
        CHECK(got[1].text() == "2");
    });
}

// Windows does not tell a datagram socket that nobody is there.
TEST_CASE("a refusal is told once, by the batch that finds it, and the socket works on", "[posix]") {
    support::run([]() -> coax::task<> {
        const coax::address name = datagrams().getsockname(); // nobody listens there any more
        coax::socket socket = datagrams();
        co_await socket.connect(name);
        coax::datagram_batch batch(3, 32);
        for (int i = 0; i < 3; ++i) {
            batch.clear();
            batch.add("anybody?");
            const std::size_t out = co_await socket.sendto(batch);
            CHECK(out == 1);
            const auto outcome = co_await coax::as_result(socket.recvfrom(batch));
            CHECK(support::code_of(outcome) == std::errc::connection_refused);
            socket.settimeout(0s);
            const auto after = co_await coax::as_result(socket.recvfrom(batch));
            CHECK(support::code_of(after) == std::errc::operation_would_block);
            socket.settimeout(std::nullopt);
        }
        co_await socket.send("anybody?");
        batch.clear();
        batch.add("this one hears of it");
        std::size_t out = co_await socket.sendto(batch);
        CHECK(out == 0);
        CHECK(batch[0].error == std::errc::connection_refused);
        coax::socket peer(coax::family::inet, coax::kind::datagram);
        peer.bind(name);
        out = co_await socket.sendto(batch);
        CHECK(out == 1);
        const coax::datagram got = co_await peer.recvfrom(64);
        CHECK(got.data.text() == "this one hears of it");
    });
}

TEST_CASE("a refusal that comes while a batch waits ends it", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket socket = datagrams();
        co_await socket.connect(datagrams().getsockname());
        coax::datagram_batch batch(3, 16);
        std::error_code outcome;
        const auto reader = [&]() -> coax::task<> {
            const auto result = co_await coax::as_result(socket.recvfrom(batch));
            outcome = support::code_of(result);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            co_await socket.send("anybody?");
        });
        CHECK(outcome == std::errc::connection_refused);
    });
}

TEST_CASE("a socket that is always readable leaves the others their turn") {
    support::run([]() -> coax::task<> {
        coax::socket flooded = datagrams();
        coax::socket quiet = datagrams();
        coax::socket client = datagrams();
        coax::datagram_batch flood(16, 16);
        fill(flood, 0, flooded.getsockname());
        coax::datagram_batch batch(4, 16);
        bool answered = false;
        int rounds = 0;
        // It sends itself what it receives next: without an end, if it has the thread for itself.
        const auto busy = [&]() -> coax::task<> {
            for (; !answered && rounds < 100'000; ++rounds) {
                co_await client.sendto(flood);
                co_await flooded.recvfrom(batch);
            }
        };
        const auto other = [&]() -> coax::task<> {
            const coax::datagram got = co_await quiet.recvfrom(16);
            answered = got.data.text() == "me too";
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(other());
            co_await support::round_trip();
            co_await client.sendto("me too", quiet.getsockname());
            group.spawn(busy());
        });
        CHECK(answered);
        CHECK(rounds < 10);
    });
}

TEST_CASE("batches of several tasks on one socket are served in turn") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        const coax::address name = server.getsockname();
        std::string order;
        coax::datagram_batch first(2, 16);
        coax::datagram_batch second(2, 16);
        const auto batched = [&](coax::datagram_batch& batch, char who) -> coax::task<> {
            const std::size_t count = co_await server.recvfrom(batch);
            CHECK(count == 1);
            order += who;
            order += batch[0].text();
        };
        const auto single = [&]() -> coax::task<> {
            const coax::datagram got = co_await server.recvfrom(16);
            order += 's';
            order += got.data.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(batched(first, 'a'));
            group.spawn(single());
            group.spawn(batched(second, 'b'));
            co_await support::round_trip();
            for (const char* text : {"1", "2", "3"}) {
                co_await client.sendto(text, name);
                co_await support::round_trip();
            }
        });
        CHECK(order == "a1s2b3");
    });
}

TEST_CASE("batches work in adapters") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        coax::datagram_batch batch(2, 16);
        coax::datagram_batch other(2, 16);
        const auto late = co_await coax::as_result(coax::with_timeout(1ms, server.recvfrom(batch)));
        CHECK(support::code_of(late) == std::errc::timed_out);
        batch.add("x", server.getsockname());
        const std::size_t out = co_await coax::with_timeout(10s, client.sendto(batch));
        CHECK(out == 1);
        const auto first = co_await coax::when_any(server.recvfrom(other), coax::sleep_for(10s));
        CHECK(first.index == 0);
        CHECK(other[0].text() == "x");
        const auto after = co_await in_place(server, 0);
        CHECK(after == 0);
    });
}

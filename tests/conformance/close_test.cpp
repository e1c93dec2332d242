// Closing: who waits wakes, the peer sees the end at once, and what comes later on the same number is another socket's.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Notes the code of the error with which the operation ends.
template <class Make>
coax::task<> fails(Make make, std::error_code& code) {
    code = co_await support::error_from(make);
}

constexpr std::errc bad_descriptor = std::errc::bad_file_descriptor;

} // namespace

TEST_CASE("close wakes whoever reads and writes, those in the queue included") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        const std::string large(16 << 20, 'x');
        std::byte buffer[4];
        std::error_code code[6];
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(fails([&] { return pair.server.recv(4); }, code[0]));
            group.spawn(fails([&] { return pair.server.recv(buffer); }, code[1]));
            group.spawn(fails([&] { return pair.server.recvfrom(4); }, code[2]));
            group.spawn(fails([&] { return pair.server.sendall(large); }, code[3]));
            group.spawn(fails([&] { return pair.server.send(large); }, code[4]));
            group.spawn(fails([&] { return pair.server.sendall(large, "x"); }, code[5]));
            co_await support::round_trip();
            CHECK(coax::scheduler::current().stats().waiting == 6);
            pair.server.close();
            // They resume later, never inside the call.
            for (const std::error_code& each : code)
                CHECK_FALSE(each);
            co_return;
        });
        for (const std::error_code& each : code)
            CHECK(each == bad_descriptor);
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("close wakes whoever accepts, connects or waits for a datagram", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::local, 0);
        const coax::address name = listener.getsockname();
        coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
        std::vector<coax::socket> queued;
        std::error_code full;
        for (int index = 0; index < 10 && !full; ++index) {
            queued.emplace_back(coax::family::local);
            queued.back().setblocking(false);
            full = co_await queued.back().connect_ex(name);
        }
        coax::socket client(coax::family::local);
        coax::socket idle = support::listening(coax::family::inet);
        std::error_code code[4];
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(fails([&] { return idle.accept(); }, code[0]));
            group.spawn(fails([&] { return idle.accept(); }, code[1]));
            group.spawn(fails([&] { return client.connect(name); }, code[2]));
            group.spawn(fails([&] { return datagrams.recvfrom(4); }, code[3]));
            co_await support::round_trip();
            idle.close();
            client.close();
            datagrams.close();
        });
        for (const std::error_code& each : code)
            CHECK(each == bad_descriptor);
    });
}

TEST_CASE("destroying a socket, or assigning another to it, is closing it") {
    support::run([]() -> coax::task<> {
        std::error_code code[2];
        coax::socket_pair first = coax::socketpair();
        coax::socket_pair second = coax::socketpair();
        std::optional<coax::socket> destroyed(std::move(first.second));
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(fails([&] { return destroyed->recv(4); }, code[0]));
            group.spawn(fails([&] { return second.second.recv(4); }, code[1]));
            co_await support::round_trip();
            destroyed.reset();
            second.second = coax::socket(coax::family::inet);
        });
        CHECK(code[0] == bad_descriptor);
        CHECK(code[1] == bad_descriptor);
        CHECK(second.second.is_open());
        const coax::chunk one = co_await first.first.recv(1);
        CHECK_FALSE(one);
        const coax::chunk other = co_await second.first.recv(1);
        CHECK_FALSE(other);
    });
}

TEST_CASE("the peer sees the end when close returns, although somebody was waiting") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        std::error_code code;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(fails([&] { return pair.server.recv(4); }, code));
            co_await support::round_trip();
            pair.server.close();
            // Without a turn of the loop in between: a plain system call sees it.
            char byte = 0;
            CHECK(support::receive_raw(pair.client.fileno(), &byte, 1) == 0);
            co_return;
        });
        CHECK(code == bad_descriptor);
    });
}

TEST_CASE("the address is free when close returns, although somebody was accepting") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        for (int round = 0; round < 10; ++round) {
            std::error_code code;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(fails([&] { return listener.accept(); }, code));
                co_await support::round_trip();
                listener.close();
                const coax::socket other = [&] {
                    coax::socket made(family);
                    made.bind(name);
                    made.listen();
                    return made;
                }();
                CHECK(other.getsockname() == name);
            });
            CHECK(code == bad_descriptor);
            listener = coax::socket(family);
            listener.bind(name);
            listener.listen();
        }
    });
}

TEST_CASE("every operation on a closed socket fails, and closing twice is harmless") {
    coax::socket never;
    coax::socket_pair pair = coax::socketpair();
    coax::socket moved = std::move(pair.second);
    pair.first.close();
    pair.first.close();
    support::run([&]() -> coax::task<> {
        for (coax::socket* const closed : {&never, &pair.first, &pair.second}) {
            CHECK_FALSE(closed->is_open());
            CHECK(closed->fileno() == support::no_handle);
            closed->close();
            const coax::address peer("127.0.0.1", 9);
            std::byte buffer[4];
            std::error_code code[11];
            code[0] = co_await support::error_from([&] { return closed->recv(4); });
            code[1] = co_await support::error_from([&] { return closed->recv(buffer); });
            code[2] = co_await support::error_from([&] { return closed->recvfrom(4); });
            code[3] = co_await support::error_from([&] { return closed->recvfrom(buffer); });
            code[4] = co_await support::error_from([&] { return closed->send("x"); });
            code[5] = co_await support::error_from([&] { return closed->sendall("x"); });
            code[6] = co_await support::error_from([&] { return closed->sendall("x", "y"); });
            code[7] = co_await support::error_from([&] { return closed->sendto("x", peer); });
            code[8] = co_await support::error_from([&] { return closed->connect(peer); });
            code[9] = co_await support::error_from([&] { return closed->accept(); });
            code[10] = co_await closed->connect_ex(peer);
            for (const std::error_code& each : code)
                CHECK(each == bad_descriptor);
            CHECK(support::code_thrown_by([&] { closed->getsockname(); }) == bad_descriptor);
            CHECK(support::code_thrown_by([&] { closed->bind(peer); }) == bad_descriptor);
            CHECK(support::code_thrown_by([&] { closed->listen(); }) == bad_descriptor);
            CHECK(support::code_thrown_by([&] { closed->shutdown(coax::shutdown_how::both); }) == bad_descriptor);
            CHECK(support::code_thrown_by([&] { closed->setsockopt(coax::option::keep_alive, true); }) ==
                  bad_descriptor);
        }
        CHECK(moved.is_open());
    });
}

TEST_CASE("a descriptor number that is used again hears nothing of its predecessor") {
    support::run([]() -> coax::task<> {
        for (int round = 0; round < 50; ++round) {
            coax::socket_pair old = coax::socketpair();
            std::error_code old_code;
            std::string heard;
            std::optional<coax::socket_pair> fresh;
            const auto hear = [&]() -> coax::task<> { heard = co_await support::read(fresh->second, 4); };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(fails([&] { return old.second.recv(4); }, old_code));
                if (round % 2 == 0)
                    co_await support::round_trip();
                // An event for the old socket is on its way when its number goes to another one.
                co_await old.first.sendall("old!");
                const coax::native_handle first = old.first.fileno();
                const coax::native_handle second = old.second.fileno();
                old.second.close();
                old.first.close();
                fresh.emplace(coax::socketpair());
                CHECK((fresh->first.fileno() == first || fresh->first.fileno() == second));
                group.spawn(hear());
                co_await support::round_trip();
                CHECK(heard.empty());
                co_await fresh->first.sendall("new!");
            });
            CHECK((!old_code || old_code == bad_descriptor));
            CHECK(heard == "new!");
        }
    });
}

TEST_CASE("closing while data is arriving gives the data or the error, never both and never neither") {
    support::run([]() -> coax::task<> {
        for (int round = 0; round < 200; ++round) {
            coax::socket_pair pair = coax::socketpair();
            support::ending how = support::ending::none;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note([&] { return pair.second.recv(4); }, how));
                if (round % 2 == 0)
                    co_await support::round_trip();
                co_await pair.first.sendall("x");
                if (round % 4 < 2)
                    co_await coax::yield();
                pair.second.close();
            });
            CHECK((how == support::ending::value || how == support::ending::error));
        }
    });
}

TEST_CASE("a socket may be closed between two runs and after the last") {
    coax::socket_pair first = coax::socketpair();
    coax::socket_pair second = coax::socketpair();
    const int before = support::open_descriptors();
    {
        coax::scheduler scheduler;
        const auto talk = [&](coax::socket_pair& pair) -> coax::task<> {
            co_await pair.first.sendall("x");
            const std::string heard = co_await support::read(pair.second, 1);
            CHECK(heard == "x");
        };
        scheduler.run(talk(first));
        first.first.close();
        first.second.close();
        scheduler.run(talk(second));
    }
    second.first.close();
    second.second.close();
    CHECK(support::open_descriptors() == before - 4);
}

TEST_CASE("closing a socket that has a time to linger and unsent data does not wait") {
    const bool accepted = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        if (accepted)
            listener.setsockopt(coax::option::linger, 30s);
        support::connection made = co_await support::connected_by(listener);
        coax::socket& sender = accepted ? made.server : made.client;
        coax::socket& receiver = accepted ? made.client : made.server;
        if (!accepted)
            sender.setsockopt(coax::option::linger, 30s);
        const std::size_t sent = co_await support::fill(sender);
        const auto begun = std::chrono::steady_clock::now();
        sender.close();
        CHECK(std::chrono::steady_clock::now() - begun < 10s);
        // And what was sent arrives.
        const std::string heard = co_await support::read_to_end(receiver);
        CHECK(heard.size() == sent);
    });
}

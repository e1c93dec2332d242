// A limit of zero: every operation does what can be done at once, or says that it would have to wait.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Whether the operation says that it would have to wait.
template <class Make>
coax::task<bool> would_block(Make make) {
    const std::uint64_t waits = coax::scheduler::current().stats().waiting;
    const std::error_code code = co_await support::error_from(make);
    CHECK(coax::scheduler::current().stats().waiting == waits);
    co_return code == std::errc::operation_would_block;
}

} // namespace

TEST_CASE("an operation that would have to wait says so") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        listener.setblocking(false);
        const bool accept = co_await would_block([&] { return listener.accept(); });
        CHECK(accept);

        coax::socket_pair pair = coax::socketpair();
        std::byte buffer[16];
        pair.first.setblocking(false);
        const bool recv_pooled = co_await would_block([&] { return pair.first.recv(16); });
        CHECK(recv_pooled);
        const bool recv_into = co_await would_block([&] { return pair.first.recv(buffer); });
        CHECK(recv_into);
        const bool peek = co_await would_block([&] { return pair.first.recv(16, coax::message_flags::peek); });
        CHECK(peek);
        const bool recvfrom_pooled = co_await would_block([&] { return pair.first.recvfrom(16); });
        CHECK(recvfrom_pooled);
        const bool recvfrom_into = co_await would_block([&] { return pair.first.recvfrom(buffer); });
        CHECK(recvfrom_into);

        co_await support::fill(pair.first);
        pair.first.setblocking(false);
        const bool send = co_await would_block([&] { return pair.first.send("x"); });
        CHECK(send);
        const bool sendall = co_await would_block([&] { return pair.first.sendall("x"); });
        CHECK(sendall);
        const bool pieces = co_await would_block([&] { return pair.first.sendall("x", "y"); });
        CHECK(pieces);
    });
}

TEST_CASE("a datagram for a full receiver says that it would have to wait", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        const coax::address to = receiver.getsockname();
        coax::socket sender(coax::family::local, coax::kind::datagram);
        co_await sender.connect(to);
        co_await support::fill(sender);
        coax::socket other(coax::family::local, coax::kind::datagram);
        other.setblocking(false);
        const bool sendto = co_await would_block([&] { return other.sendto("x", to); });
        CHECK(sendto);
    });
}

TEST_CASE("what can be done at once is done") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        listener.setblocking(false);
        coax::socket client(coax::family::inet);
        co_await client.connect(listener.getsockname());
        coax::accepted taken = co_await listener.accept();
        CHECK(taken.conn.getblocking());
        taken.conn.setblocking(false);
        client.setblocking(false);

        const std::size_t sent = co_await client.send("abc");
        CHECK(sent == 3);
        co_await client.sendall("def");
        co_await client.sendall("g", "hi");
        co_await support::round_trip();
        std::byte buffer[4];
        const std::size_t first = co_await taken.conn.recv(buffer);
        CHECK(support::text_of(std::span(buffer).first(first)) == "abcd");
        const coax::chunk second = co_await taken.conn.recv(100);
        CHECK(second.text() == "efghi");

        client.shutdown(coax::shutdown_how::write);
        co_await support::round_trip();
        const coax::chunk end = co_await taken.conn.recv(100);
        CHECK_FALSE(end);
    });
}

TEST_CASE("datagrams that are there come at once") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket one = support::bound(family, coax::kind::datagram);
        coax::socket two = support::bound(family, coax::kind::datagram);
        one.setblocking(false);
        two.setblocking(false);
        const std::size_t sent = co_await one.sendto("first", two.getsockname());
        CHECK(sent == 5);
        co_await one.sendto("second", two.getsockname());
        const coax::datagram first = co_await two.recvfrom(100);
        CHECK(first.data.text() == "first");
        CHECK(first.peer == one.getsockname());
        std::byte buffer[100];
        const coax::received second = co_await two.recvfrom(buffer);
        CHECK(second.size == 6);
        CHECK(second.peer == one.getsockname());
        const bool none = co_await would_block([&] { return two.recvfrom(100); });
        CHECK(none);
    });
}

TEST_CASE("a sendall that cannot go on says how much went out") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const std::string large = support::pattern(8 << 20);
        pair.first.setblocking(false);
        std::size_t went = 0;
        std::error_code code;
        try {
            co_await pair.first.sendall(large);
        } catch (const coax::io_error& error) {
            went = error.transferred();
            code = error.code();
        }
        CHECK(code == std::errc::operation_would_block);
        CHECK(went > 0);
        CHECK(went < large.size());
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.size() == went);
        CHECK(support::same_up_to(got, large) == went);
    });
}

TEST_CASE("a connection that takes its time is in progress, and is there later") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        coax::socket client(family);
        client.setblocking(false);
        const std::error_code code = co_await client.connect_ex(listener.getsockname());
        // Some systems finish a connection to themselves at once.
        CHECK((!code || code == std::errc::operation_in_progress));
        coax::accepted taken = co_await listener.accept();
        co_await taken.conn.sendall("hello");
        client.setblocking(true);
        const std::string heard = co_await support::read(client, 5);
        CHECK(heard == "hello");
    });
}

TEST_CASE("a UNIX connection is made at once, or would have to wait for room in the backlog", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::local, 0);
        std::vector<coax::socket> clients;
        std::error_code code;
        for (int index = 0; index < 10 && !code; ++index) {
            clients.emplace_back(coax::family::local);
            clients.back().setblocking(false);
            code = co_await clients.back().connect_ex(listener.getsockname());
        }
        CHECK(clients.size() > 1);
        CHECK(code == std::errc::operation_would_block);
    });
}

TEST_CASE("behind others that wait, a limit of zero does not wait either") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::string heard;
        const auto hear = [&]() -> coax::task<> { heard = co_await support::read(pair.first, 4); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(hear());
            co_await support::round_trip();
            pair.first.setblocking(false);
            const bool second = co_await would_block([&] { return pair.first.recv(4); });
            CHECK(second);
            CHECK(heard.empty());
            pair.first.setblocking(true);
            co_await pair.second.sendall("mine");
        });
        CHECK(heard == "mine");
    });
}

TEST_CASE("asking over and over without waiting gets everything, and lets others run") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        const std::string sent = support::pattern(300'000);
        std::string got;
        const auto send = [&]() -> coax::task<> {
            co_await pair.client.sendall(sent);
            pair.client.shutdown(coax::shutdown_how::write);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(send());
            pair.server.setblocking(false);
            const auto end = std::chrono::steady_clock::now() + support::patience;
            while (std::chrono::steady_clock::now() < end) {
                const auto outcome = co_await coax::as_result(pair.server.recv(4096));
                if (!outcome)
                    continue;
                if (!*outcome)
                    break;
                got += outcome->text();
            }
        });
        CHECK(got.size() == sent.size());
        CHECK(support::same_up_to(got, sent) == sent.size());
    });
}

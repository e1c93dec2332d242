// After a receive that gave less than was asked for nothing more is there, as a rule: the next one waits. Here are the exceptions, and the
// races with what comes meanwhile. What is missed is waited for in vain.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr coax::message_flags urgent = coax::message_flags::out_of_band;

/// What one receive gives; "error" for one that fails.
coax::task<std::string> receive(coax::socket& from, std::size_t most = 100) {
    const auto outcome = co_await coax::as_result(from.recv(most));
    co_return outcome ? std::string(outcome->text()) : "error";
}

/// Lets `act` happen while a receive waits, so that all that it does is reported at once; gives what that receive and the next one got.
template <class Act>
coax::task<std::string> two_receives(coax::socket& from, Act act) {
    std::string first;
    const auto hear = [&]() -> coax::task<> { first = co_await receive(from); };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(hear());
        co_await support::round_trip();
        act();
    });
    const std::string second = co_await receive(from);
    co_return first + "," + second;
}

void send_now(const coax::socket& from, std::string_view text) {
    REQUIRE(support::send_raw(from.fileno(), text.data(), text.size()) == static_cast<std::ptrdiff_t>(text.size()));
}

/// Sends in pieces of all sizes up to a kilobyte, with pauses of all lengths in between.
void send_pieces(coax::native_handle to, std::string_view text, std::uint32_t seed) {
    std::uint32_t state = seed * 2654435761U + 1;
    while (!text.empty()) {
        state = state * 1664525U + 1013904223U;
        const std::size_t size = std::min<std::size_t>(text.size(), 1 + (state >> 22));
        const std::ptrdiff_t sent = support::send_raw(to, text.data(), size);
        if (sent > 0)
            text.remove_prefix(static_cast<std::size_t>(sent));
        else
            std::this_thread::yield();
        if ((state >> 8) % 4 == 0)
            std::this_thread::yield();
    }
}

} // namespace

TEST_CASE("a receive after one that emptied the socket is not tried before something is reported") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        send_now(made.client, "one");
        const std::string one = co_await receive(made.server);
        CHECK(one == "one");
        send_now(made.client, "two");
        const std::uint64_t before = coax::scheduler::current().stats().turns;
        const std::string two = co_await receive(made.server);
        CHECK(two == "two");
        CHECK(coax::scheduler::current().stats().turns > before);
    });
}

TEST_CASE("the end and an error that came together with data are seen after them", "[reset]") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection half = co_await support::connected(family);
        const std::string halved = co_await two_receives(half.server, [&] {
            send_now(half.client, "last");
            half.client.shutdown(coax::shutdown_how::write);
        });
        CHECK(halved == "last,");
        support::connection closed = co_await support::connected(family);
        const std::string ended = co_await two_receives(closed.server, [&] {
            send_now(closed.client, "last");
            closed.client.close();
        });
        CHECK(ended == "last,");
        if (family == coax::family::local)
            co_return;
        support::connection broken = co_await support::connected(family);
        const std::string failed = co_await two_receives(broken.server, [&] {
            send_now(broken.client, "last");
            support::reset(broken.client);
        });
        // Windows drops what had arrived.
        CHECK((failed == "last,error" || failed == "error,"));
    });
}

TEST_CASE("an input that was shut down gives what had come, and then its end") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        send_now(made.client, "one");
        const std::string one = co_await receive(made.server);
        CHECK(one == "one");
        made.server.shutdown(coax::shutdown_how::read);
        for (int i = 0; i < 3; ++i) {
            const std::string end = co_await receive(made.server);
            CHECK(end.empty());
        }
    });
}

TEST_CASE("a receive that stops at urgent data is not the last") {
    const auto asked = GENERATE(coax::message_flags::none, urgent, urgent | coax::message_flags::wait_all);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < 3; ++i) {
            send_now(made.client, "before");
            co_await made.client.send("U", urgent);
            send_now(made.client, "behind");
            if (asked != coax::message_flags::none) {
                const coax::chunk mark = co_await made.server.recv(1, asked);
                CHECK(mark.text() == "U");
                co_await support::round_trip(); // what was reported of it has been looked at
            }
            const std::string before = co_await receive(made.server);
            CHECK(before == "before");
            const std::string behind = co_await receive(made.server);
            CHECK(behind == "behind");
        }
    });
}

TEST_CASE("nothing that is sent while receives empty the socket is missed") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string sent = support::pattern(5 << 20); // some ten thousand pieces
        const coax::native_handle client = made.client.detach().handle;
        std::thread sender([&] {
            send_pieces(client, sent, 1);
            support::close_raw(client);
        });
        std::string got;
        for (std::size_t most = 1;; most = most * 7 % 8191) {
            const std::string piece = co_await receive(made.server, most);
            if (piece.empty())
                break;
            got += piece;
        }
        sender.join();
        CHECK(got.size() == sent.size());
        CHECK(support::same_up_to(sent, got) == sent.size());
    });
}

TEST_CASE("an end that comes right behind the data is never missed") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        constexpr int rounds = 1000;
        const std::string sent = support::pattern(3000);
        std::thread clients([&] {
            for (int round = 0; round < rounds; ++round) {
                int error = 0;
                const coax::native_handle client = support::connect_raw(name, error);
                send_pieces(client, std::string_view(sent).substr(0, static_cast<std::size_t>(round % 3000)),
                            static_cast<std::uint32_t>(round));
                support::close_raw(client);
            }
        });
        int whole = 0;
        for (int round = 0; round < rounds; ++round) {
            coax::accepted taken = co_await listener.accept();
            std::size_t size = 0;
            for (std::string piece = "x"; !piece.empty(); size += piece.size())
                piece = co_await receive(taken.conn, 4096);
            whole += size == static_cast<std::size_t>(round % 3000) ? 1 : 0;
        }
        clients.join();
        CHECK(whole == rounds);
    });
}

// Datagrams that reach nobody, receives that are given up, and sockets that go on working afterwards.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// The address of a datagram socket that is gone: nobody listens there.
coax::address deserted(coax::family family) { return support::bound(family, coax::kind::datagram).getsockname(); }

} // namespace

// Windows does not tell a datagram socket that nobody is there, nor in the next test case.
TEST_CASE("a connected datagram socket hears that its peer refuses, and works again when the peer is back", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        const coax::address name = deserted(family);
        coax::socket socket = support::bound(family, coax::kind::datagram);
        co_await socket.connect(name);
        for (int i = 0; i < 3; ++i) {
            co_await socket.send("anybody?");
            const auto outcome = co_await coax::as_result(socket.recv(64));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error() == std::errc::connection_refused);
            CHECK(outcome.error().peer() == name);
        }
        coax::socket peer(family, coax::kind::datagram);
        peer.bind(name);
        co_await socket.send("hello");
        const coax::datagram got = co_await peer.recvfrom(64);
        CHECK(got.data.text() == "hello");
        co_await peer.sendto("welcome", got.peer);
        const coax::datagram answer = co_await socket.recvfrom(64);
        CHECK(answer.data.text() == "welcome");
        CHECK(answer.peer == name);
    });
}

TEST_CASE("a refusal that arrives while a receive waits ends that receive", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        co_await socket.connect(deserted(coax::family::inet));
        std::error_code outcome;
        const auto reader = [&]() -> coax::task<> {
            const auto result = co_await coax::as_result(socket.recvfrom(64));
            outcome = support::code_of(result);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            CHECK_FALSE(outcome);
            co_await socket.send("anybody?");
        });
        CHECK(outcome == std::errc::connection_refused);
    });
}

TEST_CASE("sending to nobody on an unconnected socket disturbs none of its receives") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket socket = support::bound(family, coax::kind::datagram);
        coax::socket friendly = support::bound(family, coax::kind::datagram);
        const coax::address nobody = deserted(family);
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            for (int i = 0; i < 5; ++i) {
                const coax::datagram got = co_await socket.recvfrom(64);
                heard += got.data.text();
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            for (const char* text : {"a", "b", "c", "d", "e"}) {
                co_await socket.sendto("anybody?", nobody);
                co_await support::round_trip();
                co_await friendly.sendto(text, socket.getsockname());
            }
        });
        CHECK(heard == "abcde");
    });
}

TEST_CASE("sendto to a UNIX path without a socket says so, and the sender goes on", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket sender(coax::family::local, coax::kind::datagram);
        const coax::address nowhere = coax::address::unix_path(support::fresh_path());
        const auto missing = co_await coax::as_result(sender.sendto("x", nowhere));
        CHECK(support::code_of(missing) == std::errc::no_such_file_or_directory);
        const auto gone = co_await coax::as_result(sender.sendto("x", deserted(coax::family::local)));
        CHECK(support::code_of(gone) == std::errc::connection_refused);
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        co_await sender.sendto("x", receiver.getsockname());
        const coax::datagram got = co_await receiver.recvfrom(8);
        CHECK(got.data.text() == "x");
    });
}

TEST_CASE("sending without saying to whom is an error") {
    support::run([]() -> coax::task<> {
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        const auto outcome = co_await coax::as_result(sender.send("x"));
        CHECK(support::code_of(outcome) == std::errc::destination_address_required);
        const auto placeholder = co_await coax::as_result(sender.sendto("x", coax::address()));
        CHECK_FALSE(placeholder);
    });
}

TEST_CASE("a receive that was given up loses no datagram") {
    const bool by_limit = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        const coax::address name = receiver.getsockname();
        int total = 0;
        for (int i = 0; i < 50; ++i) {
            std::optional<std::string> early;
            if (by_limit) {
                receiver.settimeout(1ms);
                const auto outcome = co_await coax::as_result(receiver.recvfrom(64));
                CHECK(support::code_of(outcome) == std::errc::timed_out);
                receiver.settimeout(std::nullopt);
                co_await sender.sendto(std::to_string(i), name);
            } else {
                const auto reader = [&]() -> coax::task<> {
                    const coax::datagram got = co_await receiver.recvfrom(64);
                    early = got.data.text();
                };
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(reader());
                    if (i % 2 == 0)
                        co_await support::round_trip();
                    const auto outcome = co_await coax::as_result(sender.sendto(std::to_string(i), name));
                    CHECK(outcome);
                    group.cancel();
                });
            }
            if (!early) {
                const coax::datagram got = co_await receiver.recvfrom(64);
                early = got.data.text();
            }
            CHECK(*early == std::to_string(i));
            total += *early == std::to_string(i) ? 1 : 0;
        }
        CHECK(total == 50);
    });
}

TEST_CASE("closing a datagram socket ends the receives that wait with bad_file_descriptor") {
    support::run([]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        const coax::address name = socket.getsockname();
        int ended = 0;
        const auto pooled = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(socket.recvfrom(64));
            ended += support::code_of(outcome) == std::errc::bad_file_descriptor ? 1 : 0;
        };
        const auto own = [&]() -> coax::task<> {
            std::byte buffer[64];
            const auto outcome = co_await coax::as_result(socket.recvfrom(buffer));
            ended += support::code_of(outcome) == std::errc::bad_file_descriptor ? 1 : 0;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(pooled());
            group.spawn(own());
            group.spawn(pooled());
            co_await support::round_trip();
            socket.close();
            coax::socket successor(coax::family::inet, coax::kind::datagram);
            successor.bind(name); // the port is free
        });
        CHECK(ended == 3);
    });
}

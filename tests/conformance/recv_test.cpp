// Receiving from a stream, into pooled chunks and into buffers of the caller.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// What one receive of up to `size` bytes gives, in either of the two forms.
coax::task<std::string> received(coax::socket& from, bool pooled, std::size_t size) {
    if (pooled) {
        const coax::chunk data = co_await from.recv(size);
        co_return std::string(data.text());
    }
    std::string text(size, '\0');
    const std::size_t got = co_await from.recv(support::writable(text));
    text.resize(got);
    co_return text;
}

} // namespace

TEST_CASE("a short buffer leaves the rest for the next receive") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool pooled = GENERATE(true, false);
    INFO(support::name_of(family) << (pooled ? ", pooled" : ", own buffer"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        co_await made.client.sendall("abcdefghij");
        const std::string first = co_await received(made.server, pooled, 1);
        const std::string second = co_await received(made.server, pooled, 4);
        const std::string third = co_await received(made.server, pooled, 100);
        CHECK(first == "a");
        CHECK(second == "bcde");
        CHECK(third == "fghij");
    });
}

TEST_CASE("the two forms of receive take turns on one stream") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string sent = support::pattern(300);
        co_await made.client.sendall(sent);
        std::string heard;
        for (bool pooled = true; heard.size() < sent.size(); pooled = !pooled)
            heard += co_await received(made.server, pooled, 7);
        CHECK(heard == sent);
    });
}

TEST_CASE("a receive of length zero returns at once and takes nothing") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const auto nothing = [&]() -> coax::task<> {
            const coax::chunk pooled = co_await made.server.recv(0);
            CHECK(static_cast<bool>(pooled));
            CHECK(pooled.empty());
            const std::size_t own = co_await made.server.recv(std::span<std::byte>());
            CHECK(own == 0);
            const coax::datagram with_peer = co_await made.server.recvfrom(0);
            CHECK(static_cast<bool>(with_peer.data));
            CHECK(with_peer.data.empty());
            CHECK_FALSE(with_peer.truncated);
            const coax::received own_with_peer = co_await made.server.recvfrom(std::span<std::byte>());
            CHECK(own_with_peer.size == 0);
        };
        co_await nothing(); // before there is anything
        co_await made.client.sendall("data");
        co_await support::round_trip();
        co_await nothing();
        const std::string heard = co_await support::read(made.server, 4);
        CHECK(heard == "data");
        made.client.close();
        const coax::chunk end = co_await made.server.recv(1);
        CHECK_FALSE(static_cast<bool>(end));
        co_await nothing(); // after the end
    });
}

TEST_CASE("a receive may ask for far more than a pooled buffer holds, and for far more than there is") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    coax::scheduler_options options;
    options.buffer_size = 512;
    options.buffer_count = 2;
    const auto body = [&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const std::string sent = support::pattern(100'000);
        std::string heard;
        const auto writer = [&]() -> coax::task<> {
            co_await made.client.sendall(sent);
            made.client.shutdown(coax::shutdown_how::write);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            while (const coax::chunk data = co_await made.server.recv(64 << 20)) {
                REQUIRE_FALSE(data.empty());
                heard += data.text();
            }
        });
        CHECK(support::same_up_to(heard, sent) == sent.size());
        co_await made.server.sendall("few");
        const coax::chunk few = co_await made.client.recv(64 << 20);
        CHECK(few.text() == "few");
    };
    support::run(body, options);
}

TEST_CASE("several receives wait on one socket and are served in the order of their calls") {
    constexpr int count = 12;
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::vector<std::string> heard(count);
        std::vector<int> order;
        const auto reader = [&](int number) -> coax::task<> {
            heard[static_cast<std::size_t>(number)] = co_await received(made.server, number % 2 == 0, 2);
            order.push_back(number);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < count; ++i)
                group.spawn(reader(i));
            co_await made.client.sendall("aabbccddeeffgghhiijjkkll");
        });
        REQUIRE(order.size() == count);
        for (int i = 0; i < count; ++i) {
            CHECK(order[static_cast<std::size_t>(i)] == i);
            CHECK(heard[static_cast<std::size_t>(i)] == std::string(2, static_cast<char>('a' + i)));
        }
    });
}

TEST_CASE("a receive that timed out takes no byte from the next one") {
    const bool pooled = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < 50; ++i) {
            made.server.settimeout(1ms);
            const auto late = co_await coax::as_result(made.server.recv(8));
            REQUIRE_FALSE(late);
            CHECK(late.error().why() == coax::failure::cause::timeout);
            made.server.settimeout(std::nullopt);
            const std::string number = std::to_string(1000 + i);
            co_await made.client.sendall(number);
            co_await support::round_trip();
            const std::string heard = co_await received(made.server, pooled, 4);
            CHECK(heard == number);
        }
    });
}

// Receiving frames is cut short, in every way: none is lost, and nothing waits for ever.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/framing.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_literals;
using coax::framed;
using support::prefixed;
using support::with_prefix;

TEST_CASE("timeouts around a receive lose nothing") {
    const bool timers_first = GENERATE(false, true);
    std::vector<std::string> expected;
    const std::string wire = support::thousand(expected);
    support::run([&]() -> coax::task<> {
        const support::timers_first order(timers_first);
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.server), {}, {.buffer_size = 7});
        std::mt19937 random(1);
        const auto send = [&]() -> coax::task<> {
            for (std::string_view rest = wire; !rest.empty();) {
                const std::string_view part = rest.substr(0, 1 + random() % 40);
                co_await made.client.sendall(part);
                rest.remove_prefix(part.size());
                if (random() % 4 == 0)
                    co_await coax::sleep_for(50us);
            }
            made.client.shutdown(coax::shutdown_how::write);
        };
        std::vector<std::string> frames;
        std::size_t timeouts = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(send());
            for (bool open = true; open;) {
                try {
                    const auto limit = std::chrono::microseconds(random() % 3 * 5);
                    const std::optional<coax::frame> got = co_await coax::with_timeout(limit, messages.recv());
                    open = got.has_value();
                    if (got)
                        frames.emplace_back(got->text());
                } catch (const coax::timeout_error&) {
                    ++timeouts;
                }
            }
        });
        CHECK(frames == expected);
        CHECK(timeouts > 10);
    });
}

TEST_CASE("cancellations around a receive lose nothing") {
    std::vector<std::string> expected;
    const std::string wire = support::thousand(expected);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.server), {}, {.buffer_size = 7});
        std::mt19937 random(2);
        std::vector<std::string> frames;
        std::size_t cancellations = 0;
        bool open = true;
        const auto take = [&]() -> coax::task<> {
            const std::optional<coax::frame> got = co_await messages.recv();
            open = got.has_value();
            if (got)
                frames.emplace_back(got->text());
        };
        const auto attempt = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(take());
            for (std::size_t turns = random() % 3; turns != 0; --turns)
                co_await coax::yield();
            group.cancel();
        };
        std::string_view rest = wire;
        while (open) {
            if (!rest.empty()) {
                const std::string_view part = rest.substr(0, 1 + random() % 40);
                co_await made.client.sendall(part);
                rest.remove_prefix(part.size());
                if (rest.empty())
                    made.client.shutdown(coax::shutdown_how::write);
            }
            const std::size_t before = frames.size();
            co_await coax::with_task_group(attempt);
            cancellations += frames.size() == before ? 1 : 0;
        }
        CHECK(frames == expected);
        CHECK(cancellations > 10);
    });
}

TEST_CASE("a session of frames can be cancelled at every checkpoint") {
    const auto session = []() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> one(std::move(made.client));
        framed<coax::length_prefix<std::uint32_t>> other(std::move(made.server));
        const std::string large(300'000, 'l');
        const auto echo = [&]() -> coax::task<> {
            while (const std::optional<coax::frame> got = co_await other.recv())
                co_await other.send(*got);
            other.shutdown(coax::shutdown_how::write);
        };
        const auto send = [&](std::string_view body) -> coax::task<> { co_await one.send(body); };
        std::size_t heard = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(echo());
            group.spawn(send("small"));
            group.spawn(send(large));
            group.spawn(send("small"));
            for (int count = 0; count < 3; ++count)
                heard += (co_await one.recv())->size();
            one.shutdown(coax::shutdown_how::write);
            static_cast<void>(co_await one.recv());
        });
        CHECK(heard == large.size() + 10);
    };
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint(session, when) > 10);
}

TEST_CASE("a peer that sends a byte now and then does not outlast a deadline") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.server));
        bool over = false;
        const auto dawdle = [&]() -> coax::task<> {
            const std::string wire = with_prefix(std::string(100'000, 's'));
            for (std::size_t at = 0; at < wire.size() && !over; ++at) {
                co_await made.client.sendall(std::string_view(wire).substr(at, 1));
                co_await coax::sleep_for(1ms);
            }
        };
        support::ending how = support::ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(dawdle());
            how = co_await support::ending_of([&] { return coax::with_timeout(200ms, messages.recv()); });
            over = true;
        });
        CHECK(how == support::ending::timeout);
        CHECK(messages.stream().buffered().size() > 4);
    });
}

TEST_CASE("a receive that waits ends when the connection is closed, and none begins afterwards") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<prefixed> messages(std::move(pair.second));
        co_await pair.first.sendall(with_prefix("one") + with_prefix("two") + "\0"s);
        co_await support::expect_frame(messages, "one");
        std::optional<coax::io_error> error;
        const auto wait = [&]() -> coax::task<> {
            co_await support::expect_frame(messages, "two");
            error = co_await support::recv_error(messages);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(wait());
            co_await support::round_trip();
            messages.close();
        });
        REQUIRE(error);
        CHECK(error->code() == std::errc::bad_file_descriptor);
        error = co_await support::recv_error(messages);
        REQUIRE(error);
        CHECK(error->code() == std::errc::bad_file_descriptor);
    });
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<prefixed> messages(std::move(pair.second));
        co_await pair.first.sendall(with_prefix("one") + with_prefix("two"));
        co_await support::expect_frame(messages, "one");
        messages.close();
        const std::optional<coax::io_error> error = co_await support::recv_error(messages);
        REQUIRE(error);
        CHECK(error->code() == std::errc::bad_file_descriptor);
    });
}

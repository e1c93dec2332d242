// Frames that are sent: whole, one after the other, as they are read.
#include "support/catch.hpp"
#include "support/framing.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::string_literals;
using coax::framed;
using coax::stream_errc;
using support::prefixed;
using support::with_prefix;

TEST_CASE("a frame goes out as one, in however many pieces it is given") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        framed<prefixed> messages(std::move(made.client));
        co_await messages.send("hello");
        co_await messages.send("");
        co_await messages.send("a", ""s, std::vector<std::byte>(2), std::string_view("b"), "");
        messages.shutdown(coax::shutdown_how::write);
        co_await support::expect_bytes(made.server, with_prefix("hello") + with_prefix("") + with_prefix("a\0\0b"s));
    });
}

TEST_CASE("frames of every codec go out as they are read") {
    support::run([]() -> coax::task<> {
        const auto check = [](auto codec, std::string expected) -> coax::task<> {
            coax::socket_pair pair = coax::socketpair();
            framed messages(std::move(pair.first), std::move(codec));
            co_await messages.send("he", "llo");
            messages.close();
            co_await support::expect_bytes(pair.second, expected);
        };
        co_await check(coax::length_prefix<std::uint16_t, std::endian::little>(), "\x05\0hello"s);
        co_await check(coax::varint_prefix(), "\x05hello");
        co_await check(coax::delimiter("END"), "helloEND");
        co_await check(coax::line(), "hello\n");
        co_await check(coax::line(coax::line_ending::crlf), "hello\r\n");
        co_await check(coax::fixed_size(5), "hello");
        co_await check(coax::octet_count(), "5 hello");
        co_await check(support::netstring(), "5:hello,");
    });
}

TEST_CASE("a frame is sent from several pieces by a source that takes two") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed messages(support::plain_source(std::move(pair.first)), support::netstring());
        co_await messages.send("he", "", "llo");
        co_await messages.send("");
        co_await messages.send("x");
        CHECK(messages.source().sends == 3);
        messages.close();
        co_await support::expect_bytes(pair.second, "5:hello,0:,1:x,");
    });
}

TEST_CASE("a frame that could not be read is refused before anything of it goes out, without harm") {
    support::run([]() -> coax::task<> {
        const auto check = [](auto codec, std::string refused, stream_errc why) -> coax::task<> {
            coax::socket_pair pair = coax::socketpair();
            const std::string_view text = refused;
            framed messages(std::move(pair.first), std::move(codec), {.max_frame = 1000});
            co_await messages.send("hello");
            bool thrown = false;
            try {
                co_await messages.send(text.substr(0, text.size() / 2), text.substr(text.size() / 2));
            } catch (const coax::frame_error& error) {
                thrown = true;
                CHECK(error.code() == why);
                CHECK(error.operation() == coax::operation_name::frame_send);
                CHECK(error.transferred() == 0);
            }
            CHECK(thrown);
            co_await messages.send("world");
            messages.close();
            framed other(std::move(pair.second), messages.codec());
            const std::vector<std::string> heard = co_await support::all_frames(other);
            CHECK(heard == std::vector<std::string>{"hello", "world"});
        };
        co_await check(prefixed(), std::string(1001, 'x'), stream_errc::frame_too_long);
        co_await check(coax::length_prefix<std::uint8_t>(), std::string(256, 'x'), stream_errc::frame_too_long);
        co_await check(coax::line(), "a\nb", stream_errc::frame_malformed);
        co_await check(coax::line(), "ab\r", stream_errc::frame_malformed);
        co_await check(coax::delimiter("\r\n"), "\r\n", stream_errc::frame_malformed);
        co_await check(coax::fixed_size(5), "four", stream_errc::frame_malformed);
        co_await check(coax::octet_count(), "", stream_errc::frame_malformed);
    });
}

TEST_CASE("frames go out in the order in which they were sent") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<prefixed> messages(std::move(pair.first));
        const std::size_t before = co_await support::fill(messages.source());
        std::vector<support::send_outcome> outcomes(20);
        std::vector<std::string> expected;
        for (std::size_t index = 0; index < outcomes.size(); ++index)
            expected.push_back(std::to_string(index) + std::string(index * 100, 'x'));
        std::vector<std::string> heard;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::size_t index = 0; index < outcomes.size(); ++index)
                group.spawn(support::note_send(messages, expected[index], outcomes[index]));
            co_await support::read(pair.second, before);
            framed<prefixed> other(std::move(pair.second));
            for (std::size_t count = 0; count < outcomes.size(); ++count)
                heard.emplace_back((co_await other.recv())->text());
        });
        CHECK(heard == expected);
    });
}

TEST_CASE("a hundred senders at once never mix") {
    const bool plain = GENERATE(false, true);
    constexpr std::size_t senders = 100;
    constexpr std::size_t rounds = 20;
    const auto session = [&](auto source, coax::socket peer) -> coax::task<> {
        framed messages(std::move(source), prefixed());
        framed<prefixed> other(std::move(peer));
        const auto work = [&](std::size_t name) -> coax::task<> {
            std::mt19937 random(static_cast<std::uint32_t>(name));
            for (std::size_t round = 0; round < rounds; ++round) {
                const std::string head = std::to_string(name) + ' ' + std::to_string(round) + ' ';
                const std::string body(random() % 5000, static_cast<char>(name));
                co_await messages.send(head, body, "");
                if (random() % 8 == 0)
                    co_await coax::yield();
            }
        };
        std::vector<std::size_t> next(senders);
        std::size_t wrong = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::size_t name = 0; name < senders; ++name)
                group.spawn(work(name));
            for (std::size_t count = 0; count < senders * rounds; ++count) {
                const std::string text((co_await other.recv())->text());
                const std::size_t first = text.find(' ');
                const std::size_t second = text.find(' ', first + 1);
                const std::size_t name = std::stoul(text.substr(0, first));
                const std::size_t round = std::stoul(text.substr(first + 1, second - first - 1));
                wrong += name < senders && round == next[name]++ ? 0 : 1;
                wrong += text.find_first_not_of(static_cast<char>(name), second + 1) == std::string::npos ? 0 : 1;
            }
        });
        CHECK(wrong == 0);
    };
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        if (plain)
            co_await session(support::plain_source(std::move(made.client)), std::move(made.server));
        else
            co_await session(std::move(made.client), std::move(made.server));
    });
}

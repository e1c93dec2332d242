// Sending on a stream: all the forms of bytes, short sends, order, and what a send that fails says.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("sending nothing is fine and sends nothing") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const std::size_t none = co_await made.client.send("");
        CHECK(none == 0);
        const std::size_t no_span = co_await made.client.send(std::span<const std::byte>());
        CHECK(no_span == 0);
        co_await made.client.sendall("");
        co_await made.client.sendall("", "", "");
        co_await made.client.sendall("", "only this", "");
        made.client.shutdown(coax::shutdown_how::write);
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard == "only this");
    });
}

TEST_CASE("anything made of bytes can be sent, and a character array counts as its string") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const char array[16] = "array";
        const char* const pointer = "pointer";
        const std::string string = "string";
        const std::string_view view = "view";
        const std::vector<std::byte> bytes(3, std::byte{'b'});
        const std::array<unsigned char, 2> octets{'o', 'o'};
        const std::byte native[2] = {std::byte{'n'}, std::byte{'n'}};

        co_await made.client.sendall("literal");
        co_await made.client.sendall(array);
        co_await made.client.sendall(pointer);
        co_await made.client.sendall(string);
        co_await made.client.sendall(view);
        co_await made.client.sendall(bytes);
        co_await made.client.sendall(std::span(bytes).first(1));
        co_await made.client.sendall(octets);
        co_await made.client.sendall(native);
        co_await made.client.sendall(coax::bytes_view(string.data(), 2));
        co_await made.client.sendall(string, "+", view, bytes, octets);
        made.client.shutdown(coax::shutdown_how::write);
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard == "literalarraypointerstringviewbbbboonnst"
                       "string+viewbbboo");
    });
}

TEST_CASE("a received chunk can be sent as it is") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall("there and back");
        const coax::chunk data = co_await made.server.recv(64);
        co_await made.server.sendall(data);
        co_await made.server.sendall(data, " ", data);
        const std::string heard = co_await support::read(made.client, 43);
        CHECK(heard == "there and backthere and back there and back");
    });
}

TEST_CASE("send may be short, and says exactly how much it took") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const std::string sent = support::pattern(16 << 20);
        // As much as fits without anybody reading.
        std::size_t taken = 0;
        made.client.settimeout(0s);
        for (int i = 0; i < 1000 && taken < sent.size(); ++i) {
            const auto outcome = co_await coax::as_result(made.client.send(std::string_view(sent).substr(taken)));
            if (!outcome) {
                CHECK(outcome.error() == std::errc::operation_would_block);
                CHECK(outcome.error().transferred() == 0);
                break;
            }
            REQUIRE(*outcome > 0);
            taken += *outcome;
        }
        CHECK(taken > 0);
        CHECK(taken < sent.size());
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == taken);
        CHECK(support::same_up_to(heard, sent) == taken);
    });
}

TEST_CASE("sends with flags arrive like the others") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::size_t first = co_await made.client.send("a", coax::message_flags::more);
        CHECK(first == 1);
        co_await made.client.sendall("b", coax::message_flags::more);
        co_await made.client.sendall(coax::message_flags::more, "c", "d");
        co_await made.client.sendall("e", coax::message_flags::dont_route);
        const std::string heard = co_await support::read(made.server, 5);
        CHECK(heard == "abcde");
    });
}

TEST_CASE("several pieces go out as one sendall, however large they are") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        made.client.setsockopt(coax::option::send_buffer_size, 8192);
        const std::string a = support::pattern(300'001, 1);
        const std::string b = support::pattern(1, 2);
        const std::string c = support::pattern(70'000, 3);
        const std::string d = support::pattern(500'000, 4);
        const std::string whole = a + b + c + d + "tail";
        std::string heard;
        const auto writer = [&]() -> coax::task<> {
            co_await made.client.sendall(a, b, "", c, d, "tail");
            made.client.shutdown(coax::shutdown_how::write);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            heard = co_await support::read_to_end(made.server);
        });
        CHECK(heard.size() == whole.size());
        CHECK(support::same_up_to(heard, whole) == whole.size());
    });
}

TEST_CASE("the order of ten thousand queued sends is kept") {
    constexpr std::uint32_t count = 10'000;
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.setsockopt(coax::option::send_buffer_size, 4096);
        std::string heard;
        const auto writer = [&](std::uint32_t number) -> coax::task<> {
            char bytes[sizeof number];
            std::memcpy(bytes, &number, sizeof number);
            if (number % 3 == 0)
                co_await made.client.sendall(coax::bytes_view(bytes, 2), coax::bytes_view(bytes + 2, 2));
            else
                co_await made.client.sendall(coax::bytes_view(bytes, sizeof bytes));
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::uint32_t i = 0; i < count; ++i)
                group.spawn(writer(i));
            heard = co_await support::read(made.server, count * sizeof(std::uint32_t));
        });
        REQUIRE(heard.size() == count * sizeof(std::uint32_t));
        std::uint32_t in_place = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            std::uint32_t number = 0;
            std::memcpy(&number, heard.data() + i * sizeof number, sizeof number);
            in_place += number == i ? 1 : 0;
        }
        CHECK(in_place == count);
    });
}

TEST_CASE("large sendalls of several tasks never interleave") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    constexpr std::size_t each = 400'000;
    constexpr int tasks = 6;
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        made.client.setsockopt(coax::option::send_buffer_size, 65'536);
        const auto writer = [&](int number) -> coax::task<> {
            const std::string text(each / 2, static_cast<char>('a' + number));
            if (number % 2 == 0)
                co_await made.client.sendall(text + text);
            else
                co_await made.client.sendall(text, text);
        };
        std::string heard;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < tasks; ++i)
                group.spawn(writer(i));
            heard = co_await support::read(made.server, each * tasks);
        });
        std::string expected;
        for (int i = 0; i < tasks; ++i)
            expected += std::string(each, static_cast<char>('a' + i));
        CHECK(heard.size() == expected.size());
        CHECK(support::same_up_to(heard, expected) == expected.size());
    });
}

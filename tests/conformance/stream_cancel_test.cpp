// Streams that are cut short by timeouts and cancellations: the next call goes on, and no byte is lost or comes twice.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/wire.hpp"

#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using support::ending;
using support::taken;
using support::wire;
using support::wire_end;

namespace {

/// Lets what `make()` gives wait, and cuts it short, by a timeout or by a cancellation.
template <class Make>
coax::task<ending> cut_short(Make make, bool by_timeout) {
    ending how = ending::none;
    const auto attempt = [&](coax::cancel_scope& scope) -> coax::task<> {
        const auto strike = [&]() -> coax::task<> {
            co_await support::round_trip();
            scope.cancel();
        };
        const auto limited = [&]() -> coax::task<bool> {
            static_cast<void>(co_await coax::with_timeout(1ms, make()));
            co_return true;
        };
        if (by_timeout)
            co_await support::note(limited, how);
        else
            co_await coax::when_all(support::note(make, how), strike());
    };
    co_await coax::with_cancel_scope(attempt);
    co_return how;
}

/// So many bytes of the write had been taken over when it was cut short.
template <class Write>
coax::task<std::size_t> taken_over(Write write, bool by_timeout) {
    std::size_t count = std::string::npos;
    const auto attempt = [&]() -> coax::task<> {
        try {
            co_await write();
        } catch (const coax::cancelled& cut) {
            count = cut.transferred();
            throw;
        }
    };
    const ending how = co_await cut_short(attempt, by_timeout);
    CHECK(how == (by_timeout ? ending::timeout : ending::cancelled));
    co_return count;
}

} // namespace

TEST_CASE("every read goes on after it was cut short") {
    const bool by_timeout = GENERATE(true, false);
    const ending expected = by_timeout ? ending::timeout : ending::cancelled;
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream from(std::move(pair.first), {.buffer_size = 20});
        std::byte memory[8];
        std::string text;
        ending how = ending::none;
        const auto send = [&](std::string_view bytes) { return pair.second.sendall(bytes); };

        how = co_await cut_short([&] { return from.read(5); }, by_timeout);
        CHECK(how == expected);
        how = co_await cut_short([&] { return from.readinto(memory); }, by_timeout);
        CHECK(how == expected);
        how = co_await cut_short([&] { return from.fill(); }, by_timeout);
        CHECK(how == expected);
        co_await send("half a li");
        how = co_await cut_short([&] { return from.readline(); }, by_timeout);
        CHECK(how == expected);
        CHECK(from.buffered().text() == "half a li");
        how = co_await cut_short([&] { return from.fill(); }, by_timeout);
        CHECK(how == expected);
        co_await send("ne\nhalf\r");
        text = co_await taken(from.readline());
        CHECK(text == "half a line\n");
        how = co_await cut_short([&] { return from.readuntil("\r\n"); }, by_timeout);
        CHECK(how == expected);
        co_await send("\n1234");
        text = co_await taken(from.readuntil("\r\n"));
        CHECK(text == "half\r\n");
        how = co_await cut_short([&] { return from.readexactly(8); }, by_timeout);
        CHECK(how == expected);
        // The caller's memory has them for a while, and gives them back.
        how = co_await cut_short([&] { return from.readexactly(memory); }, by_timeout);
        CHECK(how == expected);
        co_await send("5678");
        how = co_await cut_short([&] { return from.readexactly(9); }, by_timeout);
        CHECK(how == expected);
        co_await from.readexactly(memory);
        CHECK(support::text_of(memory) == "12345678");
        CHECK(from.buffered().empty());
    });
}

TEST_CASE("a read into memory whose coroutine is destroyed gives the bytes back") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream from(std::move(pair.first));
        std::byte memory[8];
        const auto wait = [](coax::stream& on, std::span<std::byte> into) -> support::destructible {
            co_await on.readexactly(into);
        };
        support::destructible victim = wait(from, memory);
        co_await pair.second.sendall("1234");
        co_await support::round_trip();
        victim.destroy();
        const std::string text = co_await taken(from.read(8));
        CHECK(text == "1234");
    });
}

TEST_CASE("every write goes on after it was cut short") {
    const bool by_timeout = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        wire_end end;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 8});
        std::size_t count = 0;
        co_await to.write("1234");
        const std::string second = "abcdefghij";
        // Cut in what an earlier call wrote, and then in the bytes of this one.
        end.room = 3;
        count = co_await taken_over([&] { return to.write(second); }, by_timeout);
        CHECK(count == 0);
        end.room = 4;
        count = co_await taken_over([&] { return to.write(second); }, by_timeout);
        CHECK(count == 3);
        CHECK(end.sent == "1234abc");
        end.room = std::string::npos;
        co_await to.write(coax::bytes_view(std::string_view(second).substr(count)));
        co_await to.write("!");
        end.room = 2;
        count = co_await taken_over([&] { return to.flush(); }, by_timeout);
        CHECK(count == 2);
        count = co_await taken_over([&] { return to.flush(); }, by_timeout);
        CHECK(count == 0);
        end.room = std::string::npos;
        co_await to.flush();
        CHECK(end.sent == "1234" + second + "!");
    });
}

TEST_CASE("a timeout says how much of a write was taken over") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.room = 6;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 8});
        co_await to.write("1234");
        const auto outcome = co_await coax::as_result(coax::with_timeout(1ms, to.write("abcdefghij")));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error() == std::errc::timed_out);
        CHECK(outcome.error().transferred() == 2);
    });
}

TEST_CASE("a writer that is cut short while it waits for its turn has written nothing") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.room = 0;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 2});
        const auto first = [&]() -> coax::task<> { co_await to.write("first"); };
        const auto second = [&]() -> coax::task<> {
            const std::size_t count = co_await taken_over([&] { return to.write("2"); }, true);
            CHECK(count == 0);
            end.room = std::string::npos;
            end.more_room.set();
        };
        co_await coax::when_all(first(), second());
        co_await to.flush();
        CHECK(end.sent == "first");
    });
}

TEST_CASE("a stream whose sending coroutine was destroyed says that it is broken") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.room = 2;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 0});
        const auto wait = [](coax::basic_stream<wire>& on) -> support::destructible { co_await on.write("text"); };
        wait(to).destroy();
        const auto outcome = co_await coax::as_result(to.write("more"));
        CHECK(support::code_of(outcome) == coax::stream_errc::broken_stream);
    });
}

TEST_CASE("numbered lines arrive whole although every call may be cut short") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        coax::stream server(std::move(pair.server), {.buffer_size = 50});
        coax::stream client(std::move(pair.client), {.write_buffer_size = 100});
        constexpr int lines = 20'000;
        std::size_t cut = 0;
        const auto pour = [&]() -> coax::task<> {
            std::mt19937 random(1);
            for (int number = 0; number < lines; ++number) {
                const std::string line = std::to_string(number) + std::string(random() % 120, ' ') + '\n';
                std::string_view rest = line;
                while (!rest.empty()) {
                    const auto limit = std::chrono::nanoseconds(random() % 3'000);
                    const auto written = co_await coax::as_result(coax::with_timeout(limit, client.write(rest)));
                    rest.remove_prefix(written ? rest.size() : written.error().transferred());
                }
                if (random() % 64 == 0)
                    co_await coax::sleep_for(50us);
            }
            co_await client.flush();
            client.shutdown(coax::shutdown_how::write);
        };
        const auto check = [&]() -> coax::task<> {
            std::mt19937 random(2);
            int next = 0;
            bool in_order = true;
            for (bool open = true; open;) {
                const auto limit = std::chrono::nanoseconds(random() % 30'000);
                const auto line = co_await coax::as_result(coax::with_timeout(limit, server.readline()));
                if (!line) {
                    ++cut;
                    continue;
                }
                open = static_cast<bool>(*line);
                in_order = in_order && (!open || line->text().substr(0, line->text().find_first_of(" \n")) ==
                                                     std::to_string(next++));
            }
            CHECK(in_order);
            CHECK(next == lines);
        };
        co_await coax::when_all(pour(), check());
        CHECK(cut > 20); // how many is a matter of speed
    });
}

namespace {

/// Everything a stream can wait for, against an echo.
coax::task<> stream_session() {
    coax::socket_pair pair = coax::socketpair();
    coax::stream client(std::move(pair.first), {.buffer_size = 5, .write_buffer_size = 6});
    const auto echo = [&]() -> coax::task<> {
        coax::stream server = pair.second.makefile();
        while (const coax::slice line = co_await server.readline()) {
            co_await server.write(coax::bytes_view(line.text()));
            co_await server.flush();
        }
        server.shutdown(coax::shutdown_how::write);
    };
    const auto ask = [&]() -> coax::task<> {
        std::byte memory[7];
        for (int round = 0; round < 2; ++round) {
            co_await client.write("one ");
            co_await client.write("two three\n");
            const std::string until = co_await taken(client.readuntil(" t"));
            CHECK(until == "one t");
            co_await client.readexactly(memory);
            CHECK(support::text_of(memory) == "wo thre");
            const std::string rest = co_await taken(client.readline());
            CHECK(rest == "e\n");
            co_await client.write("short\n");
            co_await client.flush();
            const std::string exact = co_await taken(client.readexactly(6));
            CHECK(exact == "short\n");
        }
        client.shutdown(coax::shutdown_how::write);
        const coax::slice end = co_await client.read(1);
        CHECK_FALSE(end);
    };
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(echo());
        co_await ask();
    });
}

} // namespace

TEST_CASE("a session of streams can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return stream_session(); }, when) > 15);
}

// Buffered writes: what goes out when, what is copied, whose turn it is, and what a failure leaves.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"
#include "support/wire.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

using support::ending;
using support::wire;
using support::wire_end;

TEST_CASE("small writes are held back until they are flushed or too many") {
    support::run([]() -> coax::task<> {
        wire_end end;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 8});
        co_await to.flush();
        co_await to.write("");
        co_await to.write("1234");
        co_await to.write("5678");
        CHECK(end.sends.empty());
        // What does not fit goes out behind what is there, in one send and without being copied.
        const std::string large = "9";
        co_await to.write(large);
        CHECK(end.sent == "123456789");
        REQUIRE(end.sends.size() == 1);
        REQUIRE(end.sends[0].size() == 2);
        CHECK(end.sends[0][1].data == large.data());
        co_await to.write("abc");
        co_await to.flush();
        CHECK(end.sent == "123456789abc");
        REQUIRE(end.sends.size() == 2);
        CHECK(end.sends[1].size() == 1);
        co_await to.flush();
        CHECK(end.sends.size() == 2);
    });
}

TEST_CASE("without a write buffer every write goes out by itself") {
    support::run([]() -> coax::task<> {
        wire_end end;
        wire source(end);
        coax::basic_stream<wire&> to(source, {.write_buffer_size = 0});
        const std::string text = "text";
        co_await to.write(text);
        co_await to.write(text);
        CHECK(end.sent == "texttext");
        REQUIRE(end.sends.size() == 2);
        CHECK(end.sends[1].size() == 1);
        CHECK(end.sends[1][0].data == text.data());
    });
}

TEST_CASE("what is not flushed is dropped with the stream") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        {
            coax::stream to(std::move(pair.first));
            co_await to.write("flushed");
            co_await to.flush();
            co_await to.write("not flushed");
        }
        const std::string heard = co_await support::read_to_end(pair.second);
        CHECK(heard == "flushed");
    });
}

TEST_CASE("a failed write says how many of its own bytes were taken over") {
    struct example {
        std::size_t room;       // that many bytes go out
        std::size_t taken_over; // so many of the second write's
    };
    const example given =
        GENERATE(example{0, 0}, example{3, 0}, example{4, 0}, example{5, 1}, example{11, 7}, example{13, 9});
    support::run([given]() -> coax::task<> {
        wire_end end;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 8});
        co_await to.write("1234");
        end.room = given.room;
        end.failure = std::make_error_code(std::errc::connection_reset);
        const std::string second = "abcdefghij";
        const auto outcome = co_await coax::as_result(to.write(second));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error() == std::errc::connection_reset);
        CHECK(outcome.error().transferred() == given.taken_over);
        // The connection recovers, and the caller goes on with the rest.
        end.room = std::string::npos;
        co_await to.write(coax::bytes_view(std::string_view(second).substr(given.taken_over)));
        co_await to.flush();
        CHECK(end.sent == "1234" + second);
    });
}

TEST_CASE("a failed flush says how much went out and can be called again") {
    support::run([]() -> coax::task<> {
        wire_end end;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 8});
        co_await to.write("12345678");
        end.room = 5;
        end.failure = std::make_error_code(std::errc::no_buffer_space);
        const auto outcome = co_await coax::as_result(to.flush());
        CHECK(support::code_of(outcome) == std::errc::no_buffer_space);
        CHECK(outcome.error().transferred() == 5);
        end.room = std::string::npos;
        // The room that was freed is used, although it is at the front.
        co_await to.write("abcd");
        CHECK(end.sends.size() == 1);
        co_await to.flush();
        CHECK(end.sent == "12345678abcd");
    });
}

TEST_CASE("behind a failure that does not say how much went out nothing is sent") {
    support::run([]() -> coax::task<> {
        wire_end end;
        coax::basic_stream to(wire{end}, {.write_buffer_size = 8});
        co_await to.write("12345678");
        end.room = 5;
        end.speechless = true;
        bool failed = false;
        try {
            co_await to.flush();
        } catch (const std::runtime_error&) {
            failed = true;
        }
        CHECK(failed);
        end.room = std::string::npos;
        end.speechless = false;
        const auto flushed = co_await coax::as_result(to.flush());
        CHECK(support::code_of(flushed) == coax::stream_errc::broken_stream);
        const auto written = co_await coax::as_result(to.write("9"));
        CHECK(support::code_of(written) == coax::stream_errc::broken_stream);
        CHECK(end.sent == "12345");
    });
}

TEST_CASE("writers take turns in the order in which they came, and do not mix") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.first.setsockopt(coax::option::send_buffer_size, 16 * 1024); // a write has to wait
        coax::stream to(std::move(pair.first), {.write_buffer_size = 100});
        constexpr std::size_t size = 300'000;
        const auto writer = [&](char name) -> coax::task<> {
            const std::string mine(size, name);
            co_await to.write(mine);
            // Small ones have to wait for their turn as well.
            co_await to.write(std::string(10, static_cast<char>(name - 'a' + 'A')));
        };
        const auto finish = [&]() -> coax::task<> {
            co_await coax::when_all(writer('a'), writer('b'), writer('c'));
            co_await to.flush();
            to.close();
        };
        std::string heard;
        const auto listen = [&]() -> coax::task<> { heard = co_await support::read_to_end(pair.second); };
        co_await coax::when_all(finish(), listen());
        std::string expected;
        for (const char name : {'a', 'b', 'c'})
            expected += std::string(size, name);
        for (const char name : {'A', 'B', 'C'})
            expected += std::string(10, name);
        CHECK(support::same_up_to(heard, expected) == expected.size());
        CHECK(heard.size() == expected.size());
    });
}

TEST_CASE("a second reader is refused, one reader and writers are not") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream one(std::move(pair.first));
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            const coax::slice line = co_await one.readline();
            heard = line.text();
        };
        const auto others = [&]() -> coax::task<> {
            std::string why;
            std::byte memory[4];
            const auto note = [&](coax::task<> read) -> coax::task<> {
                why.clear();
                try {
                    co_await std::move(read);
                } catch (const std::logic_error& error) {
                    why = error.what();
                }
            };
            const auto drop = [](auto read) -> coax::task<> { static_cast<void>(co_await std::move(read)); };
            co_await note(drop(coax::task<coax::slice>(one.readline())));
            CHECK(why == "coax: readline: another task reads from this stream");
            co_await note(drop(coax::task<coax::slice>(one.readexactly(0))));
            CHECK(why == "coax: readexactly: another task reads from this stream");
            co_await note(one.readexactly(memory));
            CHECK(why == "coax: readexactly: another task reads from this stream");
            co_await note(drop(one.readinto(memory)));
            CHECK(why == "coax: read: another task reads from this stream");
            co_await note(drop(one.fill()));
            CHECK(why == "coax: read: another task reads from this stream");
            co_await one.write("to the other end");
            co_await one.flush();
            const std::string arrived = co_await support::read(pair.second, 16);
            CHECK(arrived == "to the other end");
            co_await pair.second.sendall("line\n");
        };
        co_await coax::when_all(reader(), others());
        CHECK(heard == "line\n");
        // The turn was given back.
        co_await pair.second.sendall("next\n");
        const std::string next = co_await support::taken(one.readline());
        CHECK(next == "next\n");
    });
}

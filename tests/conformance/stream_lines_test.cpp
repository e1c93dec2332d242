// Lines and separators: found wherever receives split them, within strict limits.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/wire.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

using support::taken;
using support::wire;
using support::wire_end;

TEST_CASE("a separator is found wherever it is split") {
    const std::string separator = GENERATE("\n", "\r\n", "--end--", "aab");
    const std::string text = "first" + separator + separator + "aaa" + separator + "rest";
    for (std::size_t first = 1; first < text.size(); ++first) {
        for (std::size_t second = first; second < text.size(); ++second) {
            INFO(separator << " split at " << first << " and " << second);
            support::run([&]() -> coax::task<> {
                wire_end end;
                end.input = {text.substr(0, first)};
                if (second != first)
                    end.input.push_back(text.substr(first, second - first));
                end.input.push_back(text.substr(second));
                coax::basic_stream from(wire{end});
                std::string heard[3];
                for (std::string& each : heard) {
                    if (separator == "\n")
                        each = co_await taken(from.readline());
                    else
                        each = co_await taken(from.readuntil(separator));
                }
                CHECK(heard[0] == "first" + separator);
                CHECK(heard[1] == separator);
                CHECK(heard[2] == "aaa" + separator);
                const std::string rest = co_await taken(from.readexactly(4));
                CHECK(rest == "rest");
            });
        }
    }
}

TEST_CASE("the last line may lack its end, what a separator has to end may not") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.input = {"one\n\nla", "st"};
        coax::basic_stream lines(wire{end});
        std::string text;
        text = co_await taken(lines.readline());
        CHECK(text == "one\n");
        text = co_await taken(lines.readline());
        CHECK(text == "\n");
        const coax::slice last = co_await lines.readline();
        CHECK(last);
        CHECK(last.text() == "last");
        for (int round = 0; round < 2; ++round) {
            const coax::slice none = co_await lines.readline();
            CHECK_FALSE(none);
        }

        wire_end other;
        other.input = {"one;tw", "o"};
        coax::basic_stream parts(wire{other});
        text = co_await taken(parts.readuntil(";"));
        CHECK(text == "one;");
        const auto cut = co_await coax::as_result(parts.readuntil(";"));
        REQUIRE_FALSE(cut);
        CHECK(cut.error() == coax::stream_errc::incomplete_read);
        CHECK(cut.error().peer() == coax::address("192.0.2.1", 7));
        try {
            cut.error().raise();
        } catch (const coax::incomplete_read_error& error) {
            CHECK(support::text_of(error.partial()) == "two");
            CHECK(error.expected() == 0);
            CHECK(error.operation() == coax::operation_name::readuntil);
        }
        const coax::slice none = co_await parts.readuntil(";");
        CHECK_FALSE(none);
    });
}

TEST_CASE("a limit counts the separator, and is kept however the bytes come") {
    // The whole at once, byte by byte, and with the separator split.
    const std::size_t piece = GENERATE(as<std::size_t>(), 100, 1, 4);
    support::run([&]() -> coax::task<> {
        const std::string text = "123\r\n4567\r\n";
        wire_end end;
        for (std::size_t at = 0; at < text.size(); at += piece)
            end.input.push_back(text.substr(at, piece));
        coax::basic_stream from(wire{end});
        std::string heard = co_await taken(from.readuntil("\r\n", 5));
        CHECK(heard == "123\r\n");
        const auto over = co_await coax::as_result(from.readuntil("\r\n", 5));
        REQUIRE_FALSE(over);
        CHECK(over.error() == coax::stream_errc::limit_overrun);
        CHECK(over.error().operation() == coax::operation_name::readuntil);
        try {
            over.error().raise();
        } catch (const coax::limit_overrun_error& error) {
            CHECK(error.limit() == 5);
            CHECK(std::string(error.what()).find("192.0.2.1:7: no separator within the limit") != std::string::npos);
        }
        // All of it is still there.
        const auto again = co_await coax::as_result(from.readline(5));
        CHECK(support::code_of(again) == coax::stream_errc::limit_overrun);
        heard = co_await taken(from.readline(6));
        CHECK(heard == "4567\r\n");
    });
}

TEST_CASE("a line without an end costs no more memory than its limit and one receive") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream from(std::move(pair.second), {.buffer_size = 1000});
        const std::string endless(1 << 20, 'x');
        const auto pour = [&]() -> coax::task<> { co_await pair.first.sendall(endless); };
        const auto check = [&]() -> coax::task<> {
            const auto line = co_await coax::as_result(from.readline(10'000));
            CHECK(support::code_of(line) == coax::stream_errc::limit_overrun);
            CHECK(from.buffered().size() >= 10'000);
            CHECK(from.buffered().size() < 30'000);
            from.close();
        };
        co_await coax::when_all(support::error_of(pour()), check());
    });
}

TEST_CASE("an empty separator is refused") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.input = {"text"};
        coax::basic_stream from(wire{end});
        bool refused = false;
        try {
            static_cast<void>(co_await from.readuntil(""));
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused);
        const std::string text = co_await taken(from.read(4));
        CHECK(text == "text");
    });
}

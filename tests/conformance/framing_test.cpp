// Frames that are received: whole or not at all, and in order.
#include "support/catch.hpp"
#include "support/framing.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_literals;
using coax::framed;
using coax::stream_errc;
using support::prefixed;
using support::with_prefix;

static_assert(coax::byte_stream<support::plain_source>);
static_assert(coax::frame_codec<support::netstring>);
static_assert(!coax::detail::gathers<support::plain_source, 3>);
static_assert(coax::detail::gathers<coax::socket, 3>);

namespace {

/// Sends bytes one by one, each on its own, and then the end.
coax::task<> dribble(coax::socket& to, std::string_view bytes) {
    for (const char& byte : bytes) {
        co_await to.sendall(coax::bytes_view(&byte, 1));
        co_await coax::yield();
    }
    to.shutdown(coax::shutdown_how::write);
}

coax::task<> pour(coax::socket& to, std::string_view bytes) {
    co_await to.sendall(bytes);
    to.shutdown(coax::shutdown_how::write);
}

template <class Codec>
void check_heard_over(coax::family family, bool one_by_one, Codec codec, const std::string& wire,
                      const std::vector<std::string>& expected, stream_errc end) {
    INFO(support::name_of(family) << (one_by_one ? ", one by one" : ", at once"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const coax::address peer = made.server.getpeername();
        framed messages(std::move(made.server), codec, {.max_frame = 1000});
        std::vector<std::string> frames;
        std::optional<coax::io_error> error;
        const auto listen = [&]() -> coax::task<> {
            try {
                while (const std::optional<coax::frame> got = co_await messages.recv())
                    frames.emplace_back(got->text());
            } catch (const coax::frame_error& failed) {
                error = failed;
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(listen());
            co_await (one_by_one ? &dribble : &pour)(made.client, wire);
        });
        CHECK(frames == expected);
        if (end == stream_errc()) {
            CHECK_FALSE(error);
            co_return;
        }
        REQUIRE(error);
        CHECK(error->code() == end);
        CHECK(error->operation() == coax::operation_name::frame_recv);
        CHECK(error->peer() == peer);
        // It stays like this.
        const std::optional<coax::io_error> again = co_await support::recv_error(messages);
        REQUIRE(again);
        CHECK(again->code() == end);
    });
}

/// What is heard of these bytes, all at once and one by one, over every family.
template <class Codec>
void check_heard(Codec codec, const std::string& wire, const std::vector<std::string>& expected, stream_errc end = {}) {
    for (const coax::family family : support::families()) {
        for (const bool one_by_one : {false, true})
            check_heard_over(family, one_by_one, codec, wire, expected, end);
    }
}

} // namespace

TEST_CASE("frames arrive, and the end between two of them is a clean one") {
    check_heard(prefixed(), with_prefix("hello") + with_prefix("") + with_prefix("world"), {"hello", "", "world"});
}

TEST_CASE("a stream without a frame ends cleanly") { check_heard(prefixed(), "", {}); }

TEST_CASE("a stream that ends in a header is truncated") {
    check_heard(prefixed(), with_prefix("hello") + "\0\0\0"s, {"hello"}, stream_errc::frame_truncated);
}

TEST_CASE("a stream that ends in a body is truncated") {
    check_heard(prefixed(), with_prefix("hello") + with_prefix("world").substr(0, 8), {"hello"},
                stream_errc::frame_truncated);
}

TEST_CASE("a stream that ends between header and body is truncated") {
    check_heard(prefixed(), "\0\0\0\x01"s, {}, stream_errc::frame_truncated);
}

TEST_CASE("a frame that is too long ends what can be heard, also what is behind it") {
    // 1001 bytes are announced.
    check_heard(prefixed(), with_prefix("hello") + "\0\0\x03\xe9"s + with_prefix("world"), {"hello"},
                stream_errc::frame_too_long);
}

TEST_CASE("lengths of the other order are those") {
    check_heard(coax::length_prefix<std::uint32_t, std::endian::little>(), "\x05\0\0\0hello\0\0\0\0"s, {"hello", ""});
    check_heard(coax::length_prefix<std::uint32_t, std::endian::little>(), "\0\0\0\x05hello"s, {},
                stream_errc::frame_too_long);
}

TEST_CASE("varints, octet counts, fixed sizes and delimiters over connections") {
    check_heard(coax::varint_prefix(), "\x05hello\0"s, {"hello", ""});
    check_heard(coax::varint_prefix(), "\x05hello\x80\0"s, {"hello"}, stream_errc::frame_malformed);
    check_heard(coax::octet_count(), "5 hello5 world", {"hello", "world"});
    check_heard(coax::octet_count(), "5 hello05 world", {"hello"}, stream_errc::frame_malformed);
    check_heard(coax::fixed_size(5), "helloworld", {"hello", "world"});
    check_heard(coax::fixed_size(5), "hellowor", {"hello"}, stream_errc::frame_truncated);
    check_heard(coax::delimiter("END"), "helloENENDENEND", {"helloEN", "EN"});
    check_heard(coax::delimiter("\n"), "hello\nwor", {"hello"}, stream_errc::frame_truncated);
}

TEST_CASE("lines over connections, with either ending and without the last one") {
    check_heard(coax::line(), "hello\r\n\nworld\n", {"hello", "", "world"});
    check_heard(coax::line(), "hello\nlast", {"hello", "last"});
    check_heard(coax::line(), "hello\n" + std::string(1001, 'x'), {"hello"}, stream_errc::frame_too_long);
}

TEST_CASE("a thousand frames arrive") {
    std::vector<std::string> frames;
    const std::string wire = support::thousand(frames);
    check_heard(prefixed(), wire, frames);
}

TEST_CASE("a codec of one's own is as good as any") {
    check_heard(support::netstring(), "5:hello,0:,5:world,", {"hello", "", "world"});
    check_heard(support::netstring(), "5:hello,5:world;", {"hello"}, stream_errc::frame_malformed);
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<support::netstring> one(std::move(pair.first));
        framed<support::netstring> other(std::move(pair.second));
        co_await one.send("he", "llo");
        const std::optional<coax::frame> got = co_await other.recv();
        REQUIRE(got);
        CHECK(got->text() == "hello");
    });
}

TEST_CASE("a codec that finds what is not there does no harm") {
    struct liar : prefixed {
        coax::decoded decode(std::span<const std::byte>, std::size_t) const { return lie; }
        coax::decoded lie = coax::decoded::need(0);
    };
    support::run([]() -> coax::task<> {
        for (const coax::decoded lie :
             {coax::decoded::found(0, 0, 0), coax::decoded::found(0, 4, 0), coax::decoded::found(0, 1, 5),
              coax::decoded::found(3, 2, 4), coax::decoded::found(5, 0, 4),
              coax::decoded::found(1, std::size_t{0} - 1, 4)}) {
            coax::socket_pair pair = coax::socketpair();
            co_await pair.first.sendall("abcd");
            liar codec;
            codec.lie = lie;
            framed messages(std::move(pair.second), codec);
            bool refused = false;
            try {
                static_cast<void>(co_await messages.recv());
            } catch (const std::logic_error&) {
                refused = true;
            }
            CHECK(refused);
        }
    });
}

TEST_CASE("frames that arrive together lie where they arrived") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<prefixed> messages(std::move(pair.second));
        co_await pair.first.sendall(with_prefix("hello") + with_prefix("") + with_prefix("world"));
        const std::optional<coax::frame> first = co_await messages.recv();
        const std::byte* const place = first->data();
        const std::optional<coax::frame> second = co_await messages.recv();
        const std::optional<coax::frame> third = co_await messages.recv();
        CHECK(second->data() == place + 5 + 4);
        CHECK(third->data() == place + 5 + 4 + 4);
        CHECK(third->text() == "world");
    });
}

TEST_CASE("a second receiver is refused and does the first no harm") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<prefixed> messages(std::move(pair.second));
        std::string heard;
        const auto wait = [&]() -> coax::task<> { heard = (co_await messages.recv())->text(); };
        bool refused = false;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(wait());
            try {
                static_cast<void>(co_await messages.recv());
            } catch (const std::logic_error&) {
                refused = true;
            }
            co_await pair.first.sendall(with_prefix("first"));
        });
        CHECK(refused);
        CHECK(heard == "first");
    });
}

TEST_CASE("what is no frame can be read before and after those that are") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<coax::line> lines(std::move(pair.second));
        co_await pair.first.sendall("HELLO one\nDATA 5\nab\ncdrest");
        const coax::slice hello = co_await lines.stream().readexactly(6);
        CHECK(hello.text() == "HELLO ");
        co_await support::expect_frame(lines, "one");
        co_await support::expect_frame(lines, "DATA 5");
        const coax::slice data = co_await lines.stream().readexactly(5);
        CHECK(data.text() == "ab\ncd");
        pair.first.close();
        co_await support::expect_frame(lines, "rest");
        const std::optional<coax::frame> end = co_await lines.recv();
        CHECK_FALSE(end);
    });
}

TEST_CASE("frames that are moved go on where they were") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed first(std::move(pair.second), coax::delimiter("END"));
        co_await pair.first.sendall("oneENDtwoE");
        co_await support::expect_frame(first, "one");
        const support::ending how = co_await support::ending_of([&] { return coax::with_timeout(0s, first.recv()); });
        CHECK(how == support::ending::timeout);
        framed second = std::move(first);
        co_await pair.first.sendall("ND");
        co_await support::expect_frame(second, "two");
        coax::socket_pair other = coax::socketpair();
        framed third(std::move(other.second), coax::delimiter(";"));
        third = std::move(second);
        co_await pair.first.sendall("threeEND");
        co_await support::expect_frame(third, "three");
    });
}

TEST_CASE("frames over a source of one's own, which is referred to") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        support::plain_source source(std::move(pair.second));
        framed<coax::line, support::plain_source&> lines(source);
        CHECK(&lines.source() == &source);
        co_await lines.send("hello ", "world");
        co_await lines.send("");
        lines.shutdown(coax::shutdown_how::write);
        CHECK(source.sends == 2);
        const std::string sent = co_await support::read_to_end(pair.first);
        CHECK(sent == "hello world\n\n");
        co_await pair.first.sendall("one\ntwo\n");
        pair.first.close();
        const std::vector<std::string> heard = co_await support::all_frames(lines);
        CHECK(heard == std::vector<std::string>{"one", "two"});
    });
}

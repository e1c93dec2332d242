// Buffered streams: every way to read, over sockets and over a byte stream of one's own.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using support::wire;
using support::wire_end;

static_assert(coax::byte_stream<coax::socket> && coax::byte_stream<wire>);
static_assert(std::is_nothrow_move_constructible_v<coax::stream> && std::is_nothrow_move_assignable_v<coax::stream>);

namespace {

/// Reads to the end by calls of random kinds and sizes.
template <class Stream>
coax::task<std::string> read_somehow(Stream& from, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::string heard;
    std::string memory(600, '\0');
    for (bool open = true; open;) {
        const std::size_t size = random() % memory.size();
        const auto into = support::writable(memory).first(size);
        try {
            switch (random() % 7) {
            case 0: {
                const coax::slice some = co_await from.read(size);
                heard += some.text();
                open = static_cast<bool>(some);
                break;
            }
            case 1: {
                const coax::slice all = co_await from.readexactly(size);
                heard += all.text();
                break;
            }
            case 2:
                co_await from.readexactly(into);
                heard += support::text_of(into);
                break;
            case 3: {
                const std::size_t got = co_await from.readinto(into);
                heard += support::text_of(into.first(got));
                break;
            }
            case 4: {
                const coax::slice line = co_await from.readline(size);
                heard += line.text();
                open = static_cast<bool>(line);
                break;
            }
            case 5: {
                const coax::slice part = co_await from.readuntil(random() % 2 == 0 ? "\r\n" : "abab", size);
                heard += part.text();
                open = static_cast<bool>(part);
                break;
            }
            default:
                co_await from.fill();
                heard += from.buffered().text().substr(0, size);
                from.consume(size);
            }
        } catch (const coax::incomplete_read_error& error) {
            heard += support::text_of(error.partial());
        } catch (const coax::limit_overrun_error&) {
        }
    }
    co_return heard;
}

/// A text in which the separators of `read_somehow` come often.
std::string random_text(std::size_t size, std::mt19937& random) {
    constexpr std::string_view letters = "abab\r\nc";
    std::string text(size, '\0');
    for (char& c : text)
        c = letters[random() % letters.size()];
    return text;
}

} // namespace

TEST_CASE("reads of any kind give the bytes that were sent, in order") {
    for (std::uint32_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        support::run([&]() -> coax::task<> {
            std::mt19937 random(seed);
            const std::string text = random_text(random() % 5000, random);
            wire_end end;
            end.input = support::pieces_of(text, 1 + random() % 300, random);
            const coax::stream_options options{.buffer_size = random() % 200};
            if (seed % 2 == 0) {
                coax::basic_stream owner(wire(end), options);
                const std::string heard = co_await read_somehow(owner, seed);
                CHECK(heard == text);
                CHECK(owner.at_eof());
            } else {
                wire source(end);
                coax::basic_stream<wire&> user(source, options);
                const std::string heard = co_await read_somehow(user, seed);
                CHECK(heard == text);
                CHECK(&user.source() == &source);
            }
        });
    }
}

TEST_CASE("a mebibyte goes each way at once") {
    const auto family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        coax::stream client(std::move(pair.client));
        coax::stream server(std::move(pair.server));
        const auto pour = [](coax::stream& to, std::uint32_t seed) -> coax::task<> {
            std::mt19937 random(seed);
            const std::string text = support::pattern(1 << 20, seed);
            for (const std::string& piece : support::pieces_of(text, 1 + random() % 20'000, random))
                co_await to.write(piece);
            co_await to.flush();
            to.shutdown(coax::shutdown_how::write);
        };
        const auto check = [](coax::stream& from, std::uint32_t seed) -> coax::task<> {
            const std::string heard = co_await read_somehow(from, seed);
            const std::string text = support::pattern(1 << 20, seed);
            CHECK(heard.size() == text.size());
            CHECK(support::same_up_to(heard, text) == text.size());
        };
        co_await coax::when_all(pour(client, 1), pour(server, 2), check(server, 1), check(client, 2));
    });
}

TEST_CASE("a read gives what is there") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream from(std::move(pair.second));
        co_await pair.first.sendall("hello");
        std::string text;
        const coax::slice none = co_await from.read(0);
        CHECK(none);
        CHECK(none.empty());
        text = co_await support::taken(from.read(2));
        CHECK(text == "he");
        text = co_await support::taken(from.read(100));
        CHECK(text == "llo");
        CHECK_FALSE(from.at_eof());
        pair.first.close();
        for (int round = 0; round < 2; ++round) {
            const coax::slice end = co_await from.read(100);
            CHECK_FALSE(end);
        }
        CHECK(from.at_eof());
        CHECK_FALSE(from.buffered());
    });
}

TEST_CASE("an exact read that the end cuts short gives what there was") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        coax::stream from(std::move(pair.client));
        co_await pair.server.sendall("1234567");
        pair.server.shutdown(coax::shutdown_how::write);
        std::string text;
        text = co_await support::taken(from.readexactly(4));
        CHECK(text == "1234");
        const auto cut = co_await coax::as_result(from.readexactly(4));
        REQUIRE_FALSE(cut);
        CHECK(cut.error() == coax::stream_errc::incomplete_read);
        CHECK(cut.error().operation() == coax::operation_name::readexactly);
        CHECK(cut.error().peer() == from.getpeername());
        try {
            cut.error().raise();
        } catch (const coax::incomplete_read_error& error) {
            CHECK(support::text_of(error.partial()) == "567");
            CHECK(error.expected() == 4);
            CHECK(std::string(error.what()).find("the stream ended too early") != std::string::npos);
        }
        // Nothing at all is too little as well, and no announced size costs memory.
        try {
            static_cast<void>(co_await from.readexactly(std::numeric_limits<std::size_t>::max()));
            FAIL("there was nothing to read");
        } catch (const coax::incomplete_read_error& error) {
            CHECK(error.partial().empty());
        }
        std::byte memory[3];
        const auto none = co_await coax::as_result(from.readexactly(memory));
        CHECK(support::code_of(none) == coax::stream_errc::incomplete_read);
        const std::size_t size = co_await from.readinto(memory);
        CHECK(size == 0);
        const coax::slice empty = co_await from.readexactly(0);
        CHECK(empty.empty());
    });
}

TEST_CASE("a read into the caller's memory receives straight into it") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.input = {"abcd", "efghij", "kl"};
        coax::basic_stream from(wire{end});
        std::byte memory[10];
        std::size_t size = 0;
        std::string text;
        size = co_await from.readinto(memory);
        CHECK(size == 4);
        CHECK(support::text_of(std::span(memory).first(4)) == "abcd");
        text = co_await support::taken(from.read(1));
        CHECK(text == "e");
        CHECK(end.receives_into_memory == 1);
        co_await from.readexactly(std::span(memory).first(6));
        CHECK(support::text_of(std::span(memory).first(6)) == "fghijk");
        CHECK(end.receives_into_memory == 2);
        CHECK(from.buffered().empty());
        size = co_await from.readinto({});
        CHECK(size == 0);
        size = co_await from.readinto(memory);
        CHECK(size == 1);
        size = co_await from.readinto(memory);
        CHECK(size == 0);
        CHECK(from.at_eof());
    });
}

TEST_CASE("what lies in one piece is not copied") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.input = {"one\ntwo\nthr", "ee\nfour\n"};
        coax::basic_stream from(wire{end}, {.buffer_size = 100});
        const coax::slice one = co_await from.readline();
        CHECK(one.data() == static_cast<const void*>(end.taken.front().data()));
        const coax::slice two = co_await from.readexactly(4);
        CHECK(two.data() == one.data() + 4);
        CHECK(end.receives_into_memory == 0);
        std::string text;
        text = co_await support::taken(from.readline());
        CHECK(text == "three\n");
        CHECK(end.receives_into_memory == 1);
        text = co_await support::taken(from.readline());
        CHECK(text == "four\n");
        const coax::slice none = co_await from.readline();
        CHECK_FALSE(none);
        CHECK(end.asked == std::vector<std::size_t>{100, 100});
    });
}

TEST_CASE("a stream that waits with nothing unread holds no buffer") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream from(std::move(pair.second));
        co_await pair.first.sendall("some");
        std::string text;
        text = co_await support::taken(from.read(100));
        CHECK(text == "some");
        const auto wait = [&]() -> coax::task<> {
            text = co_await support::taken(from.readline());
            CHECK(text == "line\n");
        };
        const auto look = [&]() -> coax::task<> {
            co_await support::round_trip();
            CHECK(coax::scheduler::current().stats().buffers_leased == 0);
            co_await pair.first.sendall("line\n");
        };
        co_await coax::when_all(wait(), look());
    });
}

TEST_CASE("a parser can look at what is buffered and ask for more") {
    support::run([]() -> coax::task<> {
        wire_end end;
        end.input = {"abc", "def"};
        coax::basic_stream from(wire{end});
        CHECK(from.buffered());
        CHECK(from.buffered().empty());
        bool more = false;
        more = co_await from.fill();
        CHECK(more);
        CHECK(from.buffered().text() == "abc");
        from.consume(2);
        more = co_await from.fill();
        CHECK(more);
        CHECK(from.buffered().text() == "cdef");
        more = co_await from.fill();
        CHECK_FALSE(more);
        CHECK(from.buffered());
        from.consume(100);
        CHECK(from.at_eof());
    });
}

TEST_CASE("a stream can be moved with what it has buffered") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::stream one(std::move(pair.first));
        co_await pair.second.sendall("first\nsecond\nthird");
        std::string text;
        text = co_await support::taken(one.readline());
        CHECK(text == "first\n");
        co_await one.write("kept");
        coax::stream other(std::move(one));
        text = co_await support::taken(other.readline());
        CHECK(text == "second\n");
        coax::stream last((coax::socket()));
        last = std::move(other);
        text = co_await support::taken(last.readexactly(5));
        CHECK(text == "third");
        co_await last.flush();
        text = co_await support::read(pair.second, 4);
        CHECK(text == "kept");
        // One that was moved from stands on no socket.
        const std::error_code error = co_await support::error_from([&] { return other.read(1); });
        CHECK(error == std::errc::bad_file_descriptor);
    });
}

namespace {

/// A layer of one's own: every byte is turned round, chunks are its own, and it says good-bye before it ends its direction.
class inverting {
public:
    explicit inverting(coax::socket under) noexcept : under_(std::move(under)) {}

    coax::task<coax::chunk> recv(std::size_t size) {
        coax::chunk given = coax::chunk::allocate(size);
        const std::size_t count = co_await under_.recv(std::span(given.begin(), given.size()));
        if (count == 0)
            co_return coax::chunk();
        given.truncate(count);
        invert(std::span(given.begin(), given.size()));
        co_return given;
    }
    coax::task<std::size_t> recv(std::span<std::byte> into) {
        const std::size_t count = co_await under_.recv(into);
        invert(into.first(count));
        co_return count;
    }
    coax::task<> sendall(coax::bytes_view bytes) { return send_inverted(bytes, coax::bytes_view()); }
    coax::task<> sendall(coax::bytes_view first, coax::bytes_view second) { return send_inverted(first, second); }
    coax::task<> shutdown(coax::shutdown_how how) {
        co_await sendall("bye");
        under_.shutdown(how);
    }
    void close() { under_.close(); }
    coax::address getpeername() const { return under_.getpeername(); }

private:
    static void invert(std::span<std::byte> bytes) {
        for (std::byte& one : bytes)
            one = ~one;
    }
    coax::task<> send_inverted(coax::bytes_view first, coax::bytes_view second) {
        std::string turned(static_cast<const char*>(first.data()), first.size());
        turned.append(static_cast<const char*>(second.data()), second.size());
        invert(support::writable(turned));
        co_await under_.sendall(turned);
    }

    coax::socket under_;
};
static_assert(coax::byte_stream<inverting>);

} // namespace

TEST_CASE("a layer of one's own gives chunks, and may await what it sends before the end") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        coax::basic_stream<inverting> here(inverting(std::move(made.client)));
        coax::basic_stream<inverting> there(inverting(std::move(made.server)));
        co_await here.write("hello\n");
        co_await here.flush();
        const coax::slice line = co_await there.readline();
        CHECK(line.text() == "hello\n");
        co_await here.shutdown(coax::shutdown_how::write);
        const coax::slice last = co_await there.readline();
        CHECK(last.text() == "bye");
        const coax::slice end = co_await there.readline();
        CHECK_FALSE(static_cast<bool>(end));
    });
}

// PROXY headers taken from connections: in whatever pieces they come, exactly their bytes, and no waiting for what is none.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
const std::string short_line = "PROXY UNKNOWN\r\n";
const coax::address line_source("192.0.2.1", 56324);
const coax::address line_destination("198.51.100.2", 443);

std::string binary(std::string_view rest, char command = '\x21', char family = '\x11') {
    std::string made("\r\n\r\n\0\r\nQUIT\n", 12);
    made += command;
    made += family;
    made += static_cast<char>(rest.size() >> 8);
    made += static_cast<char>(rest.size());
    return made += rest;
}

const std::string inet("\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb", 12);

/// With an extension that makes the header longer than any line.
std::string large(std::size_t size) {
    std::string extension = "\x04";
    extension += static_cast<char>(size >> 8);
    extension += static_cast<char>(size);
    return binary(inet + extension + support::pattern(size));
}

std::vector<std::string> headers() {
    return {
        line,      short_line, "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n", binary(inet), binary("", '\x20', 0),
        large(300)};
}

/// Sends the text in pieces, each of which has arrived, and has been looked at, before the next one is sent.
coax::task<> send_in_pieces(coax::socket& to, std::string text, std::size_t size) {
    for (std::size_t at = 0; at < text.size(); at += size) {
        co_await to.sendall(std::string_view(text).substr(at, size));
        co_await support::round_trip();
    }
}

coax::task<std::error_code> header_error(coax::socket& from, coax::proxy_options options = {}) {
    const auto outcome = co_await coax::as_result(coax::read_proxy_header(from, options));
    co_return support::code_of(outcome);
}

} // namespace

TEST_CASE("a PROXY header is taken from the connection, and what follows stays") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        for (const std::string& header : headers()) {
            support::connection made = co_await support::connected(family);
            co_await made.client.sendall(header, "first ", "second");
            const coax::proxy_header said = co_await coax::read_proxy_header(made.server);
            CHECK(said.local == (header[12] == '\x20'));
            const bool named = !said.local && !header.starts_with("PROXY UNKNOWN");
            CHECK(said.source == (named ? line_source : coax::address()));
            CHECK(said.destination == (named ? line_destination : coax::address()));
            const std::string next = co_await support::read(made.server, 12);
            CHECK(next == "first second");
        }
    });
}

TEST_CASE("a PROXY header comes in pieces of any size") {
    const std::size_t size = GENERATE(as<std::size_t>(), 1, 2, 3, 7, 15, 16, 40, 106, 107, 108, 200);
    support::run([&]() -> coax::task<> {
        for (const std::string& header : headers()) {
            INFO("pieces of " << size << " of " << header.size());
            support::connection made = co_await support::connected(coax::family::inet);
            coax::address source;
            std::string next;
            const auto reader = [&]() -> coax::task<> {
                const coax::proxy_header said = co_await coax::read_proxy_header(made.server);
                source = said.source;
                next = co_await support::read_to_end(made.server);
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                co_await send_in_pieces(made.client, header + "what follows", size);
                made.client.close();
            });
            CHECK(source == (header == line || header[13] == '\x11' ? line_source : coax::address()));
            CHECK(next == "what follows");
        }
    });
}

TEST_CASE("waiting for the rest of a PROXY header is waiting") {
    support::run([]() -> coax::task<> {
        for (const std::string& header : headers()) {
            support::connection made = co_await support::connected(coax::family::inet);
            bool done = false;
            const auto reader = [&]() -> coax::task<> {
                static_cast<void>(co_await coax::read_proxy_header(made.server));
                done = true;
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                co_await made.client.sendall(std::string_view(header).substr(0, header.size() - 1));
                co_await support::round_trip();
                const auto before = coax::scheduler::current().stats().operations;
                for (int i = 0; i < 50; ++i)
                    co_await support::round_trip();
                // A round trip is a receive and a send. The reader may have some to begin before it waits.
                CHECK(coax::scheduler::current().stats().operations - before <= 2 * 50 + 5);
                CHECK_FALSE(done);
                co_await made.client.sendall(std::string_view(header).substr(header.size() - 1));
            });
            CHECK(done);
        }
    });
}

TEST_CASE("a connection that ends within the PROXY header is proxy_truncated") {
    support::run([]() -> coax::task<> {
        for (const std::string& header : headers()) {
            for (std::size_t size = 0; size < header.size(); size += size < 48 ? 1 : 50) {
                INFO(size << " bytes of " << header.size());
                support::connection made = co_await support::connected(coax::family::inet);
                co_await made.client.sendall(std::string_view(header).substr(0, size));
                made.client.shutdown(coax::shutdown_how::write);
                const std::error_code code = co_await header_error(made.server);
                CHECK(code == coax::stream_errc::proxy_truncated);
            }
        }
    });
}

TEST_CASE("what is no PROXY header is refused at once, although the peer says no more") {
    const std::string other_port = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 0443\r\n";
    const std::string forged = binary(inet + std::string("\x03\0\x04\0\0\0\0", 7));
    const std::string text =
        GENERATE_COPY(std::string("G"), "PROXY TCP4 192.0.2.1\n", other_port, binary(inet, '\x22'),
                      binary(inet.substr(1)), forged, std::string(200, 'P'), "PROXY UNKNOWN" + std::string(94, ' '));
    support::run([&]() -> coax::task<> {
        for (const std::size_t size : {text.size(), std::size_t{1}}) {
            support::connection made = co_await support::connected(coax::family::inet);
            std::error_code code;
            const auto reader = [&]() -> coax::task<> { code = co_await header_error(made.server); };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                co_await send_in_pieces(made.client, text, size);
            });
            CHECK(code == coax::stream_errc::proxy_malformed);
        }
    });
}

TEST_CASE("errors of PROXY headers name the peer that sent them") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const coax::address client = made.client.getsockname();
        co_await made.client.sendall("GET / HTTP/1.1\r\n");
        try {
            static_cast<void>(co_await coax::read_proxy_header(made.server));
            FAIL("there is no header");
        } catch (const coax::io_error& error) {
            CHECK(error.code() == coax::stream_errc::proxy_malformed);
            CHECK(error.operation() == coax::operation_name::proxy_header);
            CHECK(error.peer() == client);
            CHECK(std::string(error.what()) ==
                  "PROXY header " + client.to_string() + ": the bytes are no PROXY protocol header");
        }
        // None of it was taken.
        const std::string still = co_await support::read(made.server, 5);
        CHECK(still == "GET /");
    });
}

TEST_CASE("how long a PROXY header may be is the program's choice") {
    support::run([]() -> coax::task<> {
        for (const std::size_t limit : {std::size_t{4096}, std::size_t{65551}}) {
            const std::string header = large(limit - 16 - inet.size() - 3);
            REQUIRE(header.size() == limit);
            support::connection made = co_await support::connected(coax::family::inet);
            coax::address source;
            const auto reader = [&]() -> coax::task<> {
                const coax::proxy_header said = co_await coax::read_proxy_header(made.server, {.max_size = limit});
                source = said.source;
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(reader());
                co_await made.client.sendall(header, "rest");
            });
            CHECK(source == line_source);
            const std::string rest = co_await support::read(made.server, 4);
            CHECK(rest == "rest");

            support::connection refused = co_await support::connected(coax::family::inet);
            co_await refused.client.sendall(std::string_view(header).substr(0, 16));
            const std::error_code code = co_await header_error(refused.server, {.max_size = limit - 1});
            CHECK(code == coax::stream_errc::proxy_malformed);
        }
    });
}

TEST_CASE("failures of the receive and limits of time pass through the reading of a PROXY header") {
    support::run([]() -> coax::task<> {
        support::connection slow = co_await support::connected(coax::family::inet);
        co_await slow.client.sendall("PROXY ");
        const auto limited = [&] { return coax::with_timeout(5ms, coax::read_proxy_header(slow.server)); };
        const support::ending how = co_await support::ending_of(limited);
        CHECK(how == support::ending::timeout);

        coax::socket none;
        const std::error_code closed = co_await header_error(none);
        CHECK(closed == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a reset in the middle of a PROXY header is reported as that", "[reset]") {
    support::run([]() -> coax::task<> {
        support::connection gone = co_await support::connected(coax::family::inet);
        co_await gone.client.sendall("PROXY ");
        const auto first = co_await coax::as_result(gone.server.recv(1, coax::message_flags::peek));
        CHECK(first.has_value());
        support::reset(gone.client);
        const std::error_code code = co_await header_error(gone.server);
        CHECK(code == std::errc::connection_reset);
    });
}

TEST_CASE("a cancelled reading of a PROXY header leaves nothing behind") {
    const support::strike when = GENERATE(support::strike::before, support::strike::after);
    const auto session = []() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(send_in_pieces(made.client, line, 20));
            static_cast<void>(co_await coax::read_proxy_header(made.server));
        });
    };
    CHECK(support::cancel_at_every_checkpoint(session, when) > 5);
}

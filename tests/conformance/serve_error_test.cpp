// What a server says of its connections, and whom it tells.
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

/// What the scheduler's handler is told.
struct suppressed {
    std::vector<std::string> texts;

    void operator()(std::exception_ptr error) {
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::exception& failure) {
            texts.emplace_back(failure.what());
        }
    }
};

enum class leaving { reset, in_the_middle, too_slow, while_sent_to };

coax::task<> leave(coax::socket client, leaving how) {
    switch (how) {
    case leaving::reset:
        support::reset(client);
        break;
    case leaving::in_the_middle:
        co_await client.sendall("half");
        break;
    case leaving::too_slow:
        co_await support::read_to_end(client);
        break;
    case leaving::while_sent_to:
        co_await client.sendall("all of it\n");
        client.close();
        break;
    }
}

} // namespace

TEST_CASE("without on_error nobody is told that a peer has left, or was too slow") {
    const leaving how = GENERATE(leaving::reset, leaving::in_the_middle, leaving::too_slow, leaving::while_sent_to);
    suppressed told;
    int ended = 0;
    const auto session = [&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        const auto talk = [&](coax::socket conn) -> coax::task<> {
            coax::stream file = conn.makefile();
            if (how == leaving::too_slow)
                conn.settimeout(std::chrono::milliseconds(20));
            static_cast<void>(co_await file.readexactly(10));
            const std::string large(1 << 20, 'x');
            for (;;)
                co_await conn.sendall(large);
        };
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            try {
                co_await talk(std::move(conn));
            } catch (const coax::io_error&) {
                ++ended;
                throw;
            }
        };
        const auto body = [&]() -> coax::task<> {
            co_await leave(co_await support::connected_to(name), how);
            co_await support::until([&] { return ended == 1; });
        };
        co_await support::with_server(listener, handler, {}, body);
    };
    support::run(session, {.on_suppressed = told});
    CHECK(ended == 1);
    CHECK(told.texts.empty());
}

TEST_CASE("without on_error the scheduler hears of what is the program's business", "[reset]") {
    suppressed told;
    const auto session = [&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        coax::listener database = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        const coax::address other = database.getsockname();
        // The connection to its database is reset, and not the one to its client.
        const auto handler = [&](coax::socket, coax::address) -> coax::task<> {
            coax::socket query = co_await support::connected_to(other);
            static_cast<void>(co_await query.recv(1));
        };
        const auto body = [&]() -> coax::task<> {
            coax::socket client = co_await support::connected_to(name);
            {
                coax::accepted query = co_await database.accept();
                support::reset(query.conn);
            }
            co_await support::until([&] { return told.texts.size() == 1; });
        };
        co_await support::with_server(listener, handler, {}, body);
    };
    support::run(session, {.on_suppressed = told});
    CHECK(told.texts.size() == 1);
}

TEST_CASE("what on_error throws goes to the scheduler's handler, with what it was told") {
    suppressed told;
    int calls = 0;
    const auto session = [&]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        const auto report = [&](std::exception_ptr, const coax::address&) {
            ++calls;
            throw std::runtime_error("cannot report");
        };
        const auto handler = [](coax::socket, coax::address) -> coax::task<> {
            throw std::runtime_error("as it was told to");
            co_return;
        };
        const auto body = [&]() -> coax::task<> {
            for (int round = 0; round < 2; ++round) {
                coax::socket client = co_await support::connected_to(name);
                co_await support::read_to_end(client);
            }
        };
        co_await support::with_server(listener, handler, {.on_error = report}, body);
    };
    support::run(session, {.on_suppressed = told});
    CHECK(calls == 2);
    CHECK(told.texts ==
          std::vector<std::string>{"as it was told to", "cannot report", "as it was told to", "cannot report"});
}

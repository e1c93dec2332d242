// How a server ends by default: requests under way are finished, idle connections end, and every answer arrives.
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <chrono>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::ending;
using support::scene;

namespace {

/// Answers each line with itself.
coax::task<> answer_lines(coax::socket conn, coax::address) {
    coax::stream lines(std::move(conn));
    while (const auto line = co_await lines.readline())
        co_await lines.source().sendall(line.bytes());
}

} // namespace

TEST_CASE("a draining server ends idle connections, and finishes the requests that have begun") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        scene at(support::any_name(family));
        auto handler = answer_lines;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h}));
            coax::socket idle = co_await support::connected_to(at.name);
            coax::socket busy = co_await support::connected_to(at.name);
            coax::socket silent = co_await support::connected_to(at.name); // has never said anything
            co_await support::echoed(idle, "one\n");
            co_await support::echoed(busy, "one\n");
            co_await busy.sendall("tw");
            co_await support::round_trip();
            at.scope->cancel();
            std::string rest = co_await support::read_to_end(idle);
            CHECK(rest.empty());
            rest = co_await support::read_to_end(silent);
            CHECK(rest.empty());
            co_await coax::sleep_for(50ms);
            CHECK(at.how == ending::none);
            co_await busy.sendall("o\n");
            rest = co_await support::read_to_end(busy);
            CHECK(rest == "two\n");
        });
        CHECK(at.how == ending::cancelled);
        CHECK(at.reported.texts.empty());
    });
}

TEST_CASE("a handler that works on its answer is left alone, and the peer gets it") {
    const auto mode = GENERATE(coax::drain_mode::finish, coax::drain_mode::end_input);
    support::run([&]() -> coax::task<> {
        scene at;
        coax::event computed;
        bool working = false;
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            while (const coax::chunk request = co_await conn.recv(100)) {
                working = true;
                co_await computed.wait();
                co_await conn.sendall("answer");
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h, .drain = mode}));
            coax::socket client = co_await support::connected_to(at.name);
            co_await client.sendall("request");
            co_await support::until([&] { return working; });
            at.scope->cancel();
            co_await coax::sleep_for(300ms); // an idle one would have been ended
            CHECK(at.how == ending::none);
            computed.set();
            const std::string rest = co_await support::read_to_end(client);
            CHECK(rest == "answer");
        });
        CHECK(at.how == ending::cancelled);
        CHECK(at.reported.texts.empty());
    });
}

TEST_CASE("what was answered before the end arrives, although the peer reads slowly and sends once more") {
    const auto mode = GENERATE(coax::drain_mode::finish, coax::drain_mode::end_input);
    const bool lingers = GENERATE(false, true); // by itself, as any server that closes after an answer may
    CAPTURE(mode, lingers);
    support::run([&]() -> coax::task<> {
        scene at;
        int answered = 0;
        const std::string answer(20'000, 'a');
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            while (const coax::chunk request = co_await conn.recv(1)) {
                co_await conn.sendall(answer);
                ++answered;
            }
            if (lingers)
                co_await coax::lingering_close(std::move(conn), support::patience);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h, .drain = mode}));
            coax::socket client(coax::family::inet);
            client.setsockopt(coax::option::receive_buffer_size, 65536);
            co_await client.connect(at.name);
            client.setsockopt(coax::option::no_delay, true);
            for (int request = 0; request < 60; ++request)
                co_await client.sendall("q");
            co_await coax::sleep_for(20ms);
            at.scope->cancel();
            co_await coax::sleep_for(100ms);
            co_await client.sendall("q");
            co_await coax::sleep_for(20ms);
            const std::string got = co_await support::read_to_end(client); // a reset would be thrown
            CHECK(got.size() == answer.size() * static_cast<std::size_t>(answered));
            CHECK(answered >= 60);
        });
        CHECK(at.how == ending::cancelled);
        CHECK(at.reported.texts.empty());
    });
}

TEST_CASE("a peer that asks again and again does not keep a server from ending") {
    support::run([&]() -> coax::task<> {
        scene at;
        auto handler = answer_lines;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h}));
            coax::socket client = co_await support::connected_to(at.name);
            co_await support::echoed(client, "x\n");
            at.scope->cancel();
            const auto begun = steady_clock::now();
            bool goes_on = true;
            while (goes_on && steady_clock::now() - begun < support::patience) {
                const auto sent = co_await coax::as_result(client.sendall("x\n"));
                goes_on = false;
                if (sent) {
                    const auto heard = co_await coax::as_result(client.recv(2));
                    goes_on = heard && *heard;
                }
            }
            CHECK_FALSE(goes_on);
        });
        CHECK(at.how == ending::cancelled);
    });
}

TEST_CASE("a handler that takes serving& learns of the end, and is left alone") {
    support::run([&]() -> coax::task<> {
        scene at;
        int told = 0;
        bool before = true;
        const auto handler = [&](coax::socket conn, coax::address, coax::serving& server) -> coax::task<> {
            before = server.draining();
            co_await conn.sendall("+");
            {
                auto first = co_await coax::when_any(conn.recv(1), server.drain());
                CHECK(first.index == 1);
            }
            told += server.draining() ? 1 : 0;
            co_await server.drain(); // it lasts
            // In the middle of a request, for all that the server knows.
            const coax::chunk rest = co_await conn.recv(4);
            CHECK(rest.text() == "rest");
            co_await conn.sendall("answer");
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h}));
            coax::socket client = co_await support::connected_to(at.name);
            co_await support::read(client, 1);
            CHECK(told == 0);
            at.scope->cancel();
            co_await support::until([&] { return told == 1; });
            co_await coax::sleep_for(400ms); // an idle one would have been ended
            co_await client.sendall("rest");
            const std::string answer = co_await support::read_to_end(client);
            CHECK(answer == "answer");
        });
        CHECK_FALSE(before);
        CHECK(at.how == ending::cancelled);
        CHECK(at.reported.texts.empty());
    });
}

TEST_CASE("what had been received when the end was told is not lost") {
    support::run([&]() -> coax::task<> {
        scene at;
        std::string heard;
        const auto handler = [&](coax::socket conn, coax::address, coax::serving& server) -> coax::task<> {
            co_await conn.sendall("+");
            for (bool more = true; more;) {
                auto first = co_await coax::when_any(conn.recv(100), server.drain());
                auto& [received, drains] = first.slots;
                if (received) {
                    heard += received->text();
                    more = static_cast<bool>(*received);
                } else {
                    more = false;
                }
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h}));
            coax::socket client = co_await support::connected_to(at.name);
            co_await support::read(client, 1);
            co_await client.sendall("last words");
            at.scope->cancel();
            co_await support::read_to_end(client);
        });
        CHECK((heard.empty() || heard == "last words")); // both have happened: whichever the loop saw first
        CHECK(at.how == ending::cancelled);
    });
}

// How a server ends: what becomes of its listener, its connections, and those who are slow.
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;
using support::scene;

namespace {

/// Handlers that count what they receive, and wait for an event at the end.
struct listeners_of_input {
    coax::event may_leave;
    std::string heard;
    int begun = 0;
    int cancelled = 0;
    int left = 0;

    coax::task<> operator()(coax::socket conn, coax::address) {
        ++begun;
        try {
            co_await conn.sendall("+");
            while (const coax::chunk data = co_await conn.recv(100))
                heard += data.text();
            co_await may_leave.wait();
            ++left;
        } catch (const coax::cancelled&) {
            ++cancelled;
            throw;
        }
    }
};

coax::task<coax::socket> greeted(coax::address name) {
    coax::socket client = co_await support::connected_to(name);
    const std::string greeting = co_await support::read(client, 1);
    CHECK(greeting == "+");
    co_return client;
}

} // namespace

TEST_CASE("a cancelled server refuses new clients at once, and goes on with those it has") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        scene at(support::any_name(family));
        listeners_of_input handler;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h, .drain = coax::drain_mode::leave_open}));
            coax::socket client = co_await greeted(at.name);
            at.scope->cancel();
            co_await support::round_trip();
            const bool refused = co_await support::refuses(at.name);
            CHECK(refused);
            CHECK(at.how == ending::none);
            if (family == coax::family::local)
                CHECK_FALSE(std::filesystem::exists(at.name.path()));
            co_await client.sendall("after that");
            client.shutdown(coax::shutdown_how::write);
            handler.may_leave.set();
            const std::string rest = co_await support::read_to_end(client);
            CHECK(rest.empty());
        });
        CHECK(at.how == ending::cancelled);
        CHECK(at.cut);
        CHECK(handler.heard == "after that");
        CHECK(handler.left == 1);
        CHECK(at.reported.texts.empty());
    });
}

TEST_CASE("handlers of a draining server read what has arrived, then the end of the stream") {
    const coax::family family = GENERATE(from_range(support::families()));
    support::run([&]() -> coax::task<> {
        scene at(support::any_name(family));
        std::string heard;
        coax::event go_on;
        const auto handler = [&](coax::socket conn, coax::address) -> coax::task<> {
            co_await conn.sendall("+");
            co_await go_on.wait();
            while (const coax::chunk data = co_await conn.recv(3))
                heard += data.text();
            co_await conn.sendall("bye");
        };
        listeners_of_input waiting;
        waiting.may_leave.set();
        int clients = 0;
        const auto either = [&](coax::socket conn, coax::address peer) {
            return ++clients == 1 ? handler(std::move(conn), peer) : waiting(std::move(conn), peer);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(either, {.drain_timeout = 1h}));
            coax::socket client = co_await greeted(at.name);
            coax::socket other = co_await greeted(at.name); // its handler is in the middle of a receive
            co_await client.sendall("sent before");
            co_await support::round_trip();
            at.scope->cancel();
            co_await support::round_trip();
            go_on.set();
            const std::string rest = co_await support::read_to_end(client);
            CHECK(rest == "bye");
            const std::string nothing = co_await support::read_to_end(other);
            CHECK(nothing.empty());
        });
        CHECK(at.how == ending::cancelled);
        CHECK(heard == "sent before");
        CHECK(waiting.left == 1);
    });
}

TEST_CASE("after the drain_timeout the rest is cancelled, and not before") {
    const auto limit = GENERATE(as<std::chrono::milliseconds>(), 0, 60);
    support::run([&]() -> coax::task<> {
        scene at;
        listeners_of_input handler;
        coax::clock::duration took{};
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = limit}));
            const coax::socket one = co_await greeted(at.name);
            const coax::socket two = co_await greeted(at.name);
            // The time of the turn, from which the limit counts.
            const auto begun = coax::clock::now();
            at.scope->cancel();
            co_await support::until([&] { return at.how != ending::none; });
            took = coax::clock::now() - begun;
        });
        CHECK(took >= limit);
        CHECK(at.how == ending::cancelled);
        CHECK(handler.cancelled == 2);
        CHECK(at.reported.texts.empty()); // it was the server's own doing
    });
}

TEST_CASE("a cancellation from further out ends the draining at once") {
    support::run([&]() -> coax::task<> {
        scene at;
        listeners_of_input handler;
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& outer) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(at.serve(handler, {.drain_timeout = 1h}));
                const coax::socket client = co_await greeted(at.name);
                at.scope->cancel();
                co_await support::round_trip();
                at.scope->cancel(); // the same once more changes nothing
                co_await support::round_trip();
                CHECK(handler.cancelled == 0);
                CHECK(at.how == ending::none);
                outer.cancel();
            });
        });
        CHECK(cut);
        CHECK(handler.cancelled == 1);
        CHECK(at.how == ending::cancelled);
    });
}

TEST_CASE("the end of the run ends a draining server") {
    scene at;
    listeners_of_input handler;
    const auto detached = [&]() -> support::fire_and_forget { co_await at.serve(handler, {.drain_timeout = 1h}); };
    support::run([&]() -> coax::task<> {
        detached();
        const coax::socket client = co_await greeted(at.name);
        at.scope->cancel();
        co_await support::round_trip();
        CHECK(at.how == ending::none);
    });
    CHECK(handler.cancelled == 1);
    CHECK(at.how == ending::cancelled);
}

TEST_CASE("a handler of a draining server that fails is reported") {
    support::run([&]() -> coax::task<> {
        scene at;
        const auto handler = [](coax::socket conn, coax::address) -> coax::task<> {
            co_await conn.sendall("+");
            static_cast<void>(co_await conn.recv(1));
            throw std::runtime_error("while it drained");
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h}));
            const coax::socket client = co_await greeted(at.name);
            at.scope->cancel();
        });
        CHECK(at.reported.texts == std::vector<std::string>{"while it drained"});
        CHECK(at.how == ending::cancelled);
    });
}

// On Windows a listener cannot be shut down.
TEST_CASE("an accept that fails for good drains, and then the error is thrown", "[posix]") {
    support::run([&]() -> coax::task<> {
        scene at;
        listeners_of_input handler;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {.drain_timeout = 1h}));
            const coax::socket client = co_await greeted(at.name);
            at.listener.socket().shutdown(coax::shutdown_how::both); // accept(2) gives EINVAL from now on
            co_await support::until([&] { return !at.listener.is_open(); });
            CHECK(at.how == ending::none);
            SECTION("by itself") { handler.may_leave.set(); }
            SECTION("a cancellation meanwhile leaves it its time, a second one does not") {
                at.scope->cancel();
                co_await support::round_trip();
                CHECK(handler.cancelled == 0);
                handler.may_leave.set();
            }
        });
        CHECK(at.how == ending::error);
        CHECK(handler.left == 1);
    });
}

// A server that runs out of memory: whatever fails, it goes on, says what it lost, and ends as ever.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

namespace {

enum class phase { serving, draining };

struct outcome {
    ending how = ending::none;
    int reported = 0;
    bool all_failed = false; // as many as were to
    bool closed = false;
};

/// A server on a thread of its own, where nothing is in store yet that could be used again.
coax::task<> serve_until(std::atomic<bool>& over, coax::listener& listener, phase when, std::size_t after,
                         std::size_t how_many, outcome& out) {
    auto handler = support::echo;
    const auto report = [&](std::exception_ptr, const coax::address&) { ++out.reported; };
    coax::cancel_scope* server = nullptr;
    const auto serve = [&](coax::cancel_scope& own) -> coax::task<> {
        server = &own;
        co_await support::note(
            [&] {
                return coax::serve(listener, handler,
                                   {.drain_timeout = support::patience,
                                    .idle_timeout = 1h,
                                    .on_error = report,
                                    .drain = coax::drain_mode::end_input});
            },
            out.how);
    };
    const auto in_scope = [&]() -> coax::task<> { co_await coax::with_cancel_scope(serve); };
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(in_scope());
        auto rest = support::until([&] { return over.load(); });
        auto end = support::until([&] { return out.how != ending::none; });
        if (when == phase::serving)
            support::fail_allocations(after, how_many);
        co_await std::move(rest);
        if (when == phase::draining)
            support::fail_allocations(after, how_many);
        server->cancel();
        co_await std::move(end);
        out.all_failed = support::failures_left() == 0;
        support::fail_allocations(0, 0);
    };
    co_await coax::with_task_group(body);
    out.closed = !listener.is_open();
}

constexpr std::size_t many = 20; // what is in store is used up by then

/// Comes until so many connections are served; says how often one was not. Then it waits for the end.
coax::task<> insist(coax::address name, std::atomic<bool>& over, int& lost, std::size_t& served) {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<coax::socket> connections;
    while (served < many && std::chrono::steady_clock::now() - begun < support::patience) {
        coax::socket client(coax::family::inet);
        const auto connected = co_await coax::as_result(client.connect(name));
        if (!connected)
            continue;
        const auto sent = co_await coax::as_result(client.sendall("x"));
        const auto heard = co_await coax::as_result(coax::with_timeout(support::patience, client.recv(1)));
        static_cast<void>(sent);
        if (heard && *heard) {
            ++served;
            connections.push_back(std::move(client));
        } else {
            ++lost;
        }
    }
    over = true;
    for (coax::socket& each : connections)
        static_cast<void>(co_await coax::as_result(each.recv(1)));
}

} // namespace

TEST_CASE("whichever allocation of a server fails, it goes on, and says which connections it lost") {
    const phase when = GENERATE(phase::serving, phase::draining);
    const std::size_t how_many = GENERATE(as<std::size_t>(), 1, 5);
    bool all_failed = true;
    std::size_t after = 0;
    for (; all_failed && after < 400; ++after) {
        CAPTURE(when, how_many, after);
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        std::atomic<bool> over{false};
        outcome out;
        std::thread server(
            [&] { support::run([&] { return serve_until(over, listener, when, after, how_many, out); }); });
        int lost = 0;
        std::size_t served = 0;
        support::run([&] { return insist(name, over, lost, served); });
        server.join();
        CHECK(served == many);
        CHECK(out.how == ending::cancelled);
        CHECK(out.closed);
        CHECK(out.reported >= lost);
        all_failed = out.all_failed;
    }
    CHECK(after < 400);
    CHECK((when == phase::draining || how_many != 1 || after > 1)); // it has come to that
}

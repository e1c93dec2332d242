// A wait that is asked to stop: it stays where a look at the tasks finds it until it has ended, and what it throws has its name.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/threads.hpp"

#include "runtime/wait_description.hpp"

#include <coax/coax.hpp>

#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using coax::operation_name;
using coax::detail::promise_base;
using coax::detail::waiter;
using support::pending;

namespace {

std::size_t waiting() { return coax::scheduler::current().stats().waiting; }

/// What was cut short, as the `cancelled` says that leaves `make()` when its scope is cancelled while it waits, or before.
template <class Make>
coax::task<operation_name> cut_short(Make make, bool before = false) {
    operation_name what = operation_name::none;
    const auto waits = [&]() -> coax::task<> {
        try {
            static_cast<void>(co_await make());
        } catch (const coax::cancelled& cut) {
            what = cut.operation();
        }
    };
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        if (before)
            group.cancel();
        group.spawn(waits());
        group.cancel();
        co_return;
    };
    co_await coax::with_task_group(body);
    co_return what;
}

} // namespace

TEST_CASE("a call on another thread that was cancelled is found in its scope until it is over") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        support::gate gate;
        const auto call = [&] { gate.pass(); };
        const auto work = [&]() -> coax::task<> { co_await coax::to_thread(call); };
        const auto look = [&](const promise_base& opener) {
            const waiter* const wait = opener.surroundings.within->waiters();
            CHECK(wait == pending(operation_name::to_thread));
            REQUIRE(wait != nullptr);
            CHECK(support::steps_up(wait->promise(), self) > 0);
        };
        const auto body = [&](coax::cancel_scope& outer) -> coax::task<> {
            const auto inner = [&](coax::task_group& group) -> coax::task<> {
                const promise_base& own = co_await coax::detail::own_promise();
                group.spawn(work());
                co_await support::until([&] { return gate.arrived() == 1; });
                group.cancel();
                look(own);
                outer.cancel();
                look(own);
                CHECK(support::waits_in_tree() == 1);
                gate.open();
            };
            co_await coax::with_task_group(inner);
        };
        co_await coax::with_cancel_scope(body);
        CHECK(pending(operation_name::to_thread) == nullptr);
        CHECK(waiting() == 0);
    });
}

TEST_CASE("of several calls that were cancelled those are found that have started") {
    support::run([]() -> coax::task<> {
        support::gate gate;
        const auto call = [&] { gate.pass(); };
        const auto work = [&]() -> coax::task<> { co_await coax::to_thread(call); };
        const auto sleep = []() -> coax::task<> { co_await coax::sleep_for(1h); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(work());
            group.spawn(sleep());
            group.spawn(work());
            group.spawn(sleep());
            co_await support::until([&] { return gate.arrived() == 2; });
            CHECK(support::waits_in_tree() == 4);
            group.cancel();
            CHECK(support::waits_in_tree() == 2);
            CHECK(pending(operation_name::sleep) == nullptr);
            gate.open();
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("an operation that was cancelled is found as long as the system has it") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto receive = [&]() -> coax::task<> { static_cast<void>(co_await pair.first.recv(1)); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(receive());
            co_await support::round_trip();
            CHECK(pending(operation_name::recv) != nullptr);
            group.cancel();
            CHECK(support::waits_in_tree() == waiting());
        };
        co_await coax::with_task_group(body);
        CHECK(support::waits_in_tree() == 0);
    });
}

TEST_CASE("a wait on a condition is found while it waits for the mutex, cancelled or notified") {
    const bool notified = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::mutex mutex;
        coax::condition changed(mutex);
        bool went_on = false;
        const auto wait = [&]() -> coax::task<> {
            coax::mutex::guard own = co_await mutex.lock();
            co_await changed.wait(own);
            went_on = true;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(wait());
            coax::mutex::guard held = co_await mutex.lock();
            if (notified)
                changed.notify_one();
            CHECK(support::waits_in_tree() == 1);
            group.cancel();
            CHECK(support::waits_in_tree() == 1);
            CHECK(pending(operation_name::wait) != nullptr);
            held.unlock();
            CHECK(support::waits_in_tree() == 0);
        };
        co_await coax::with_task_group(body);
        CHECK(went_on == notified);
    });
}

TEST_CASE("a wait for a value is found while the news of it are under way") {
    support::run([]() -> coax::task<> {
        coax::one_shot<int> value;
        int got = 0;
        const auto wait = [&]() -> coax::task<> { got = co_await value.get(); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(wait());
            std::thread other([&] { value.set(1); });
            other.join();
            group.cancel();
            CHECK(support::waits_in_tree() == 1);
            CHECK(pending(operation_name::wait) != nullptr);
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(got == 1);
        CHECK(waiting() == 0);
    });
}

TEST_CASE("what a cancelled wait throws says what it was") {
    const bool before = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::event never;
        const operation_name sleep = co_await cut_short([] { return coax::sleep_for(1h); }, before);
        CHECK(sleep == operation_name::sleep);
        const operation_name yield = co_await cut_short([] { return coax::yield(); }, before);
        CHECK(yield == operation_name::yield);
        const operation_name wait = co_await cut_short([&] { return never.wait(); }, before);
        CHECK(wait == operation_name::wait);
        const operation_name signal = co_await cut_short([] { return coax::wait_signal(support::one_signal); }, before);
        CHECK(signal == operation_name::wait_signal);
        const auto in_task = []() -> coax::task<> { co_await coax::with_timeout(1h, coax::sleep_for(1h)); };
        const operation_name limited = co_await cut_short(in_task, before);
        CHECK(limited == operation_name::sleep);
    });
}

TEST_CASE("a server that is cancelled while it waits for room says that it served") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        coax::event never;
        const auto handler = [&](coax::socket, coax::address) -> coax::task<> { co_await never.wait(); };
        const auto serve = [&]() -> coax::task<> {
            co_await coax::serve(listener, handler, {.max_connections = 1, .drain_timeout = 0s});
        };
        operation_name what = operation_name::none;
        const auto note = [&]() -> coax::task<> {
            try {
                co_await serve();
            } catch (const coax::cancelled& cut) {
                what = cut.operation();
            }
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(note());
            coax::socket client(coax::family::inet);
            co_await client.connect(name);
            co_await support::until([] { return pending(operation_name::serve) != nullptr; });
            group.cancel();
        };
        co_await coax::with_task_group(body);
        CHECK(what == operation_name::serve);
    });
}

// What a pending wait says of itself: its operation, its socket, its deadline, and whose it is.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/names.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/serving.hpp"
#include "support/threads.hpp"

#include "net/socket_access.hpp"
#include "runtime/wait_description.hpp"

#include <coax/coax.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coax::operation_name;
using coax::detail::promise_base;
using coax::detail::wait_description;
using coax::detail::waiter;
using support::pending;

namespace {

constexpr std::int64_t never = coax::detail::timer_heap::never;

const coax::detail::descriptor* state(const coax::socket& of) { return coax::detail::socket_access::state(of); }

void nothing() {}

/// What the wait of a task that awaits what `make()` gives says of itself. `end` is called before the wait is cancelled.
template <class Make, class End = void (*)()>
coax::task<wait_description> described(Make make, End end = &nothing) {
    wait_description what;
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        const promise_base* self = nullptr;
        const auto waiting = [&]() -> coax::task<> {
            const promise_base& own = co_await coax::detail::own_promise();
            self = &own;
            static_cast<void>(co_await make());
        };
        group.spawn(waiting());
        const waiter* const wait = self->surroundings.within->waiters();
        REQUIRE(wait != nullptr);
        what = wait->describe();
        CHECK(wait->promise() != nullptr);
        CHECK(support::steps_up(wait->promise(), *self) >= 0);
        end();
        group.cancel();
        co_return;
    };
    co_await coax::with_task_group(body);
    co_return what;
}

std::int64_t now() { return coax::clock::now().time_since_epoch().count(); }
constexpr std::int64_t hour = std::chrono::nanoseconds(1h).count();

std::error_code find_this_machine(const coax::os::name_query&, std::vector<coax::address>& into) {
    into.emplace_back("127.0.0.1", 0);
    return {};
}

std::error_code name_this_machine(const coax::os::address_query&, coax::resolved_name&) { return {}; }

} // namespace

TEST_CASE("an operation of a socket says which it is, and on which socket") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
        std::byte room[1];
        const std::string more_than_fits(32U << 20, 'x');
        const auto is = [](const wait_description& what, operation_name operation, const coax::socket& on) {
            CHECK(what.operation == operation);
            CHECK(what.socket == state(on));
            CHECK(what.deadline == never);
        };
        is(co_await described([&] { return pair.first.recv(room); }), operation_name::recv, pair.first);
        is(co_await described([&] { return pair.first.recv(1); }), operation_name::recv, pair.first);
        is(co_await described([&] { return pair.first.sendall(more_than_fits); }), operation_name::sendall, pair.first);
        const auto occupy = [&]() -> coax::task<> { co_await pair.first.sendall(more_than_fits); };
        const auto behind = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(occupy());
            is(co_await described([&] { return pair.first.send("x"); }), operation_name::send, pair.first);
            group.cancel();
        };
        co_await coax::with_task_group(behind);
        is(co_await described([&] { return listener.accept(); }), operation_name::accept, listener);
        is(co_await described([&] { return datagrams.recvfrom(room); }), operation_name::recvfrom, datagrams);
        is(co_await described([&] { return datagrams.recvfrom(1); }), operation_name::recvfrom, datagrams);
    });
}

TEST_CASE("one that stands behind another on its socket says the same") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto first = [&]() -> coax::task<> { static_cast<void>(co_await pair.first.recv(1)); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(first());
            const wait_description what = co_await described([&] { return pair.first.recv(1); });
            CHECK(what.operation == operation_name::recv);
            CHECK(what.socket == state(pair.first));
            group.cancel();
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("a wait says when its own limit passes, in the turn in which it begins and later") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.first.settimeout(1h);
        const auto receive = [&]() -> coax::task<> { static_cast<void>(co_await pair.first.recv(1)); };
        const auto sleep = []() -> coax::task<> { co_await coax::sleep_for(1h); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            const std::int64_t begun = now();
            group.spawn(receive());
            group.spawn(sleep());
            const waiter& received = *pending(operation_name::recv);
            const waiter& slept = *pending(operation_name::sleep);
            CHECK(received.describe().deadline == begun + hour);
            CHECK(slept.describe().deadline == begun + hour);
            co_await coax::sleep_for(1ms);
            for (const waiter* each : {&received, &slept}) {
                const std::int64_t deadline = each->describe().deadline;
                CHECK(deadline >= begun + hour);
                CHECK(deadline <= now() + hour);
            }
            group.cancel();
        };
        co_await coax::with_task_group(body);
        const auto when = coax::clock::now() + 2h;
        const wait_description until = co_await described([&] { return coax::sleep_until(when); });
        CHECK(until.operation == operation_name::sleep);
        CHECK(until.socket == nullptr);
        CHECK(until.deadline == when.time_since_epoch().count());
    });
}

TEST_CASE("what waits for no socket says what it waits for") {
    support::run([]() -> coax::task<> {
        const auto is = [](const wait_description& what, operation_name operation) {
            CHECK(what.operation == operation);
            CHECK(what.socket == nullptr);
            CHECK(what.deadline == never);
        };
        is(coax::detail::yield_operation().describe(), operation_name::yield);

        coax::mutex mutex;
        coax::mutex::guard held = co_await mutex.lock();
        is(co_await described([&] { return mutex.lock(); }), operation_name::lock);
        coax::condition changed(mutex);
        const auto change = [&]() -> coax::task<> {
            coax::mutex::guard own = co_await mutex.lock();
            co_await changed.wait(own);
        };
        held.unlock();
        is(co_await described(change), operation_name::wait);
        coax::semaphore none(0);
        is(co_await described([&] { return none.acquire(); }), operation_name::acquire);
        is(co_await described([&] { return none.scoped_acquire(); }), operation_name::acquire);
        coax::event happened;
        is(co_await described([&] { return happened.wait(); }), operation_name::wait);
        coax::one_shot<int> value;
        is(co_await described([&] { return value.get(); }), operation_name::wait);
        coax::channel<int> items(0);
        is(co_await described([&] { return items.send(1); }), operation_name::channel_send);
        is(co_await described([&] { return items.recv(); }), operation_name::channel_recv);
        is(co_await described([] { return coax::wait_signal(support::one_signal); }), operation_name::wait_signal);
        coax::signal_set signals(support::one_signal);
        is(co_await described([&] { return signals.wait(); }), operation_name::wait_signal);

        const auto other = [&]() -> coax::task<> { co_await happened.wait(); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            auto handle = group.start(other());
            is(co_await described([&] { return handle.join(); }), operation_name::join);
            group.cancel();
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("a call on another thread says whether it is a lookup") {
    const support::names answer(&find_this_machine);
    const support::names reverse(&name_this_machine);
    support::run([]() -> coax::task<> {
        support::gate gate;
        const auto call = [&] { gate.pass(); };
        const auto open = [&] { gate.open(); };
        const wait_description made = co_await described([&] { return coax::to_thread(call); }, open);
        CHECK(made.operation == operation_name::to_thread);
        const wait_description left =
            co_await described([] { return coax::to_thread(coax::abandon_on_cancel, &nothing); });
        CHECK(left.operation == operation_name::to_thread);
        const wait_description found = co_await described([] { return coax::getaddrinfo("a.example", 1); });
        CHECK(found.operation == operation_name::getaddrinfo);
        const coax::address someone("192.0.2.1", 1);
        const wait_description named = co_await described([&] { return coax::getnameinfo(someone); });
        CHECK(named.operation == operation_name::getnameinfo);
    });
}

TEST_CASE("a server says whether it waits for room or for its last connections") {
    support::run([]() -> coax::task<> {
        const promise_base& self = co_await coax::detail::own_promise();
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        coax::event go_on;
        const auto handler = [&](coax::socket, coax::address) -> coax::task<> { co_await go_on.wait(); };
        const coax::address name = listener.getsockname();
        coax::cancel_scope* serving = nullptr;
        const auto serve = [&](coax::cancel_scope& scope) -> coax::task<> {
            serving = &scope;
            co_await coax::serve(listener, handler, {.max_connections = 1, .drain_timeout = 10s});
        };
        const auto serve_until_cancelled = [&]() -> coax::task<> { co_await coax::with_cancel_scope(serve); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(serve_until_cancelled());
            const coax::socket client = co_await support::connected_to(name);
            co_await support::until([] { return pending(operation_name::serve) != nullptr; });
            const waiter& full = *pending(operation_name::serve);
            CHECK(full.describe().socket == state(listener.socket()));
            CHECK(support::steps_up(full.promise(), self) > 0);
            serving->cancel();
            co_await support::until([] { return pending(operation_name::drain) != nullptr; });
            const waiter& last = *pending(operation_name::drain);
            CHECK(last.describe().deadline <= now() + std::chrono::nanoseconds(10s).count());
            CHECK(support::steps_up(last.promise(), self) > 0);
            const waiter& handling = *pending(operation_name::wait);
            CHECK(support::steps_up(handling.promise(), self) > 0);
            go_on.set();
        };
        co_await coax::with_task_group(body);
    });
}

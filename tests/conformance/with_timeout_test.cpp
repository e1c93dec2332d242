// Limits around anything: what they cut short, what beats them, and which of several nested ones reports.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/many.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;
using support::ending;

namespace {

coax::task<int> after(coax::clock::duration time, int value) {
    co_await coax::sleep_for(time);
    co_return value;
}

/// An awaitable of somebody else's: nothing could end its wait.
struct foreign_awaitable {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

template <class A>
concept limitable = requires(A&& awaitable) { coax::with_timeout(1s, std::forward<A>(awaitable)); };
template <class A>
concept shieldable = requires(A&& awaitable) { coax::shield(std::forward<A>(awaitable)); };

static_assert(limitable<coax::task<int>>);
static_assert(limitable<decltype(coax::sleep_for(1s))>);
static_assert(limitable<decltype(coax::with_timeout(1s, coax::sleep_for(1s)))>);
static_assert(!limitable<coax::task<int>&>, "a task is moved in");
static_assert(!limitable<foreign_awaitable>);
static_assert(!shieldable<foreign_awaitable>);

} // namespace

TEST_CASE("what ends in time gives what it gives, and leaves no deadline behind") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        co_await pair.first.sendall("data");
        const coax::chunk data = co_await coax::with_timeout(10s, pair.second.recv(10));
        CHECK(data.text() == "data");
        const int value = co_await coax::with_timeout(10s, after(1ms, 42));
        CHECK(value == 42);
        int target = 0;
        const auto reference = [&]() -> coax::task<int&> { co_return target; };
        int& got = co_await coax::with_timeout(10s, reference());
        CHECK(&got == &target);
        co_await coax::with_deadline(coax::clock::now() + 10s, coax::yield());
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("the limit of an operation ends it with a timeout_error that names it") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        const coax::clock::time_point start = coax::clock::now();
        std::string what;
        try {
            static_cast<void>(co_await coax::with_timeout(5ms, pair.client.recv(10)));
        } catch (const coax::timeout_error& error) {
            what = error.what();
            CHECK(error.operation() == coax::operation_name::recv);
            CHECK(error.code() == std::errc::timed_out);
            CHECK(error.peer() == pair.server.getsockname());
        }
        CHECK(what.find("recv 127.0.0.1") == 0);
        CHECK(coax::clock::now() - start >= 5ms);
        const auto slept = co_await coax::as_result(coax::with_timeout(1ms, coax::sleep_for(1h)));
        REQUIRE_FALSE(slept);
        CHECK(slept.error().why() == coax::failure::cause::timeout);
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("a timeout says what was waited for, with whom, and which limit it was") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        const std::string peer = pair.server.getsockname().to_string();
        const auto message_of = [](const auto& outcome) {
            return outcome ? std::string("nothing") : outcome.error().message();
        };
        const std::string why = std::make_error_code(std::errc::timed_out).message();
        const auto receive = [&]() -> coax::task<> { static_cast<void>(co_await pair.client.recv(10)); };
        const auto nested = [&]() -> coax::task<> { co_await receive(); };
        // The operation itself, a task that awaits it, a group of such tasks, and branches.
        const auto direct = co_await coax::as_result(coax::with_timeout(2ms, pair.client.recv(10)));
        CHECK(message_of(direct) == "recv " + peer + " (with_timeout 0.002 s): " + why);
        const auto task = co_await coax::as_result(coax::with_timeout(2ms, nested()));
        CHECK(message_of(task) == message_of(direct));
        try {
            co_await coax::with_timeout(2ms, nested());
        } catch (const coax::timeout_error& error) {
            CHECK(error.what() == message_of(direct));
            CHECK(error.operation() == coax::operation_name::recv);
            CHECK(error.peer() == pair.server.getsockname());
        }
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(receive);
            co_return;
        };
        const auto group = co_await coax::as_result(coax::with_timeout(2ms, coax::with_task_group(body)));
        CHECK(message_of(group) == message_of(direct));
        const auto all = co_await coax::as_result(
            coax::with_timeout(2ms, coax::when_all(pair.client.recv(10), coax::sleep_for(1h))));
        CHECK(message_of(all) == message_of(direct));
        const auto any = co_await coax::as_result(
            coax::with_timeout(2ms, coax::when_any(pair.client.recv(10), coax::sleep_for(1h))));
        CHECK(message_of(any) == message_of(direct));
        const auto deadline =
            co_await coax::as_result(coax::with_deadline(coax::clock::now() + 2ms, pair.client.recv(10)));
        CHECK(message_of(deadline) == "recv " + peer + " (with_deadline): " + why);
        const auto slept = co_await coax::as_result(coax::with_timeout(2ms, coax::sleep_for(1h)));
        CHECK(message_of(slept) == "sleep (with_timeout 0.002 s): " + why);
        // What swallows the cancellation's name leaves that of the limit.
        const auto anonymous = []() -> coax::task<> {
            try {
                co_await coax::sleep_for(1h);
            } catch (const coax::cancelled&) {
            }
            throw coax::cancelled();
        };
        const auto unnamed = co_await coax::as_result(coax::with_timeout(2ms, anonymous()));
        CHECK(message_of(unnamed) == "with_timeout (0.002 s): " + why);
    });
}

TEST_CASE("the limit of a task ends whatever it awaits") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto deep = [&](auto& self, int levels) -> coax::task<> {
            if (levels == 0)
                static_cast<void>(co_await pair.first.recv(10));
            else
                co_await self(self, levels - 1);
        };
        const auto grouped = [&]() -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (int index = 0; index < 10; ++index)
                    group.spawn(deep(deep, 2));
                co_return;
            });
        };
        ending how =
            co_await support::ending_of([&]() -> coax::task<> { co_await coax::with_timeout(2ms, deep(deep, 10)); });
        CHECK(how == ending::timeout);
        how = co_await support::ending_of([&]() -> coax::task<> { co_await coax::with_timeout(2ms, grouped()); });
        CHECK(how == ending::timeout);
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("a limit of zero tries once") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (int round = 0; round < 1000; ++round) {
            const auto none = co_await coax::as_result(coax::with_timeout(0s, pair.second.recv(10)));
            CHECK_FALSE(none);
            co_await pair.first.sendall("x");
            const auto got = co_await coax::as_result(coax::with_timeout(0s, pair.second.recv(10)));
            CHECK(got);
        }
        const auto past =
            co_await coax::as_result(coax::with_deadline(coax::clock::time_point::min(), pair.second.recv(1)));
        CHECK_FALSE(past);
        co_await pair.first.sendall("y");
        const auto there =
            co_await coax::as_result(coax::with_deadline(coax::clock::time_point::min(), pair.second.recv(1)));
        CHECK(there);
    });
}

TEST_CASE("a negative limit is an error, a huge one is none") {
    support::run([]() -> coax::task<> {
        CHECK_THROWS_AS(coax::with_timeout(-1ns, coax::yield()), std::invalid_argument);
        CHECK_THROWS_AS(coax::with_timeout(std::chrono::hours::min(), coax::yield()), std::invalid_argument);
        co_await coax::with_timeout(std::chrono::hours::max(), coax::sleep_for(1ms));
        co_await coax::with_timeout(coax::clock::duration::max(), coax::sleep_for(1ms));
        const std::chrono::duration<double> endless(std::numeric_limits<double>::infinity());
        co_await coax::with_timeout(endless, coax::sleep_for(1ms));
        co_await coax::with_deadline(coax::clock::time_point::max(), coax::sleep_for(1ms));
        const int value = co_await coax::with_timeout(endless, after(1ms, 1));
        CHECK(value == 1);
    });
}

TEST_CASE("of nested limits the nearest one counts, and its own with_timeout reports") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (const bool inner_first : {true, false}) {
            int inner_reports = 0;
            int outer_reports = 0;
            const auto inner = [&]() -> coax::task<> {
                try {
                    static_cast<void>(co_await coax::with_timeout(inner_first ? 2ms : 10s, pair.first.recv(1)));
                } catch (const coax::timeout_error&) {
                    ++inner_reports;
                }
            };
            try {
                co_await coax::with_timeout(inner_first ? 10s : 2ms, inner());
            } catch (const coax::timeout_error&) {
                ++outer_reports;
            }
            CHECK(inner_reports == (inner_first ? 1 : 0));
            CHECK(outer_reports == (inner_first ? 0 : 1));
        }
        // The limit of the socket itself is one of them.
        pair.first.settimeout(2ms);
        const auto by_socket = co_await coax::as_result(coax::with_timeout(10s, pair.first.recv(1)));
        CHECK(by_socket.error().why() == coax::failure::cause::timeout);
        pair.first.settimeout(10s);
        const auto by_scope = co_await coax::as_result(coax::with_timeout(2ms, pair.first.recv(1)));
        CHECK(by_scope.error().why() == coax::failure::cause::timeout);
    });
}

TEST_CASE("when both of two nested limits have passed, the outer one reports") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        bool inner_reported = false;
        const coax::clock::time_point when = coax::clock::now() + 2ms;
        const auto inner = [&]() -> coax::task<> {
            try {
                static_cast<void>(co_await coax::with_deadline(when, pair.first.recv(1)));
            } catch (const coax::timeout_error&) {
                inner_reported = true;
                throw;
            }
        };
        const ending how =
            co_await support::ending_of([&]() -> coax::task<> { co_await coax::with_deadline(when, inner()); });
        CHECK(how == ending::timeout);
        CHECK_FALSE(inner_reported);
    });
}

TEST_CASE("a cancellation from outside is no timeout, even when the limit has passed as well") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        for (const bool expired : {false, true}) {
            ending how = ending::none;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note(
                    [&]() -> coax::task<> {
                        static_cast<void>(co_await coax::with_timeout(expired ? 1ms : 1h, pair.first.recv(1)));
                    },
                    how));
                co_await support::round_trip();
                if (how != ending::none)
                    co_return; // too slow to be here before the limit
                if (expired)
                    support::spin(2ms);
                group.cancel();
            });
            if (expired)
                CHECK((how == ending::cancelled || how == ending::timeout));
            else
                CHECK(how == ending::cancelled);
        }
    });
}

TEST_CASE("a limit waits for the clean-up of what it cuts short") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        bool cleaned = false;
        const auto cleanup = [&]() -> coax::task<> {
            co_await coax::sleep_for(10ms);
            cleaned = true;
        };
        const auto work = [&]() -> coax::task<> { static_cast<void>(co_await pair.first.recv(1)); };
        const ending how = co_await support::ending_of(
            [&]() -> coax::task<> { co_await coax::with_timeout(1ms, coax::finally(work(), cleanup)); });
        CHECK(how == ending::timeout);
        CHECK(cleaned);
    });
}

TEST_CASE("what the inside makes of the cancellation is its own affair") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        // It swallows the cancellation and ends with a value: that is what it ended with.
        const auto stubborn = [&]() -> coax::task<int> {
            try {
                static_cast<void>(co_await pair.first.recv(1));
            } catch (const coax::cancelled&) {
            }
            co_return 7;
        };
        const int value = co_await coax::with_timeout(1ms, stubborn());
        CHECK(value == 7);
        // It fails while it unwinds: that is what it failed with.
        const auto failing = [&]() -> coax::task<int> {
            try {
                static_cast<void>(co_await pair.first.recv(1));
            } catch (const coax::cancelled&) {
                throw std::runtime_error("while unwinding");
            }
            co_return 7;
        };
        std::string what;
        try {
            co_await coax::with_timeout(1ms, failing());
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        CHECK(what == "while unwinding");
    });
}

TEST_CASE("a task's exception passes a limit as the very object it was") {
    struct derived : coax::io_error {
        using io_error::io_error;
        int extra = 5;
    };
    support::run([]() -> coax::task<> {
        const auto failing = []() -> coax::task<> {
            throw derived(coax::failure(std::make_error_code(std::errc::io_error)));
            co_return;
        };
        for (const bool by_value : {false, true}) {
            int extra = 0;
            try {
                if (by_value) {
                    const auto outcome = co_await coax::as_result(coax::with_timeout(1s, failing()));
                    CHECK(outcome.error() == std::errc::io_error);
                    outcome.value();
                } else {
                    co_await coax::with_timeout(1s, failing());
                }
            } catch (const derived& error) {
                extra = error.extra;
            }
            CHECK(extra == 5);
        }
    });
}

TEST_CASE("a sendall that runs out of time says how much went out, through every layer") {
    support::run([]() -> coax::task<> {
        const std::string large = support::pattern(8 << 20);
        for (const bool in_task : {false, true}) {
            coax::socket_pair pair = coax::socketpair();
            const auto send = [&]() -> coax::task<> { co_await pair.first.sendall(large); };
            std::size_t went = 0;
            try {
                if (in_task)
                    co_await coax::with_timeout(10ms, send());
                else
                    co_await coax::with_timeout(10ms, pair.first.sendall(large));
            } catch (const coax::timeout_error& error) {
                went = error.transferred();
            }
            pair.first.close();
            const std::string got = co_await support::read_to_end(pair.second);
            CHECK(went > 0);
            CHECK(got.size() == went);
        }
    });
}

TEST_CASE("as_result inside a limit leaves the limit's own expiry an exception") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        static_assert(
            std::is_same_v<decltype(coax::with_timeout(1s, coax::as_result(pair.first.recv(1))).await_resume()),
                           coax::result<coax::chunk>>);
        const ending how = co_await support::ending_of([&]() -> coax::task<> {
            static_cast<void>(co_await coax::with_timeout(1ms, coax::as_result(pair.first.recv(1))));
        });
        CHECK(how == ending::timeout);
        const auto closed = co_await coax::with_timeout(1s, coax::as_result(coax::socket().recv(1)));
        CHECK(closed.error() == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("an operation that completes after its limit was noticed reports what it did, or left it alone") {
    support::run([]() -> coax::task<> {
        const support::timers_first hook;
        const std::string_view backend = coax::scheduler::current().backend().name;
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::byte buffer[8];
        int completed = 0;
        constexpr int rounds = 30;
        for (int round = 0; round < rounds; ++round) {
            coax::socket_pair pair = coax::socketpair();
            coax::socket client(coax::family::inet);
            client.setblocking(false);
            ending received = ending::none;
            ending accepted = ending::none;
            const auto started = std::chrono::steady_clock::now();
            constexpr auto limit = 20ms;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                if (round % 2 == 0)
                    group.spawn(support::note(
                        [&]() -> coax::task<> {
                            static_cast<void>(co_await coax::with_timeout(limit, pair.second.recv(8)));
                        },
                        received));
                else
                    group.spawn(support::note(
                        [&]() -> coax::task<> { co_await coax::with_timeout(limit, pair.second.recv(buffer)); },
                        received));
                group.spawn(support::note(
                    [&]() -> coax::task<> { co_await coax::with_timeout(limit, listener.accept()); }, accepted));
                co_await support::round_trip();
                // Both come and the limit passes before the loop looks, and it looks at the clock first.
                CHECK(support::send_raw(pair.first.fileno(), "x", 1) == 1);
                static_cast<void>(co_await coax::as_result(client.connect(name)));
                support::spin(started + limit + 5ms - std::chrono::steady_clock::now());
            });
            completed += received == ending::value ? 1 : 0;
            if (received == ending::timeout) {
                const std::string left = co_await support::read(pair.second, 1);
                CHECK(left == "x");
            } else {
                CHECK(received == ending::value);
            }
            if (accepted == ending::timeout) {
                const coax::accepted taken = co_await listener.accept();
                CHECK(taken.peer == client.getsockname());
            } else {
                CHECK(accepted == ending::value);
            }
        }
        // A ring has completed it by then; a readiness backend has not touched it yet.
        if (backend == "io_uring")
            CHECK(completed > 0);
    });
}

TEST_CASE("a thousand limits inside each other, and a hundred thousand one after the other") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto nest = [&](auto& self, int levels) -> coax::task<> {
            if (levels == 0)
                static_cast<void>(co_await pair.first.recv(1));
            else
                co_await coax::with_timeout(1h, self(self, levels - 1));
        };
        const ending how =
            co_await support::ending_of([&]() -> coax::task<> { co_await coax::with_timeout(1ms, nest(nest, 1000)); });
        CHECK(how == ending::timeout);
        for (int round = 0; round < support::many(100'000); ++round)
            co_await coax::with_timeout(1h, coax::yield());
        CHECK(coax::scheduler::current().stats().timers == 0);
    });
}

TEST_CASE("what a task has computed before does not use up its limit") {
    support::run([]() -> coax::task<> {
        support::spin(80ms);
        const int value = co_await coax::with_timeout(40ms, after(5ms, 3));
        CHECK(value == 3);
        support::spin(80ms);
        const auto steady = std::chrono::steady_clock::now();
        const auto late = co_await coax::as_result(coax::with_timeout(20ms, coax::sleep_for(1h)));
        CHECK_FALSE(late);
        CHECK(std::chrono::steady_clock::now() - steady >= 20ms);
        // Of two that were set one after the other the outer one still comes first.
        const auto nested =
            co_await coax::as_result(coax::with_timeout(10ms, coax::as_result(coax::with_timeout(10ms, after(1h, 3)))));
        CHECK_FALSE(nested);
        // A point in time is what it says.
        const auto deadline = coax::clock::now() + 20ms;
        support::spin(30ms);
        const auto past = co_await coax::as_result(coax::with_deadline(deadline, after(5ms, 3)));
        CHECK_FALSE(past);
    });
}

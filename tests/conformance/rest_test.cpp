// Nothing spins: every kind of wait rests while nothing can be done, and what the kernel does for it counts.
#include "support/catch.hpp"
#include "support/full_listener.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/serving.hpp"

#include <chrono>
#include <ctime>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <sys/resource.h>

using namespace std::chrono_literals;

namespace {

/// What may be spent on a second of waiting.
constexpr auto allowance = 10ms;

/// Of all threads of the process, those of the kernel's that work for it included.
std::chrono::nanoseconds processor_time() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// Nothing happens from now on: the loop rests. Retries that come less and less often have come to their pace.
coax::task<> check_rest() {
    co_await coax::sleep_for(100ms);
    const auto before = processor_time();
    co_await coax::sleep_for(500ms);
    CHECK(processor_time() - before < allowance / 2);
}

/// The wait that `wait()` (a task) begins rests. It is cancelled then.
template <class Wait>
coax::task<> check_rests(Wait wait) {
    const auto waiting = [&]() -> coax::task<> { co_await wait(); };
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(waiting());
        co_await check_rest();
        CHECK(coax::scheduler::current().stats().waiting >= 1);
        group.cancel();
    };
    co_await coax::with_task_group(body);
}

/// Sends until there is no room, then goes on.
coax::task<> pour(coax::socket& into) {
    const std::string block(65536, 'x');
    for (;;)
        co_await into.sendall(block);
}

} // namespace

TEST_CASE("timers that are far away, an event, a thread and a signal are waited for at rest") {
    support::run([]() -> coax::task<> {
        coax::event never;
        const auto all = [&]() -> coax::task<> {
            co_await coax::when_all(coax::sleep_for(1h), coax::sleep_for(2h), never.wait(),
                                    coax::wait_signal(support::one_signal),
                                    coax::to_thread([] { std::this_thread::sleep_for(800ms); }));
        };
        co_await check_rests(all);
    });
}

TEST_CASE("idle sockets are waited for at rest") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket_pair pair = coax::socketpair();
        std::byte room[64];
        const auto all = [&]() -> coax::task<> {
            co_await coax::when_all(listener.accept(), datagrams.recvfrom(1000), pair.first.recv(65536),
                                    pair.second.recv(room));
        };
        co_await check_rests(all);
    });
}

TEST_CASE("a connect to a full backlog is waited for at rest") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::full_listener full(family);
        co_await full.fill();
        coax::socket client(family);
        const auto wait = [&]() -> coax::task<> { co_await client.connect(full.name); };
        co_await check_rests(wait);
    });
}

TEST_CASE("a full stream is waited for at rest, also where the peer has nothing more to say") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool half_closed = GENERATE(false, true);
    INFO(support::name_of(family) << (half_closed ? ", half-closed" : ""));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        if (half_closed)
            pair.server.shutdown(coax::shutdown_how::write);
        const auto wait = [&]() -> coax::task<> { co_await pour(pair.client); };
        co_await check_rests(wait);
    });
}

TEST_CASE("a full queue of datagrams is waited for at rest") {
    support::run([]() -> coax::task<> {
        coax::socket to = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket from = support::bound(coax::family::local, coax::kind::datagram);
        const coax::address name = to.getsockname();
        const auto wait = [&]() -> coax::task<> {
            for (;;)
                co_await from.sendto("x", name);
        };
        co_await check_rests(wait);
    });
}

TEST_CASE("a receive for which there is no buffer is waited for at rest") {
    coax::scheduler_options options;
    options.buffer_count = 1;
    const auto body = []() -> coax::task<> {
        coax::socket_pair held = coax::socketpair();
        co_await held.first.sendall("x");
        const coax::chunk only = co_await held.second.recv(10);
        coax::socket_pair pair = coax::socketpair();
        const auto wait = [&]() -> coax::task<> { co_await coax::when_all(pair.first.recv(10), pair.second.recv(10)); };
        co_await check_rests(wait);
    };
    support::run(body, options);
}

TEST_CASE("what happens to a socket on which nobody waits disturbs nobody") {
    support::run([]() -> coax::task<> {
        // One that has been told of its peer's end, one whose peer was reset, one with an error that nobody has asked for.
        coax::socket_pair ended = coax::socketpair();
        support::connection broken = co_await support::connected(coax::family::inet);
        coax::socket refused(coax::family::inet, coax::kind::datagram);
        const coax::address nobody = support::bound(coax::family::inet, coax::kind::datagram).getsockname();
        co_await refused.connect(nobody);
        for (coax::socket* each : {&ended.first, &broken.client, &refused})
            static_cast<void>(co_await coax::as_result(coax::with_timeout(1ms, each->recv(10))));
        ended.second.close();
        support::reset(broken.server);
        co_await refused.send("x");
        co_await check_rest();
    });
}

TEST_CASE("a server that may have no more descriptors rests until it may") {
    support::run([]() -> coax::task<> {
        coax::listener listener = coax::create_server({"127.0.0.1", 0});
        const coax::address name = listener.getsockname();
        auto handler = support::echo;
        rlimit before{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
        const auto body = [&]() -> coax::task<> {
            coax::socket client(coax::family::inet);
            const coax::socket lowest(coax::family::inet);
            rlimit none = before;
            none.rlim_cur = static_cast<rlim_t>(lowest.fileno() + 1);
            REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
            co_await client.connect(name);
            co_await check_rest();
            REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
            const std::string echo = co_await support::echoed(client, "x");
            CHECK(echo == "x");
        };
        co_await support::with_server(listener, handler, {}, body);
    });
}

#ifdef IP_RECVERR
TEST_CASE("an error that lies in the error queue of a socket disturbs nobody who waits to receive from it") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::inet, coax::kind::datagram);
        receiver.setsockopt(IPPROTO_IP, IP_RECVERR, 1);
        const coax::address nobody = support::bound(coax::family::inet, coax::kind::datagram).getsockname();
        co_await receiver.sendto("x", nobody);
        // The first receive may be told; the error stays in the queue.
        static_cast<void>(co_await coax::as_result(coax::with_timeout(100ms, receiver.recvfrom(10))));
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            const coax::datagram one = co_await receiver.recvfrom(10);
            heard = one.data.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await check_rest();
            coax::socket sender(coax::family::inet, coax::kind::datagram);
            co_await sender.sendto("y", receiver.getsockname());
        });
        CHECK(heard == "y");
    });
}
#endif

// When `close` of a listener returns, its name is free and nobody can connect to it any more, whatever had been waiting on it.
#include "support/catch.hpp"
#include "support/inet_and_local.hpp"
#include "support/net.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// The error of a blocking connect of this thread: no turn of the loop comes in between.
int connect_at_once(const coax::address& name) {
    int error = 0;
    const coax::native_handle fd = support::connect_raw(name, error);
    if (fd != support::no_handle)
        support::close_raw(fd);
    return error;
}

coax::task<> accept_until_closed(coax::socket& listener, int& served) {
    for (;;) {
        const auto outcome = co_await coax::as_result(listener.accept());
        if (!outcome) {
            CHECK(support::code_of(outcome) == std::errc::bad_file_descriptor);
            co_return;
        }
        ++served;
    }
}

} // namespace

TEST_CASE("closing a listener on which an accept waits frees its port and refuses clients at once") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        int served = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(accept_until_closed(listener, served));
            co_await support::round_trip();
            listener.close();
            CHECK(connect_at_once(name) == ECONNREFUSED);
            coax::socket successor(coax::family::inet);
            successor.bind(name); // without reuse_address: the port is free
            successor.listen();
            CHECK(successor.getsockname() == name);
        });
        CHECK(served == 0);
    });
}

TEST_CASE("closing a listener that has served and given up accepts frees its name at once") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        listener.setsockopt(coax::option::reuse_address, true);
        const coax::address name = listener.getsockname();
        for (int i = 0; i < 3; ++i)
            co_await support::connected_by(listener);
        listener.settimeout(1ms);
        const auto given_up = co_await coax::as_result(listener.accept());
        CHECK(support::code_of(given_up) == std::errc::timed_out);
        listener.close();
        CHECK(connect_at_once(name) == ECONNREFUSED);
    });
}

TEST_CASE("destroying a listener is closing it") {
    support::run([]() -> coax::task<> {
        coax::address name;
        int served = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            coax::socket listener = support::listening(coax::family::inet);
            name = listener.getsockname();
            group.spawn(accept_until_closed(listener, served));
            co_await support::round_trip();
        });
        CHECK(connect_at_once(name) == ECONNREFUSED);
        CHECK(served == 0);
    });
}

TEST_CASE("the scheduler's end leaves a listener on which accepts were cut off open and usable") {
    coax::socket listener = support::listening(coax::family::inet);
    const coax::address name = listener.getsockname();
    int served = 0;
    const auto cut_off = [&]() -> coax::task<> {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(accept_until_closed(listener, served));
            co_await support::round_trip();
            group.cancel();
        });
    };
    coax::run(cut_off());
    CHECK(connect_at_once(name) == 0); // the kernel's backlog
    support::run([&]() -> coax::task<> {
        coax::accepted taken = co_await listener.accept();
        const coax::chunk data = co_await taken.conn.recv(1);
        CHECK_FALSE(data);
    });
    listener.close();
    CHECK(connect_at_once(name) == ECONNREFUSED);
    CHECK(served == 0);
}

TEST_CASE("clients that nobody accepted see the end of their connection when the listener is closed") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    constexpr int count = 12;
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> clients;
        int served = 0;
        const auto one = [&]() -> coax::task<> {
            const coax::accepted taken = co_await listener.accept();
            ++served;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(one());
            co_await support::round_trip();
            // Connections made within one turn of the loop: a backend may have taken more of them than were asked for.
            for (int i = 0; i < count; ++i) {
                clients.emplace_back(family);
                const auto outcome = co_await coax::as_result(clients.back().connect(name));
                CHECK(outcome);
            }
        });
        CHECK(served == 1);
        listener.close();
        for (coax::socket& client : clients) {
            client.settimeout(10s);
            const auto outcome = co_await coax::as_result(client.recv(1));
            const bool ended = outcome ? !*outcome : outcome.error() == std::errc::connection_reset;
            CHECK(ended);
        }
    });
    CHECK(support::open_descriptors() == before);
}

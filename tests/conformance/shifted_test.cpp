// Sockets whose handles are none of this process's: all that is done with them goes through their system and their backend.
#include "support/catch.hpp"
#include "support/full_listener.hpp"
#include "support/serving.hpp"
#include "support/shifted.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using support::run_shifted;
using support::shifted_system;

namespace {

/// Runs it, and sees to it that every handle is closed.
template <class Body>
void check_closed(shifted_system& system, Body body) {
    const int before = support::open_descriptors();
    run_shifted(system, std::move(body));
    // Whoever closes elsewhere may not have come to it.
    const auto end = std::chrono::steady_clock::now() + support::patience;
    while (support::open_descriptors() != before && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    CHECK(support::open_descriptors() == before);
}
template <class Body>
void check_closed(Body body) {
    shifted_system system;
    check_closed(system, std::move(body));
}

} // namespace

TEST_CASE("streams go by their own system and backend") {
    const coax::family family = GENERATE(from_range(support::families()));
    check_closed([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        CHECK(listener.getsockopt(coax::option::type) == coax::kind::stream);
        support::connection pair = co_await support::connected_by(listener);
        CHECK(pair.client.getpeername() == listener.getsockname());
        CHECK(pair.server.getsockname() == listener.getsockname());
        CHECK(support::real(pair.client.fileno()) != support::no_handle);

        co_await pair.client.sendall("some", " ", "pieces");
        const std::string heard = co_await support::read(pair.server, 11);
        CHECK(heard == "some pieces");
        // More than the system takes at once, both ways.
        const std::string much = support::pattern(4 << 20);
        std::string echoed;
        const auto receive = [&]() -> coax::task<> { echoed = co_await support::read_to_end(pair.client); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::echo(std::move(pair.server), coax::address()));
            group.spawn(receive());
            co_await pair.client.sendall(much);
            pair.client.shutdown(coax::shutdown_how::write);
        });
        CHECK(support::same_up_to(echoed, much) == much.size());
    });
}

TEST_CASE("datagrams go by their own system and backend") {
    check_closed([]() -> coax::task<> {
        coax::socket first = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket second = support::bound(coax::family::inet, coax::kind::datagram);
        const coax::address to = second.getsockname();
        co_await first.sendto("one", to);
        const coax::datagram one = co_await second.recvfrom(100);
        CHECK(one.data.text() == "one");
        CHECK(one.peer == first.getsockname());
        co_await first.connect(to);
        CHECK(first.getpeername() == to);
        co_await first.send("two");
        const coax::chunk two = co_await second.recv(100);
        CHECK(two.text() == "two");
    });
}

TEST_CASE("what is tried without waiting is tried by the backend") {
    check_closed([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        listener.setblocking(false);
        coax::socket client(coax::family::inet, coax::kind::stream);
        client.setblocking(false);
        const std::error_code none = co_await support::error_from([&] { return listener.accept(); });
        CHECK(none == std::errc::operation_would_block);
        const std::error_code begun = co_await client.connect_ex(listener.getsockname());
        CHECK((!begun || begun == std::errc::operation_in_progress));
        listener.setblocking(true);
        coax::accepted taken = co_await listener.accept();
        taken.conn.setblocking(false);
        const std::error_code nothing = co_await support::error_from([&] { return taken.conn.recv(100); });
        CHECK(nothing == std::errc::operation_would_block);
        const std::size_t sent = co_await taken.conn.send("at once");
        CHECK(sent == 7);
        const std::string heard = co_await support::read(client, 7);
        CHECK(heard == "at once");
    });
}

TEST_CASE("what is closed, shut down or cut short with receives under way ends them", "[reset]") {
    check_closed([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        support::ending closed = support::ending::none;
        std::optional<std::string> rest;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const auto receive = [&]() -> coax::task<> { rest = co_await support::read_to_end(pair.server); };
            group.spawn(support::note([&] { return pair.client.recv(100); }, closed));
            group.spawn(receive());
            co_await support::until_waiting(2);
            pair.server.shutdown(coax::shutdown_how::read);
            co_await support::until([&] { return rest.has_value(); });
            pair.client.close();
        });
        CHECK(closed == support::ending::error);
        CHECK(rest == "");

        support::connection other = co_await support::connected(coax::family::inet);
        const auto silent = co_await coax::as_result(coax::with_timeout(1ms, other.client.recv(100)));
        CHECK_FALSE(silent);
        other.client.settimeout(1ms);
        const auto late = co_await coax::as_result(other.client.recv(100));
        CHECK_FALSE(late);
        support::reset(other.server);
        const std::error_code reset = co_await support::error_from([&] { return other.client.recv(100); });
        CHECK(reset == std::errc::connection_reset);
    });
}

TEST_CASE("options are those of the socket's system") {
    shifted_system system;
    check_closed(system, [&]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        pair.client.setsockopt(coax::option::no_delay, true);
        CHECK(pair.client.getsockopt(coax::option::no_delay));
        CHECK_FALSE(pair.client.getsockopt(coax::option::error));
        const int before = system.marks;
        pair.client.setsockopt(coax::option::linger, 3s);
        CHECK(pair.client.getsockopt(coax::option::linger) == 3s);
        CHECK(system.marks == before + 1);
        // Somebody else may have a duplicate, so it is left to linger, on another thread.
        CHECK(pair.client.fileno() != support::no_handle);
        pair.client.close();
        CHECK(system.left_to_linger == 1);
    });
}

TEST_CASE("how far a connection is behind its own system knows") {
    shifted_system system;
    check_closed(system, [&]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        co_await pair.server.sendall("answer");
        co_await coax::lingering_close(std::move(pair.server), support::patience);
        CHECK(system.acknowledgements != 0);

        support::scene at;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(support::echo, {.drain_timeout = 0s, .idle_timeout = 20ms}));
            coax::socket client = co_await support::connected_to(at.name);
            // Before a connection is called idle its socket is looked at.
            const std::string rest = co_await support::read_to_end(client);
            CHECK(rest.empty());
            at.scope->cancel();
        });
        CHECK(system.looks != 0);
    });
}

TEST_CASE("what no system reports is tried again by the backend", "[unix]") {
    check_closed([]() -> coax::task<> {
        support::full_listener full(coax::family::local);
        co_await full.fill();
        support::ending how = support::ending::none;
        coax::socket late(coax::family::local);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return late.connect(full.name); }, how));
            co_await support::until_waiting(1);
            const coax::accepted taken = co_await full.listener.accept();
        });
        CHECK(how == support::ending::value);
    });
}

TEST_CASE("handles are handed over as their system knows them") {
    check_closed([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const coax::detached bare = pair.first.detach();
        CHECK(bare.unread.empty());
        coax::socket again = coax::socket::adopt(bare.handle);
        CHECK(again.kind() == coax::kind::stream);
        CHECK(again.getsockopt(coax::option::type) == coax::kind::stream);
        co_await again.sendall("x");
        const coax::chunk data = co_await pair.second.recv(1);
        CHECK(data.text() == "x");
        again.unbind();
        co_await pair.second.sendall("y");
        const coax::chunk back = co_await again.recv(1);
        CHECK(back.text() == "y");
        const coax::native_handle real = support::real(pair.second.fileno());
        CHECK_THROWS_AS(coax::socket::adopt(real), coax::io_error);
    });
}

TEST_CASE("the files of UNIX listeners are those of their system", "[unix]") {
    shifted_system system;
    check_closed(system, [&]() -> coax::task<> {
        const std::string path = support::fresh_path();
        const coax::address name = coax::address::unix_path(path);
        {
            // Nobody listens there any more.
            coax::socket stale(coax::family::local);
            stale.bind(name);
        }
        coax::listener listener = coax::create_server(name);
        CHECK_FALSE(std::filesystem::exists(path));
        CHECK(std::filesystem::exists(support::real(path)));
        CHECK(listener.getsockname() == name);
        CHECK(system.locks != 0);
        support::connection pair = co_await support::connected_by(listener.socket());
        co_await pair.client.sendall("x");
        const coax::chunk data = co_await pair.server.recv(1);
        CHECK(data.text() == "x");
        CHECK(support::code_thrown_by([&] { static_cast<void>(coax::create_server(name)); }) ==
              std::errc::address_in_use);
        listener.close();
        CHECK_FALSE(std::filesystem::exists(support::real(path)));
    });
}

TEST_CASE("a server begins, serves, drains and ends by its own system and backend") {
    const coax::family family = GENERATE(from_range(support::families()));
    const coax::drain_mode mode = GENERATE(coax::drain_mode::finish, coax::drain_mode::end_input);
    check_closed([&]() -> coax::task<> {
        support::scene at(support::any_name(family));
        std::string after;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(support::echo, {.drain_timeout = 1h, .idle_timeout = 1h, .drain = mode}));
            coax::socket client = co_await support::connected_to(at.name);
            const std::string heard = co_await support::echoed(client, "echo");
            CHECK(heard == "echo");
            at.scope->cancel();
            after = co_await support::read_to_end(client);
            const bool refused = co_await support::refuses(at.name);
            CHECK(refused);
        });
        CHECK(after.empty());
        CHECK(at.how == support::ending::cancelled);
        CHECK(at.reported.texts.empty());
    });
}

TEST_CASE("a connection and bytes that nobody has taken stay with their system") {
    check_closed([]() -> coax::task<> {
        coax::socket_pair trigger = coax::socketpair();
        // What the backend has known for longer it reports first.
        co_await trigger.first.sendall("x");
        co_await support::read(trigger.second, 1);
        const auto destroy = [&](support::destructible& victim) -> support::destructible {
            static_cast<void>(co_await trigger.second.recv(1));
            victim.destroy();
        };
        coax::socket listener = support::listening(coax::family::inet);
        const auto accept = [&]() -> support::destructible { static_cast<void>(co_await listener.accept()); };
        support::destructible accepting = accept();
        support::destructible first = destroy(accepting);
        int error = 0;
        const coax::native_handle client = support::connect_raw(listener.getsockname(), error);
        co_await trigger.first.sendall("x");
        co_await support::until([&] { return first.done(); });
        coax::detached left = listener.detach();
        REQUIRE(left.unaccepted.size() == 1);
        CHECK(coax::scheduler::current().stats().waiting == 0);

        coax::socket& conn = left.unaccepted[0];
        conn.setblocking(false);
        const auto nothing = co_await coax::as_result(conn.recv(100));
        REQUIRE_FALSE(nothing);
        CHECK(nothing.error().peer() == conn.getpeername());
        conn.setblocking(true);
        const auto receive = [&]() -> support::destructible { static_cast<void>(co_await conn.recv(100)); };
        support::destructible receiving = receive();
        support::destructible second = destroy(receiving);
        CHECK(support::send_raw(client, "kept", 4) == 4);
        co_await trigger.first.sendall("x");
        co_await support::until([&] { return second.done(); });
        const coax::detached bare = conn.detach();
        CHECK(support::text_of(bare.unread) == "kept");

        for (const coax::native_handle each : {support::real(left.handle), support::real(bare.handle), client})
            CHECK(support::close_raw(each));
    });
}

TEST_CASE("a socket of one system is refused by a scheduler that runs on another") {
    shifted_system system;
    const auto use = [](coax::socket& one) -> coax::task<> {
        std::string why;
        try {
            co_await one.sendall("x");
        } catch (const std::logic_error& refused) {
            why = refused.what();
        }
        CHECK(why.find("sendall on a socket of another system") != std::string::npos);
        one.setblocking(false);
        bool thrown = false;
        try {
            static_cast<void>(co_await one.recv(1));
        } catch (const std::logic_error&) {
            thrown = true;
        }
        CHECK(thrown);
    };
    coax::socket_pair real = coax::socketpair();
    coax::socket_pair shifted{coax::socket(), coax::socket()};
    run_shifted(system, [&]() -> coax::task<> {
        shifted = coax::socketpair();
        co_await use(real.first);
    });
    support::run([&]() -> coax::task<> {
        co_await use(shifted.first);
        co_await use(shifted.second);
        co_await real.second.sendall("is as it was");
        real.first.setblocking(true);
        const std::string heard = co_await support::read(real.first, 12);
        CHECK(heard == "is as it was");
    });
}

TEST_CASE("a signal_set of one system is refused by a scheduler that runs on another") {
    shifted_system system;
    coax::signal_set signals(SIGTERM);
    run_shifted(system, [&]() -> coax::task<> {
        bool thrown = false;
        try {
            co_await signals.wait();
        } catch (const std::logic_error&) {
            thrown = true;
        }
        CHECK(thrown);
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

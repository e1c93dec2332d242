// Connecting: to where it succeeds, how it fails, and that it fails every time in the same way.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("connecting to a name on which nobody listens is connection_refused, every time") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        // Bound but not listening: nobody else can get the name meanwhile.
        const coax::socket holder = support::bound(family, coax::kind::stream);
        const coax::address name = holder.getsockname();
        for (int i = 0; i < 20; ++i) {
            coax::socket client(family);
            const auto outcome = co_await coax::as_result(client.connect(name));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error() == std::errc::connection_refused);
            CHECK(outcome.error().why() == coax::failure::cause::error);
            CHECK(outcome.error().operation() == coax::operation_name::connect);
            CHECK(outcome.error().peer() == name);
        }
    });
}

// In Wine 8 the second attempt is said to be aborted.
TEST_CASE("a socket that was refused may try again, and is connected when somebody listens", "[posix]") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket holder = support::bound(family, coax::kind::stream);
        const coax::address name = holder.getsockname();
        coax::socket client(family);
        for (int i = 0; i < 4; ++i) {
            const std::error_code refused = co_await client.connect_ex(name);
            CHECK(refused == std::errc::connection_refused);
        }
        holder.listen();
        co_await client.connect(name);
        coax::accepted taken = co_await holder.accept();
        co_await client.sendall("x");
        const std::string heard = co_await support::read(taken.conn, 1);
        CHECK(heard == "x");
    });
}

TEST_CASE("attempts that are refused at the same time are each told so") {
    support::run([]() -> coax::task<> {
        const coax::socket holder = support::bound(coax::family::inet, coax::kind::stream);
        const coax::address name = holder.getsockname();
        int refused = 0;
        const auto attempt = [&]() -> coax::task<> {
            coax::socket client(coax::family::inet);
            const std::error_code error = co_await client.connect_ex(name);
            refused += error == std::errc::connection_refused ? 1 : 0;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (int i = 0; i < 50; ++i)
                group.spawn(attempt());
            co_return;
        });
        CHECK(refused == 50);
    });
}

TEST_CASE("connect throws what it was doing, to which address, and why") {
    support::run([]() -> coax::task<> {
        const coax::socket holder = support::bound(coax::family::inet, coax::kind::stream);
        const coax::address name = holder.getsockname();
        const auto attempt = [&]() -> coax::task<> {
            coax::socket client(coax::family::inet);
            co_await client.connect(name);
        };
        const std::optional<coax::io_error> error = co_await support::error_of(attempt());
        REQUIRE(error);
        CHECK(error->code() == std::errc::connection_refused);
        CHECK(error->operation() == coax::operation_name::connect);
        CHECK(error->peer() == name);
        const std::string what = error->what();
        CHECK(what.find("connect") != std::string::npos);
        CHECK(what.find(name.to_string()) != std::string::npos);
        CHECK(what.find("refused") != std::string::npos);
    });
}

TEST_CASE("connect_ex gives zero on success and the error otherwise, without throwing") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        const coax::socket holder = support::bound(family, coax::kind::stream);
        coax::socket refused(family);
        const std::error_code failure = co_await refused.connect_ex(holder.getsockname());
        CHECK(failure == std::errc::connection_refused);

        coax::socket listener = support::listening(family);
        coax::socket client(family);
        const std::error_code success = co_await client.connect_ex(listener.getsockname());
        CHECK_FALSE(success);

        coax::socket closed;
        const std::error_code none = co_await closed.connect_ex(listener.getsockname());
        CHECK(none == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("as_result of connect_ex has the error as its value") {
    support::run([]() -> coax::task<> {
        const coax::socket holder = support::bound(coax::family::inet, coax::kind::stream);
        coax::socket client(coax::family::inet);
        const auto outcome = co_await coax::as_result(client.connect_ex(holder.getsockname()));
        REQUIRE(outcome.has_value());
        CHECK(*outcome == std::errc::connection_refused);
    });
}

TEST_CASE("localhost is the loopback address of the socket's family") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const int port = listener.getsockname().port();
        coax::socket client(family);
        co_await client.connect({"localhost", port});
        CHECK(client.getpeername() == listener.getsockname());
        const coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == client.getsockname());
    });
}

TEST_CASE("a placeholder means nothing to a UNIX socket", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket client(coax::family::local);
        const std::error_code error = co_await client.connect_ex({"localhost", 1});
        CHECK(error == std::errc::address_family_not_supported);
    });
}

TEST_CASE("a UNIX path at which there is nothing is no_such_file_or_directory", "[unix]") {
    support::run([]() -> coax::task<> {
        coax::socket client(coax::family::local);
        const coax::address nowhere = coax::address::unix_path(support::fresh_path());
        const std::error_code error = co_await client.connect_ex(nowhere);
        CHECK(error == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("the local address that was bound is the one the server sees") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        coax::socket client = support::bound(family, coax::kind::stream);
        const coax::address local = client.getsockname();
        co_await client.connect(listener.getsockname());
        CHECK(client.getsockname() == local);
        const coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == local);
    });
}

TEST_CASE("a second connect on a connected stream is already_connected and harms nothing") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        support::connection made = co_await support::connected_by(listener);
        const std::error_code again = co_await made.client.connect_ex(listener.getsockname());
        CHECK(again == std::errc::already_connected);
        co_await made.client.sendall("still here");
        const std::string heard = co_await support::read(made.server, 10);
        CHECK(heard == "still here");
    });
}

TEST_CASE("a stream connected to itself carries data") {
    support::run([]() -> coax::task<> {
        coax::socket self = support::bound(coax::family::inet, coax::kind::stream);
        co_await self.connect(self.getsockname());
        CHECK(self.getpeername() == self.getsockname());
        const std::string sent = support::pattern(1 << 20);
        std::string heard;
        const auto writer = [&]() -> coax::task<> { co_await self.sendall(sent); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            heard = co_await support::read(self, sent.size());
        });
        CHECK(support::same_up_to(heard, sent) == sent.size());
    });
}

TEST_CASE("with a limit of zero an attempt under way is operation_in_progress, and goes on") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket client(coax::family::inet);
        client.settimeout(0s);
        const std::error_code begun = co_await client.connect_ex(listener.getsockname());
        const bool expected = !begun || begun == std::errc::operation_in_progress;
        CAPTURE(begun);
        CHECK(expected);
        // Sending waits until the connection is there.
        client.settimeout(std::nullopt);
        coax::accepted taken = co_await listener.accept();
        co_await client.sendall("begun and done");
        const std::string heard = co_await support::read(taken.conn, 14);
        CHECK(heard == "begun and done");
    });
}

TEST_CASE("a datagram socket connects to its only peer, and may change it") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket one = support::bound(family, coax::kind::datagram);
        coax::socket two = support::bound(family, coax::kind::datagram);
        coax::socket sender(family, coax::kind::datagram);
        co_await sender.connect(one.getsockname());
        CHECK(sender.getpeername() == one.getsockname());
        co_await sender.send("to one");
        co_await sender.connect(two.getsockname());
        CHECK(sender.getpeername() == two.getsockname());
        co_await sender.send("to two");

        const coax::datagram first = co_await one.recvfrom(64);
        CHECK(first.data.text() == "to one");
        CHECK(first.peer == sender.getsockname());
        const coax::datagram second = co_await two.recvfrom(64);
        CHECK(second.data.text() == "to two");
    });
}

// Handles that come from elsewhere, and what every handle of the library has in common.
#include "support/catch.hpp"
#include "support/full_listener.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

bool closed_on_exec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
bool non_blocking(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

/// A plain socket of the system: blocking, and inherited by other programs.
int plain_socket(int family, int kind) {
    const int fd = ::socket(family, kind, 0);
    REQUIRE(fd != -1);
    REQUIRE_FALSE(closed_on_exec(fd));
    REQUIRE_FALSE(non_blocking(fd));
    return fd;
}

} // namespace

TEST_CASE("every handle is closed on exec and non-blocking, wherever it came from") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        const coax::socket datagram(family, coax::kind::datagram);
        const coax::socket_pair pair = coax::socketpair();
        for (const int fd : {made.client.fileno(), made.server.fileno(), datagram.fileno(), pair.first.fileno(),
                             pair.second.fileno()}) {
            CHECK(closed_on_exec(fd));
            CHECK(non_blocking(fd));
        }
    });
}

TEST_CASE("an adopted socket is what it was, and becomes non-blocking and closed on exec") {
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const int fd = plain_socket(AF_INET, SOCK_STREAM);
        coax::socket client = coax::socket::adopt(fd);
        CHECK(client.fileno() == fd);
        CHECK(client.is_open());
        CHECK(client.family() == coax::family::inet);
        CHECK(client.kind() == coax::kind::stream);
        CHECK(client.gettimeout() == std::nullopt);
        CHECK(closed_on_exec(fd));
        CHECK(non_blocking(fd));
        co_await client.connect(listener.getsockname());
        coax::accepted taken = co_await listener.accept();
        co_await client.sendall("adopted");
        const std::string heard = co_await support::read(taken.conn, 7);
        CHECK(heard == "adopted");
        client.close();
        CHECK_FALSE(is_open(fd));
    });
}

TEST_CASE("a connected pair of another maker can be adopted, with what already lies in it") {
    support::run([]() -> coax::task<> {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
        REQUIRE(::send(ends[0], "early", 5, 0) == 5);
        coax::socket first = coax::socket::adopt(ends[0]);
        coax::socket second = coax::socket::adopt(ends[1]);
        CHECK(first.family() == coax::family::local);
        CHECK(first.kind() == coax::kind::datagram);
        const coax::datagram early = co_await second.recvfrom(16);
        CHECK(early.data.text() == "early");
        co_await second.send("late");
        const coax::chunk late = co_await first.recv(16);
        CHECK(late.text() == "late");
    });
}

TEST_CASE("a listener of another maker can be adopted and accepts") {
    support::run([]() -> coax::task<> {
        const int fd = plain_socket(AF_INET, SOCK_STREAM);
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd, static_cast<const sockaddr*>(static_cast<const void*>(&any)), sizeof any) == 0);
        REQUIRE(::listen(fd, 5) == 0);
        coax::socket listener = coax::socket::adopt(fd);
        const support::connection made = co_await support::connected_by(listener);
        CHECK(made.server.getpeername() == made.client.getsockname());
    });
}

TEST_CASE("two sockets on one descriptor are both served, and closing the first is the end") {
    const bool first_goes_first = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const int before = support::open_descriptors();
        co_await made.server.sendall("a");
        coax::socket again = coax::socket::adopt(made.server.fileno());
        co_await again.sendall("b");
        const std::string both = co_await support::read(made.client, 2);
        CHECK(both == "ab");
        const auto answer = [&]() -> coax::task<> {
            co_await support::round_trip();
            co_await made.client.sendall("c");
        };
        for (coax::socket* const each : {&made.server, &again}) {
            std::string heard;
            const auto hear = [&]() -> coax::task<> { heard = co_await support::read(*each, 1); };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(hear());
                group.spawn(answer());
                co_return;
            });
            CHECK(heard == "c");
        }
        if (!first_goes_first)
            static_cast<void>(again.detach());
        made.server.close();
        const std::string rest = co_await support::read_to_end(made.client);
        CHECK(rest.empty());
        if (first_goes_first)
            static_cast<void>(again.detach());
        CHECK(support::open_descriptors() == before - 1);
    });
}

TEST_CASE("the errors of an adopted connection name its peer") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const int copy = dup(made.server.fileno());
        REQUIRE(copy != -1);
        coax::socket adopted = coax::socket::adopt(copy);
        made.server.close();
        const coax::address peer = made.client.getsockname();
        support::reset(made.client);
        const auto outcome = co_await coax::as_result(adopted.recv(8));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error() == std::errc::connection_reset);
        CHECK(outcome.error().peer() == peer);
    });
}

TEST_CASE("adopting a descriptor that is no socket is not_a_socket, and it stays the caller's") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    CHECK(support::code_thrown_by([&] { static_cast<void>(coax::socket::adopt(ends[0])); }) == std::errc::not_a_socket);
    CHECK(is_open(ends[0]));
    CHECK_FALSE(closed_on_exec(ends[0]));
    CHECK_FALSE(non_blocking(ends[0]));
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("adopting what is not open is bad_file_descriptor") {
    CHECK(support::code_thrown_by([] { static_cast<void>(coax::socket::adopt(-1)); }) ==
          std::errc::bad_file_descriptor);
    const int fd = plain_socket(AF_INET, SOCK_STREAM);
    ::close(fd);
    try {
        static_cast<void>(coax::socket::adopt(fd));
        FAIL("adopted a descriptor that is closed");
    } catch (const coax::io_error& error) {
        CHECK(error.code() == std::errc::bad_file_descriptor);
        CHECK(error.operation() == coax::operation_name::adopt);
    }
}

TEST_CASE("a socket of a kind the library does not know is refused, and stays the caller's") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    CHECK(support::code_thrown_by([&] { static_cast<void>(coax::socket::adopt(ends[0])); }));
    CHECK(is_open(ends[0]));
    CHECK_FALSE(non_blocking(ends[0]));
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a socket that was blocking when it was adopted is blocking again when it is detached") {
    const bool blocking = GENERATE(true, false);
    const int fd = plain_socket(AF_INET, SOCK_STREAM);
    if (!blocking)
        REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    coax::socket adopted = coax::socket::adopt(fd);
    CHECK(non_blocking(fd));
    const coax::detached given = adopted.detach();
    CHECK(non_blocking(given.handle) != blocking);
    ::close(given.handle);
}

TEST_CASE("with SO_RCVLOWAT a receive waits for so many bytes, or for the end of the stream") {
    const bool inherited = GENERATE(false, true);
    const bool pooled = GENERATE(false, true);
    CAPTURE(inherited, pooled);
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        if (inherited)
            listener.setsockopt(SOL_SOCKET, SO_RCVLOWAT, 4);
        support::connection made = co_await support::connected_by(listener);
        if (!inherited)
            made.server.setsockopt(SOL_SOCKET, SO_RCVLOWAT, 4);
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            for (int i = 0; i < 2; ++i) {
                if (pooled) {
                    const coax::chunk data = co_await made.server.recv(64);
                    heard += std::string(data.text()) + ".";
                } else {
                    std::string buffer(64, '\0');
                    const std::size_t count = co_await made.server.recv(support::writable(buffer));
                    heard += buffer.substr(0, count) + ".";
                }
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await made.client.sendall("a");
            co_await support::round_trip();
            co_await made.client.sendall("bc");
            co_await support::round_trip();
            CHECK(heard.empty());
            co_await made.client.sendall("d");
            co_await support::until([&] { return !heard.empty(); });
            co_await made.client.sendall("e");
            made.client.shutdown(coax::shutdown_how::write);
        });
        CHECK(heard == "abcd.e.");
    });
}

TEST_CASE("closing a duplicate on which somebody waits leaves the connect of the other alone") {
    support::run([]() -> coax::task<> {
        support::full_listener full(coax::family::inet);
        co_await full.fill();
        coax::socket client(coax::family::inet);
        std::optional<std::error_code> connected;
        const auto connect = [&]() -> coax::task<> { connected = co_await client.connect_ex(full.name); };
        coax::socket duplicate = coax::socket::adopt(::dup(client.fileno()));
        const auto receive = [&]() -> coax::task<> { static_cast<void>(co_await coax::as_result(duplicate.recv(16))); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(connect());
            co_await support::round_trip();
            group.spawn(receive());
            co_await support::round_trip();
            duplicate.close();
            co_await support::round_trip();
            CHECK_FALSE(connected.has_value());
            group.cancel();
        });
        client.close();
    });
}

TEST_CASE("with SO_RCVLOWAT a receive that has to fill its buffer gets all of it") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.server.setsockopt(SOL_SOCKET, SO_RCVLOWAT, 100);
        const std::string sent = support::pattern(150);
        co_await made.client.sendall(sent.substr(0, 100));
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            const coax::chunk all = co_await made.server.recv(150, coax::message_flags::wait_all);
            heard = all.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            co_await made.client.sendall(sent.substr(100));
        });
        CHECK(heard == sent);
    });
}

TEST_CASE("accepting on a listener that others have made blocking stops nobody") {
    support::run([]() -> coax::task<> {
        coax::socket made = support::listening(coax::family::inet);
        const coax::address name = made.getsockname();
        const int shared = ::dup(made.fileno());
        coax::socket listener = coax::socket::adopt(made.detach().handle);
        REQUIRE(::fcntl(shared, F_SETFL, ::fcntl(shared, F_GETFL) & ~O_NONBLOCK) == 0);
        bool accepted = false;
        const auto acceptor = [&]() -> coax::task<> {
            const coax::accepted one = co_await listener.accept();
            accepted = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(acceptor());
            co_await support::round_trip();
            CHECK_FALSE(accepted);
            coax::socket client(coax::family::inet);
            co_await client.connect(name);
            co_await support::until([&] { return accepted; });
        });
        ::close(shared);
    });
}

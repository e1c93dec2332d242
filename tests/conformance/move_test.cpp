// Sockets are values that move, also while operations wait on them.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

static_assert(std::is_nothrow_move_constructible_v<coax::socket> && std::is_nothrow_move_assignable_v<coax::socket>);
static_assert(!std::is_copy_constructible_v<coax::socket> && !std::is_copy_assignable_v<coax::socket>);

TEST_CASE("a moved socket is the same socket, and what it was moved from is closed") {
    coax::socket first(coax::family::inet6, coax::kind::datagram);
    const coax::native_handle fd = first.fileno();
    first.settimeout(std::chrono::seconds(3));
    coax::socket second = std::move(first);
    CHECK(second.fileno() == fd);
    CHECK(second.family() == coax::family::inet6);
    CHECK(second.kind() == coax::kind::datagram);
    CHECK(second.gettimeout() == std::optional<coax::clock::duration>(std::chrono::seconds(3)));
    CHECK_FALSE(first.is_open());
    CHECK(first.fileno() == support::no_handle);
    first = std::move(second);
    CHECK(first.fileno() == fd);
    CHECK_FALSE(second.is_open());
}

TEST_CASE("every operation on a socket that was moved from is bad_file_descriptor") {
    support::run([]() -> coax::task<> {
        coax::socket gone(coax::family::inet);
        const coax::socket kept = std::move(gone);
        std::byte buffer[8];
        const coax::address name("127.0.0.1", 9);
        const auto accepted = co_await coax::as_result(gone.accept());
        CHECK(support::code_of(accepted) == std::errc::bad_file_descriptor);
        const auto connected = co_await coax::as_result(gone.connect(name));
        CHECK(support::code_of(connected) == std::errc::bad_file_descriptor);
        const auto chunk = co_await coax::as_result(gone.recv(8));
        CHECK(support::code_of(chunk) == std::errc::bad_file_descriptor);
        const auto received = co_await coax::as_result(gone.recv(buffer));
        CHECK(support::code_of(received) == std::errc::bad_file_descriptor);
        const auto datagram = co_await coax::as_result(gone.recvfrom(8));
        CHECK(support::code_of(datagram) == std::errc::bad_file_descriptor);
        const auto filled = co_await coax::as_result(gone.recvfrom(buffer));
        CHECK(support::code_of(filled) == std::errc::bad_file_descriptor);
        const auto sent = co_await coax::as_result(gone.send("x"));
        CHECK(support::code_of(sent) == std::errc::bad_file_descriptor);
        const auto all = co_await coax::as_result(gone.sendall("x"));
        CHECK(support::code_of(all) == std::errc::bad_file_descriptor);
        const auto pieces = co_await coax::as_result(gone.sendall("x", "y"));
        CHECK(support::code_of(pieces) == std::errc::bad_file_descriptor);
        const auto directed = co_await coax::as_result(gone.sendto("x", name));
        CHECK(support::code_of(directed) == std::errc::bad_file_descriptor);
        const auto nothing = co_await coax::as_result(gone.recv(0));
        CHECK(support::code_of(nothing) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a receive that waits goes on when its socket is moved") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        coax::socket moved;
        const auto reader = [&]() -> coax::task<> {
            const coax::chunk data = co_await made.server.recv(64);
            heard = data.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            moved = std::move(made.server);
            co_await made.client.sendall("followed");
        });
        CHECK(heard == "followed");
        co_await moved.sendall("still open");
        const std::string answer = co_await support::read(made.client, 10);
        CHECK(answer == "still open");
    });
}

TEST_CASE("a send and an accept that wait go on when their sockets are moved, into a growing vector for example") {
    support::run([]() -> coax::task<> {
        std::vector<coax::socket> sockets;
        sockets.push_back(support::listening(coax::family::inet));
        const coax::address name = sockets[0].getsockname();
        support::connection made = co_await support::connected(coax::family::inet);
        sockets.push_back(std::move(made.client));

        const std::string large = support::pattern(4 << 20);
        std::optional<coax::address> peer;
        std::string heard;
        coax::socket client(coax::family::inet);
        const auto acceptor = [&]() -> coax::task<> {
            const coax::accepted taken = co_await sockets[0].accept();
            peer = taken.peer;
        };
        const auto writer = [&]() -> coax::task<> { co_await sockets[1].sendall(large); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(acceptor());
            group.spawn(writer());
            co_await support::round_trip();
            sockets.reserve(sockets.capacity() + 100);
            co_await client.connect(name);
            heard = co_await support::read(made.server, large.size());
        });
        CHECK(peer == client.getsockname());
        CHECK(support::same_up_to(heard, large) == large.size());
    });
}

TEST_CASE("assigning to a socket closes what it was, and ends what waited on that") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        support::connection other = co_await support::connected(coax::family::inet);
        std::error_code outcome;
        const auto reader = [&]() -> coax::task<> {
            const auto result = co_await coax::as_result(made.server.recv(8));
            outcome = support::code_of(result);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            made.server = std::move(other.server);
        });
        CHECK(outcome == std::errc::bad_file_descriptor);
        const coax::chunk end = co_await made.client.recv(8);
        CHECK_FALSE(static_cast<bool>(end));
        co_await other.client.sendall("to the new one");
        const std::string heard = co_await support::read(made.server, 14);
        CHECK(heard == "to the new one");
    });
}

TEST_CASE("sockets can be swapped while operations wait on both") {
    support::run([]() -> coax::task<> {
        support::connection one = co_await support::connected(coax::family::inet);
        support::connection two = co_await support::connected(coax::family::inet);
        std::string from_one;
        std::string from_two;
        const auto reader = [](coax::socket& from, std::string& into) -> coax::task<> {
            const coax::chunk data = co_await from.recv(8);
            into = data.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader(one.server, from_one));
            group.spawn(reader(two.server, from_two));
            co_await support::round_trip();
            std::swap(one.server, two.server);
            co_await one.client.sendall("one");
            co_await two.client.sendall("two");
        });
        CHECK(from_one == "one");
        CHECK(from_two == "two");
        co_await one.client.sendall("1");
        const std::string heard = co_await support::read(two.server, 1);
        CHECK(heard == "1");
    });
}

TEST_CASE("closing twice is harmless, and so is destroying what is closed") {
    const int before = support::open_descriptors();
    {
        coax::socket socket(coax::family::inet);
        socket.close();
        socket.close();
        coax::socket none;
        none.close();
        // The number may belong to somebody else by now.
        const coax::socket successor(coax::family::inet);
        socket.close();
        CHECK(successor.is_open());
        CHECK_NOTHROW(successor.getsockname());
    }
    CHECK(support::open_descriptors() == before);
}

// Giving a socket away: nothing that had arrived is lost, and nothing of the library stays behind.
#include "support/catch.hpp"
#include "support/inet_and_local.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

/// What can be read from a non-blocking handle up to the end of its stream, without the library.
std::string drain(coax::native_handle fd) {
    std::string text;
    for (;;) {
        if (!support::wait_readable(fd))
            return text + "<nothing more came>";
        char buffer[4096];
        const std::ptrdiff_t got = support::receive_raw(fd, buffer, sizeof buffer);
        if (got <= 0)
            return got == 0 ? text : text + "<error>";
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

/// The connections that can still be accepted from a non-blocking handle, without the library.
std::vector<coax::socket> accept_all(coax::native_handle fd) {
    std::vector<coax::socket> found;
    for (;;) {
        const coax::native_handle connection = support::accept_raw(fd);
        if (connection == support::no_handle)
            return found;
        found.push_back(coax::socket::adopt(connection));
    }
}

} // namespace

TEST_CASE("a detached handle is open, non-blocking and the caller's; the socket is closed") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const coax::native_handle fd = made.server.fileno();
        const coax::detached given = made.server.detach();
        CHECK(given.handle == fd);
        CHECK(given.unread.empty());
        CHECK(given.unaccepted.empty());
        CHECK_FALSE(made.server.is_open());
        CHECK(made.server.fileno() == support::no_handle);
        CHECK(support::is_non_blocking(fd));
        const auto outcome = co_await coax::as_result(made.server.recv(8));
        CHECK(support::code_of(outcome) == std::errc::bad_file_descriptor);
        CHECK(support::code_thrown_by([&] { static_cast<void>(made.server.detach()); }) ==
              std::errc::bad_file_descriptor);

        made.server.close(); // harmless: it owns nothing any more
        REQUIRE(support::send_raw(fd, "mine", 4) == 4);
        const std::string heard = co_await support::read(made.client, 4);
        CHECK(heard == "mine");
        support::close_raw(fd);
        const coax::chunk end = co_await made.client.recv(8);
        CHECK_FALSE(static_cast<bool>(end));
    });
}

TEST_CASE("a socket that no scheduler has ever used can be detached") {
    coax::socket socket(coax::family::inet);
    const coax::native_handle fd = socket.fileno();
    const coax::detached given = socket.detach();
    CHECK(given.handle == fd);
    CHECK(support::close_raw(fd));
}

TEST_CASE("operations that wait while their socket is detached end with bad_file_descriptor") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string large(12 << 20, 'x');
        int ended = 0;
        const auto reader = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(made.server.recv(8));
            ended += support::code_of(outcome) == std::errc::bad_file_descriptor ? 1 : 0;
        };
        const auto writer = [&]() -> coax::task<> {
            const auto outcome = co_await coax::as_result(made.server.sendall(large));
            ended += support::code_of(outcome) == std::errc::bad_file_descriptor ? 1 : 0;
        };
        coax::native_handle fd = support::no_handle;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            group.spawn(reader());
            group.spawn(writer());
            co_await support::round_trip();
            CHECK(ended == 0);
            fd = made.server.detach().handle;
        });
        CHECK(ended == 3);
        support::close_raw(fd);
    });
}

TEST_CASE("what was delivered, what is handed over as unread, and what is still in the handle make up the stream") {
    const int small_receives = GENERATE(0, 1, 5, 64);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        const std::string sent = support::pattern(20'000);
        std::string heard;
        // Many small receives with data always at hand are what tempts a backend to receive in advance.
        for (int i = 0; i < small_receives; ++i) {
            co_await made.client.sendall(std::string_view(sent).substr(heard.size(), 100));
            const coax::chunk data = co_await made.server.recv(100);
            heard += data.text();
        }
        co_await made.client.sendall(std::string_view(sent).substr(static_cast<std::size_t>(small_receives) * 100));
        made.client.shutdown(coax::shutdown_how::write);
        // A receive that is given up just as data arrive.
        const auto reader = [&]() -> coax::task<> {
            const coax::chunk data = co_await made.server.recv(10);
            heard += data.text();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            group.cancel();
            co_return;
        });
        const coax::detached given = made.server.detach();
        heard += support::text_of(given.unread);
        heard += drain(given.handle);
        support::close_raw(given.handle);
        CHECK(heard.size() == sent.size());
        CHECK(support::same_up_to(heard, sent) == sent.size());
    });
}

TEST_CASE("a detached listener hands over the connections it had taken, and the rest is in its backlog") {
    const coax::family family = GENERATE(from_range(support::inet_and_local()));
    INFO(support::name_of(family));
    constexpr int count = 20;
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(family);
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> found;
        std::vector<coax::socket> clients;
        const auto acceptor = [&]() -> coax::task<> {
            coax::accepted taken = co_await listener.accept();
            found.push_back(std::move(taken.conn));
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(acceptor());
            co_await support::round_trip();
            for (int i = 0; i < count; ++i) {
                clients.emplace_back(family);
                const auto outcome = co_await coax::as_result(clients.back().connect(name));
                CHECK(outcome);
                co_await clients.back().sendall(std::to_string(i));
                clients.back().shutdown(coax::shutdown_how::write);
            }
        });
        CHECK(found.size() == 1);
        coax::detached given = listener.detach();
        CHECK_FALSE(listener.is_open());
        CHECK(given.unread.empty());
        for (coax::socket& one : given.unaccepted)
            found.push_back(std::move(one));
        for (coax::socket& one : accept_all(given.handle))
            found.push_back(std::move(one));
        support::close_raw(given.handle);
        REQUIRE(found.size() == count);
        for (int i = 0; i < count; ++i) {
            const std::string number = co_await support::read_to_end(found[static_cast<std::size_t>(i)]);
            CHECK(number == std::to_string(i));
        }
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a handle may be detached and adopted again, over and over") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        for (int i = 0; i < 20; ++i) {
            co_await made.client.sendall("ping");
            const std::string heard = co_await support::read(made.server, 4);
            CHECK(heard == "ping");
            const coax::detached given = made.server.detach();
            REQUIRE(given.unread.empty());
            made.server = coax::socket::adopt(given.handle);
            co_await made.server.sendall("pong");
            const std::string answer = co_await support::read(made.client, 4);
            CHECK(answer == "pong");
        }
    });
}

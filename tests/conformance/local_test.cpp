// UNIX sockets in the file system.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <filesystem>
#include <string>
#include <system_error>

namespace {

// The longest path that every system takes; where it may be longer, some more bytes are allowed.
constexpr std::size_t longest_everywhere = 103;
constexpr std::size_t too_long_everywhere = 108;

std::string path_of_length(const support::temporary_directory& directory, std::size_t length) {
    std::string path = directory.file("");
    REQUIRE(path.size() < length);
    path.append(length - path.size(), 'x');
    return path;
}

coax::task<> echoes(coax::socket& listener, const coax::address& name) {
    coax::socket client(coax::family::local);
    co_await client.connect(name);
    coax::accepted taken = co_await listener.accept();
    co_await client.sendall("through the file system");
    const std::string heard = co_await support::read(taken.conn, 23);
    co_await taken.conn.sendall(heard);
    const std::string answer = co_await support::read(client, 23);
    CHECK(answer == "through the file system");
    CHECK(taken.conn.getsockname() == name);
    CHECK(client.getpeername() == name);
}

} // namespace

TEST_CASE("a UNIX stream is reached by its path") {
    support::run([]() -> coax::task<> {
        const support::temporary_directory directory;
        const coax::address name = coax::address::unix_path(directory.file("server"));
        coax::socket listener(coax::family::local);
        listener.bind(name);
        listener.listen();
        CHECK(listener.getsockname() == name);
        CHECK(listener.getsockname().path() == directory.file("server"));
        CHECK(std::filesystem::is_socket(directory.file("server")));
        co_await echoes(listener, name);
    });
}

TEST_CASE("a path with odd bytes is taken as it is and comes back as it was") {
    const std::string odd = GENERATE(std::string("with space"), std::string("line\nbreak"), std::string("\xff\xfe"),
                                     std::string("@at"), std::string("back\\slash"), std::string("\xe4\xb8\xad"));
    support::run([&]() -> coax::task<> {
        const support::temporary_directory directory;
        const std::string path = directory.file(odd);
        const coax::address name = coax::address::unix_path(path);
        coax::socket listener(coax::family::local);
        listener.bind(name);
        listener.listen();
        CHECK(listener.getsockname().path() == path);
        CHECK(coax::address::parse(listener.getsockname().to_string()) == name);
        co_await echoes(listener, name);
    });
}

TEST_CASE("the longest path is used in full, a longer one is an error and never cut off") {
    const support::temporary_directory directory;
    const std::string longest = path_of_length(directory, longest_everywhere);
    support::run([&]() -> coax::task<> {
        const coax::address name = coax::address::unix_path(longest);
        coax::socket listener(coax::family::local);
        listener.bind(name);
        listener.listen();
        CHECK(listener.getsockname().path() == longest);
        CHECK(std::filesystem::is_socket(longest));
        co_await echoes(listener, name);
    });
    const std::string too_long = path_of_length(directory, too_long_everywhere);
    CHECK_THROWS_AS(coax::address::unix_path(too_long), std::invalid_argument);
    CHECK_THROWS_AS(coax::address::parse("unix:" + too_long), std::invalid_argument);
    CHECK_FALSE(std::filesystem::exists(too_long.substr(0, 107)));
}

TEST_CASE("binding a path that exists is address_in_use, and leaves what is there alone") {
    const support::temporary_directory directory;
    const std::string path = directory.file("taken");
    const coax::address name = coax::address::unix_path(path);
    coax::socket first(coax::family::local);
    first.bind(name);
    coax::socket second(coax::family::local);
    CHECK(support::code_thrown_by([&] { second.bind(name); }) == std::errc::address_in_use);
    // The file of a socket that is closed stays; it belongs to whoever made it.
    first.close();
    CHECK(std::filesystem::is_socket(path));
    CHECK(support::code_thrown_by([&] { second.bind(name); }) == std::errc::address_in_use);
    std::filesystem::remove(path);
    CHECK_FALSE(support::code_thrown_by([&] { second.bind(name); }));
}

TEST_CASE("binding in a directory that does not exist says so, with the path") {
    const support::temporary_directory directory;
    const coax::address name = coax::address::unix_path(directory.file("missing/socket"));
    coax::socket socket(coax::family::local);
    try {
        socket.bind(name);
        FAIL("bound in a directory that does not exist");
    } catch (const coax::io_error& error) {
        CHECK(error.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(error.what()).find(name.path()) != std::string::npos);
    }
}

TEST_CASE("an unbound UNIX socket has no name, and prints so") {
    const coax::socket socket(coax::family::local);
    CHECK(socket.getsockname().is_unnamed());
    CHECK(socket.getsockname().to_string() == "unnamed");
}

TEST_CASE("UNIX datagrams keep their borders and their order") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = support::bound(coax::family::local, coax::kind::datagram);
        coax::socket sender = support::bound(coax::family::local, coax::kind::datagram);
        co_await sender.connect(receiver.getsockname());
        CHECK(sender.getpeername() == receiver.getsockname());
        // More than the kernel queues: the sender has to wait for the receiver.
        constexpr int count = 2'000;
        int in_place = 0;
        const auto writer = [&]() -> coax::task<> {
            for (int i = 0; i < count; ++i)
                co_await sender.send(std::to_string(i));
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            for (int i = 0; i < count; ++i) {
                const coax::datagram got = co_await receiver.recvfrom(16);
                in_place += got.data.text() == std::to_string(i) && got.peer == sender.getsockname() ? 1 : 0;
            }
        });
        CHECK(in_place == count);
    });
}

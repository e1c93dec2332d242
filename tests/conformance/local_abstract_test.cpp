// Abstract UNIX names: Linux only (unix(7)); elsewhere they are an address that no socket can have.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <stdexcept>
#include <string>
#include <system_error>

#include <unistd.h>

namespace {

/// A name that no other process uses, padded to the given length.
std::string unique_name(std::size_t length = 0) {
    static int count = 0;
    std::string name = "coax-test-" + std::to_string(getpid()) + "-" + std::to_string(++count) + "-";
    if (name.size() < length)
        name.append(length - name.size(), 'n');
    return name;
}

coax::task<> reaches(const coax::address& name) {
    coax::socket listener(coax::family::local);
    listener.bind(name);
    listener.listen();
    CHECK(listener.getsockname() == name);
    coax::socket client(coax::family::local);
    co_await client.connect(name);
    coax::accepted taken = co_await listener.accept();
    co_await client.sendall("abstract");
    const std::string heard = co_await support::read(taken.conn, 8);
    CHECK(heard == "abstract");
    CHECK(client.getpeername() == name);
    CHECK(client.getpeername().abstract_name() == name.abstract_name());
    CHECK(coax::address::parse(client.getpeername().to_string()) == name);
}

} // namespace

TEST_CASE("an abstract name is bound and reached without a file") {
    if (!support::has_abstract_names())
        return;
    support::run([]() -> coax::task<> { co_await reaches(coax::address::unix_abstract(unique_name())); });
}

TEST_CASE("an abstract name may have 107 bytes, and no more") {
    if (!support::has_abstract_names())
        return;
    support::run([]() -> coax::task<> { co_await reaches(coax::address::unix_abstract(unique_name(107))); });
    CHECK_THROWS_AS(coax::address::unix_abstract(unique_name(108)), std::invalid_argument);
}

TEST_CASE("an abstract name may contain NUL, which tells it from others") {
    if (!support::has_abstract_names())
        return;
    const std::string stem = unique_name();
    const coax::address plain = coax::address::unix_abstract(stem);
    const coax::address with_nul = coax::address::unix_abstract(stem + std::string(1, '\0'));
    const coax::address longer = coax::address::unix_abstract(stem + std::string("\0tail", 5));
    coax::socket sockets[3] = {coax::socket(coax::family::local), coax::socket(coax::family::local),
                               coax::socket(coax::family::local)};
    sockets[0].bind(plain);
    sockets[1].bind(with_nul);
    sockets[2].bind(longer);
    CHECK(sockets[0].getsockname().abstract_name() == stem);
    CHECK(sockets[1].getsockname().abstract_name() == stem + std::string(1, '\0'));
    CHECK(sockets[2].getsockname().abstract_name() == stem + std::string("\0tail", 5));
    for (coax::socket& socket : sockets)
        socket.close();
    support::run([&]() -> coax::task<> { co_await reaches(longer); });
}

TEST_CASE("an abstract name is free again when its socket is closed") {
    if (!support::has_abstract_names())
        return;
    const coax::address name = coax::address::unix_abstract(unique_name());
    coax::socket first(coax::family::local);
    first.bind(name);
    coax::socket second(coax::family::local);
    CHECK(support::code_thrown_by([&] { second.bind(name); }) == std::errc::address_in_use);
    first.close();
    CHECK_FALSE(support::code_thrown_by([&] { second.bind(name); }));
}

TEST_CASE("binding the unnamed address gives an abstract name of the kernel's choice") {
    if (!support::has_abstract_names())
        return;
    support::run([]() -> coax::task<> {
        coax::socket receiver(coax::family::local, coax::kind::datagram);
        receiver.bind(coax::address());
        const coax::address name = receiver.getsockname();
        CHECK(name.is_abstract());
        CHECK_FALSE(name.abstract_name().empty());
        coax::socket sender(coax::family::local, coax::kind::datagram);
        sender.bind(coax::address());
        co_await sender.sendto("found", name);
        const coax::datagram got = co_await receiver.recvfrom(16);
        CHECK(got.data.text() == "found");
        CHECK(got.peer == sender.getsockname());
    });
}

TEST_CASE("where there are no abstract names, using one is an error that says so") {
    if (support::has_abstract_names())
        return;
    const coax::address name = coax::address::unix_abstract("name");
    CHECK(name.is_abstract());
    coax::socket socket(coax::family::local);
    CHECK(support::code_thrown_by([&] { socket.bind(name); }) == std::errc::address_family_not_supported);
    CHECK(support::code_thrown_by([&] { static_cast<void>(coax::create_server(name)); }) ==
          std::errc::address_family_not_supported);
    support::run([&]() -> coax::task<> {
        const std::error_code refused = co_await socket.connect_ex(name);
        CHECK(refused == std::errc::address_family_not_supported);
    });
}

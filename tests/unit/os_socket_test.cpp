// Sockets at the level of the system calls, from creation to close: what each call promises beyond the bare one.
#include "support/catch.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/address.hpp"
#include "os/extensions.hpp"
#include "unit/os_sockets.hpp"

using namespace os_test;
using namespace std::string_literals;

namespace {

#ifdef COAX_LINUX_EXTENSIONS
std::string abstract_name() { return "coax-test\0"s + std::to_string(::getpid()); }
#endif

} // namespace

TEST_CASE("a TCP connection over loopback knows both its names") {
    for (const auto& [f, place] : loopback_places()) {
        INFO(place);
        const owned listener = listening(place, f);
        CHECK(name_of(listener).host() == place.host());
        CHECK(name_of(listener).port() != 0);
        CHECK(os::accept(listener, nullptr).error == EAGAIN);

        owned client(f, kind::stream);
        connect_to(client, name_of(listener));
        REQUIRE(wait_for(listener, os::poll_readable));
        address peer;
        const owned server(os::accept(listener, &peer));
        CHECK(peer == name_of(client));
        address there;
        CHECK(os::getpeername(client, there) == 0);
        CHECK(there == name_of(listener));
        CHECK(is_prepared(listener));
        CHECK(is_prepared(client));
        CHECK(is_prepared(server));

        char byte = 0;
        CHECK(os::recv(server, &byte, 1, {}).error == EAGAIN);
        send_text(client, "Hello, world");
        REQUIRE(wait_for(server, os::poll_readable));
        CHECK(received(server, message_flags::peek) == "Hello, world");
        CHECK(received(server) == "Hello, world");
        CHECK(client.close() == 0);
        REQUIRE(wait_for(server, os::poll_readable));
        CHECK(received(server).empty());
    }
}

TEST_CASE("a connection that nobody listens for is refused") {
    const address nobody = name_of(bound(family::inet, kind::stream, address("127.0.0.1", 0)));
    const owned client(family::inet, kind::stream);
    const int error = os::connect(client, nobody);
    if (error == EINPROGRESS) {
        REQUIRE(wait_for(client, os::poll_writable));
        CHECK(os::connect_result(client) == ECONNREFUSED);
        CHECK(os::connect_result(client) == 0);
    } else {
        CHECK(error == ECONNREFUSED);
    }
}

TEST_CASE("placeholders never reach the kernel, and nobody's address leads nowhere") {
    const owned stream(family::inet, kind::stream);
    const owned datagrams(family::inet, kind::datagram);
    for (const address& a : {address("", 0), address("localhost", 9)}) {
        CHECK(os::usable_error(a) == EAFNOSUPPORT);
        CHECK(os::bind(stream, a) == EAFNOSUPPORT);
        CHECK(os::connect(stream, a) == EAFNOSUPPORT);
        CHECK(os::sendto(datagrams, "x", 1, {}, a).error == EAFNOSUPPORT);
        CHECK(os::usable_error(a.resolved(family::inet)) == 0);
    }
    CHECK(os::bind(stream, address()) != 0);
    CHECK(os::connect(stream, address()) != 0);
    CHECK(os::sendto(datagrams, "x", 1, {}, address()).error != 0);
    const auto [left, right] = connected_pair(kind::datagram);
    CHECK(os::sendto(left, "x", 1, {}, address()).error != 0);
}

TEST_CASE("an address of another family than the socket's is refused") {
    const owned stream(family::inet, kind::stream);
    CHECK(os::bind(stream, address("::1", 0)) != 0);
    CHECK(os::bind(stream, address::unix_path("/nowhere")) != 0);
}

TEST_CASE("a UNIX stream socket serves at the longest path") {
    std::string directory = (std::filesystem::temp_directory_path() / "coax-XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const std::string path = directory + '/' + std::string(os::local_name_limit - 1 - directory.size(), 's');
    const address place = address::unix_path(path);

    const owned listener = listening(place, family::local);
    CHECK(name_of(listener) == place);
    CHECK(std::filesystem::exists(path));
    const owned client(family::local, kind::stream);
    connect_to(client, place);
    address peer = place;
    const owned server(os::accept(listener, &peer));
    CHECK(peer.is_unnamed());
    CHECK(name_of(client).is_unnamed());
    CHECK(os::getpeername(client, peer) == 0);
    CHECK(peer == place);
    CHECK(is_prepared(server));
    std::filesystem::remove_all(directory);
}

#ifdef COAX_LINUX_EXTENSIONS
TEST_CASE("a full UNIX backlog refuses with EAGAIN, which poll(2) cannot wait out") {
    const owned listener = listening(address::unix_abstract(abstract_name()), family::local);
    REQUIRE(os::listen(listener, 0) == 0);
    std::vector<owned> clients;
    int error = 0;
    while (error == 0 && clients.size() < 100) {
        clients.emplace_back(family::local, kind::stream);
        error = os::connect(clients.back(), name_of(listener));
    }
    CHECK(error == EAGAIN);
    CHECK(wait_for(clients.back(), os::poll_writable));
    CHECK(os::connect_result(clients.back()) == 0);
    address peer;
    CHECK(os::getpeername(clients.back(), peer) == ENOTCONN);

    const owned first(os::accept(listener, nullptr));
    CHECK(os::connect(clients.back(), name_of(listener)) == 0);
}

TEST_CASE("abstract names keep their NUL bytes, and an unnamed bind gets a name from the kernel") {
    const address place = address::unix_abstract(abstract_name());
    const owned server = bound(family::local, kind::datagram, place);
    CHECK(name_of(server) == place);
    const std::string longest = abstract_name() + std::string(os::local_name_limit - abstract_name().size(), '\0');
    const owned other = bound(family::local, kind::datagram, address::unix_abstract(longest));
    CHECK(name_of(other).abstract_name() == longest);

    const owned client = bound(family::local, kind::datagram, address());
    CHECK(name_of(client).is_abstract());
    REQUIRE(os::sendto(client, "x", 1, {}, place).error == 0);
    address peer;
    bool truncated = true;
    char byte = 0;
    CHECK(os::recvfrom(server, &byte, 1, {}, peer, truncated).value == 1);
    CHECK(peer == name_of(client));
}
#endif

TEST_CASE("socketpair gives two connected sockets without names") {
    for (const kind k : {kind::stream, kind::datagram}) {
        const auto [left, right] = connected_pair(k);
        CHECK(is_prepared(left));
        CHECK(is_prepared(right));
        CHECK(name_of(left).is_unnamed());
        send_text(left, "over");
        CHECK(received(right) == "over");
        family f{};
        kind found{};
        CHECK(os::family_of(left, f) == 0);
        CHECK(f == family::local);
        CHECK(os::kind_of(left, found) == 0);
        CHECK(found == k);
    }
}

TEST_CASE("an adopted handle is examined and prepared") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const owned reader(ends[0]);
    const owned writer(ends[1]);
    family f{};
    kind k{};
    CHECK(os::family_of(reader, f) == ENOTSOCK);
    CHECK(os::kind_of(reader, k) == ENOTSOCK);
    CHECK(os::family_of(-1, f) == EBADF);
    CHECK(os::prepare(-1) == EBADF);

    const owned raw(::socket(AF_INET, SOCK_DGRAM, 0));
    CHECK_FALSE(is_prepared(raw));
    CHECK(os::prepare(raw) == 0);
    CHECK(is_prepared(raw));
    CHECK(os::family_of(raw, f) == 0);
    CHECK(f == family::inet);
    CHECK(os::kind_of(raw, k) == 0);
    CHECK(k == kind::datagram);
#ifdef __linux__
    const owned packets(::socket(AF_UNIX, SOCK_SEQPACKET, 0));
    CHECK(os::kind_of(packets, k) == ESOCKTNOSUPPORT);
    const owned netlink(::socket(AF_NETLINK, SOCK_DGRAM, 0));
    CHECK(os::family_of(netlink, f) == EAFNOSUPPORT);
    CHECK(name_of(netlink).is_unnamed());
#endif
}

TEST_CASE("no call waits, even when another process has made the open file blocking") {
    const auto [left, right] = connected_pair(kind::stream);
    REQUIRE(::fcntl(left, F_SETFL, 0) == 0);
    std::vector<char> data(1 << 20);
    CHECK(os::recv(left, data.data(), data.size(), {}).error == EAGAIN);
    CHECK(os::recv(left, data.data(), data.size(), message_flags::wait_all).error == EAGAIN);
    os::outcome sent;
    while (sent.error == 0)
        sent = os::send(left, data.data(), data.size(), {});
    CHECK(sent.error == EAGAIN);
    CHECK(os::set_nonblocking(left) == 0);
    CHECK(is_prepared(left));
}

TEST_CASE("errors come back as numbers") {
    CHECK(os::close(-1) == EBADF);
    CHECK(os::accept(-1, nullptr).error == EBADF);
    CHECK(os::shutdown(-1, coax::shutdown_how::both) == EBADF);
    const owned stream(family::inet, kind::stream);
    CHECK(os::accept(stream, nullptr).error == EINVAL);
    address name;
    CHECK(os::getpeername(stream, name) == ENOTCONN);
    CHECK(name.is_unnamed());
    const owned datagrams(family::inet, kind::datagram);
    CHECK(os::accept(datagrams, nullptr).error == EOPNOTSUPP);
    CHECK(os::listen(datagrams, 1) == EOPNOTSUPP);
    CHECK(os::open(family::inet, kind::stream, 12345).error != 0);
}

TEST_CASE("connections that died in the queue are told from a broken listener") {
    for (const int stale : {ECONNABORTED, EPROTO})
        CHECK(os::is_stale_connection(stale));
    for (const int lasting : {EBADF, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN, ENOTSOCK, EOPNOTSUPP, EPERM})
        CHECK_FALSE(os::is_stale_connection(lasting));
}

TEST_CASE("the descriptor limit is an error that leaves nothing behind") {
    const owned listener = listening(address("127.0.0.1", 0), family::inet);
    const owned client(family::inet, kind::stream);
    connect_to(client, name_of(listener));
    REQUIRE(wait_for(listener, os::poll_readable));

    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none = before;
    none.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const int open_error = os::open(family::inet, kind::stream, 0).error;
    const int accept_error = os::accept(listener, nullptr).error;
    coax::native_handle ends[2];
    const int pair_error = os::pair(kind::stream, ends);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);

    CHECK(open_error == EMFILE);
    CHECK(accept_error == EMFILE);
    CHECK(pair_error == EMFILE);
    const owned server(os::accept(listener, nullptr));
}

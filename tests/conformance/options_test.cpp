// Socket options, typed and raw: what was set is what is read, and what cannot be set is an error.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "native_sockets.hpp"

using namespace std::chrono_literals;
namespace option = coax::option;

namespace {

/// Sets and reads back; where a system lacks the option both calls have to say so.
template <class T>
void reads_back(coax::socket& socket, option::of<T> which, T value) {
    const std::error_code error = support::code_thrown_by([&] { socket.setsockopt(which, value); });
    if (error == std::errc::no_protocol_option) {
        CHECK(support::code_thrown_by([&] { static_cast<void>(socket.getsockopt(which)); }) == error);
        return;
    }
    CHECK_FALSE(error);
    CHECK((socket.getsockopt(which) == value));
}

} // namespace

TEST_CASE("switches read back as they were set, on and off") {
    coax::socket socket(coax::family::inet);
    for (const option::of<bool>& which : {option::reuse_port, option::keep_alive, option::out_of_band_inline,
                                          option::no_delay, option::broadcast, option::bind_address_no_port}) {
        reads_back(socket, which, true);
        reads_back(socket, which, false);
        reads_back(socket, which, true);
    }
}

TEST_CASE("an address may be used again, for streams and datagrams") {
    coax::socket stream(coax::family::inet);
    reads_back(stream, option::reuse_address, true);
    coax::socket datagram(coax::family::inet, coax::kind::datagram);
    reads_back(datagram, option::reuse_address, true);
    reads_back(datagram, option::reuse_address, false);
}

// On Windows it always may.
TEST_CASE("that a stream's address may be used again can be taken back", "[posix]") {
    coax::socket socket(coax::family::inet);
    reads_back(socket, option::reuse_address, true);
    reads_back(socket, option::reuse_address, false);
}

TEST_CASE("a datagram socket may be allowed to broadcast") {
    coax::socket socket(coax::family::inet, coax::kind::datagram);
    CHECK_FALSE(socket.getsockopt(option::broadcast));
    reads_back(socket, option::broadcast, true);
}

// Wine lacks some, and Windows user_timeout.
TEST_CASE("keep-alive times and counts read back in their units", "[posix]") {
    coax::socket socket(coax::family::inet);
    reads_back(socket, option::keep_alive_idle, std::chrono::seconds(77));
    reads_back(socket, option::keep_alive_interval, std::chrono::seconds(13));
    reads_back(socket, option::keep_alive_count, 5);
    reads_back(socket, option::user_timeout, std::chrono::milliseconds(12'345));
    // Any duration that converts without loss will do.
    socket.setsockopt(option::keep_alive_idle, 2min);
    CHECK(socket.getsockopt(option::keep_alive_idle) == 120s);
}

TEST_CASE("linger is a time or nothing") {
    using linger_time = std::optional<std::chrono::seconds>;
    coax::socket socket(coax::family::inet);
    CHECK(socket.getsockopt(option::linger) == linger_time());
    reads_back(socket, option::linger, linger_time(7s));
    reads_back(socket, option::linger, linger_time(0s));
    reads_back(socket, option::linger, linger_time());
}

TEST_CASE("buffer sizes read back in the unit in which they are set, or larger") {
    coax::socket socket(coax::family::inet);
    socket.setsockopt(option::receive_buffer_size, 65'536);
    CHECK(socket.getsockopt(option::receive_buffer_size) == 65'536);
    socket.setsockopt(option::send_buffer_size, 32'768);
    CHECK(socket.getsockopt(option::send_buffer_size) == 32'768);
    socket.setsockopt(option::send_buffer_size, 1); // every system has a smallest size
    CHECK(socket.getsockopt(option::send_buffer_size) >= 1);
    CHECK(socket.getsockopt(option::send_buffer_size) < 32'768);
}

TEST_CASE("a value outside the range of an option is an error and changes nothing") {
    coax::socket socket(coax::family::inet);
    const int before = socket.getsockopt(option::send_buffer_size);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::send_buffer_size, -1); }) ==
          std::errc::invalid_argument);
    CHECK(socket.getsockopt(option::send_buffer_size) == before);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::keep_alive_idle, -1s); }) ==
          std::errc::invalid_argument);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::keep_alive_idle, 1'000'000h); }) ==
          std::errc::invalid_argument);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::linger, -2s); }) == std::errc::invalid_argument);
    CHECK(socket.getsockopt(option::linger) == std::nullopt);
}

TEST_CASE("what a socket is can be read, and follows what it does") {
    coax::socket stream(coax::family::inet);
    const coax::socket datagram(coax::family::inet, coax::kind::datagram);
    CHECK(stream.getsockopt(option::type) == coax::kind::stream);
    CHECK(datagram.getsockopt(option::type) == coax::kind::datagram);
    CHECK_FALSE(stream.getsockopt(option::accepting));
    stream.bind({"127.0.0.1", 0});
    stream.listen();
    CHECK(stream.getsockopt(option::accepting));
    CHECK_FALSE(stream.getsockopt(option::error));
}

// Windows does not tell a datagram socket that nobody is there.
TEST_CASE("reading the pending error gives it once", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::address nobody = support::bound(coax::family::inet, coax::kind::datagram).getsockname();
        coax::socket socket(coax::family::inet, coax::kind::datagram);
        co_await socket.connect(nobody);
        co_await socket.send("anybody?");
        // Over loopback the refusal is there when the send has returned, or very soon after.
        std::error_code error;
        for (int i = 0; i < 100'000 && !error; ++i) {
            error = socket.getsockopt(option::error);
            co_await coax::yield();
        }
        CHECK(error == std::errc::connection_refused);
        CHECK_FALSE(socket.getsockopt(option::error));
    });
}

TEST_CASE("options set on a live connection take effect there") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        reads_back(made.client, option::no_delay, true);
        reads_back(made.server, option::no_delay, true);
        reads_back(made.server, option::quick_ack, true);
        co_await made.client.sendall("x");
        const std::string heard = co_await support::read(made.server, 1);
        CHECK(heard == "x");
    });
}

TEST_CASE("any option can be set and read by the system's own numbers") {
    coax::socket socket(coax::family::inet);
    socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
    CHECK(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE) != 0);
    CHECK(socket.getsockopt(option::keep_alive));
    socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    CHECK(socket.getsockopt(option::no_delay));

    const ::linger wanted{1, 9};
    socket.setsockopt(SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&wanted, 1)));
    CHECK(socket.getsockopt(option::linger) == std::optional<std::chrono::seconds>(9s));
    const std::vector<std::byte> raw = socket.getsockopt(SOL_SOCKET, SO_LINGER, 64);
    ::linger found{};
    REQUIRE(raw.size() == sizeof found);
    std::memcpy(&found, raw.data(), sizeof found);
    CHECK(found.l_onoff != 0);
    CHECK(found.l_linger == 9);
}

TEST_CASE("raw options give no more bytes than were asked for") {
    const coax::socket socket(coax::family::inet);
    const std::vector<std::byte> some = socket.getsockopt(SOL_SOCKET, SO_LINGER, sizeof(int));
    CHECK(some.size() == sizeof(int));
}

TEST_CASE("an option that does not exist is no_protocol_option") {
    coax::socket socket(coax::family::inet);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(SOL_SOCKET, 0x7ffe, 1); }) == std::errc::no_protocol_option);
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.getsockopt(SOL_SOCKET, 0x7ffe)); }) ==
          std::errc::no_protocol_option);
}

TEST_CASE("options of the internet layer are those of the socket's family") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    coax::socket socket(family, coax::kind::datagram);
    CHECK(socket.getsockopt(option::multicast_hops) == 1);
    CHECK(socket.getsockopt(option::multicast_loop));
    CHECK(socket.getsockopt(option::multicast_interface) == coax::interface_index());
    for (const int hops : {1, 64, 255})
        reads_back(socket, option::hop_limit, hops);
    for (const int hops : {0, 1, 32, 255})
        reads_back(socket, option::multicast_hops, hops);
    for (const bool on : {false, true})
        reads_back(socket, option::multicast_loop, on);
    for (const bool on : {true, false})
        reads_back(socket, option::multicast_all, on);
    for (const int wrong : {-1, 256, 1 << 20}) {
        CHECK(support::code_thrown_by([&] { socket.setsockopt(option::hop_limit, wrong); }) ==
              std::errc::invalid_argument);
        CHECK(support::code_thrown_by([&] { socket.setsockopt(option::multicast_hops, wrong); }) ==
              std::errc::invalid_argument);
    }
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::hop_limit, 0); }) == std::errc::invalid_argument);
    CHECK(socket.getsockopt(option::hop_limit) == 255);
    CHECK(socket.getsockopt(option::multicast_hops) == 255);
}

// Wine takes the number for an address.
TEST_CASE("the interface that sends to groups reads back", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    INFO(support::name_of(family));
    coax::socket socket(family, coax::kind::datagram);
    for (const coax::interface_info& one : coax::if_nameindex()) {
        const bool has_address = std::any_of(one.addresses.begin(), one.addresses.end(),
                                             [&](const auto& each) { return each.host.family() == family; });
        if (one.up && has_address)
            reads_back(socket, option::multicast_interface, one.index);
    }
    reads_back(socket, option::multicast_interface, coax::interface_index());
}

TEST_CASE("a stream has a hop limit too") {
    const coax::family family = GENERATE(from_range(support::internet()));
    coax::socket socket(family);
    reads_back(socket, option::hop_limit, 7);
}

TEST_CASE("an option of the internet layer on a UNIX socket is no_protocol_option", "[unix]") {
    coax::socket socket(coax::family::local, coax::kind::datagram);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::multicast_hops, 1); }) ==
          std::errc::no_protocol_option);
    CHECK(support::code_thrown_by([&] { static_cast<void>(socket.getsockopt(option::hop_limit)); }) ==
          std::errc::no_protocol_option);
}

TEST_CASE("a TCP option on a UNIX socket is an error", "[unix]") {
    coax::socket socket(coax::family::local);
    CHECK(support::code_thrown_by([&] { socket.setsockopt(option::no_delay, true); }));
}

TEST_CASE("an IPv6 listener takes IPv4 or refuses it, as asked") {
    if (!support::has(coax::family::inet6)) {
        WARN("no IPv6 on this machine");
        return;
    }
    const bool v6_only = GENERATE(true, false);
    support::run([&]() -> coax::task<> {
        coax::socket listener(coax::family::inet6);
        reads_back(listener, option::v6_only, v6_only);
        listener.bind({"", 0});
        listener.listen();
        const int port = listener.getsockname().port();
        CHECK(listener.getsockname().host() == "::");

        coax::socket v6(coax::family::inet6);
        const std::error_code same_family = co_await v6.connect_ex({"::1", port});
        CHECK_FALSE(same_family);
        const coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == v6.getsockname());

        coax::socket v4(coax::family::inet);
        const std::error_code other_family = co_await v4.connect_ex({"127.0.0.1", port});
        if (v6_only) {
            CHECK(other_family == std::errc::connection_refused);
        } else {
            REQUIRE_FALSE(other_family);
            const coax::accepted mapped = co_await listener.accept();
            CHECK(mapped.peer.family() == coax::family::inet6);
            CHECK(mapped.peer.host() == "::ffff:127.0.0.1");
            CHECK(mapped.peer.port() == v4.getsockname().port());
        }
    });
}

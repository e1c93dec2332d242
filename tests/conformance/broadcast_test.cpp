// Broadcast, within the network of the loopback interface: 127.255.255.255.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>

namespace option = coax::option;

namespace {

coax::address to_all(int port) { return {"127.255.255.255", port}; }

coax::socket shared(int port) {
    coax::socket made(coax::family::inet, coax::kind::datagram);
    made.setsockopt(option::reuse_address, true);
    made.bind({"", port});
    return made;
}

} // namespace

TEST_CASE("a broadcast reaches every socket on its port, once it is allowed") {
    support::run([]() -> coax::task<> {
        coax::socket one = shared(0);
        const coax::address to = to_all(one.getsockname().port());
        coax::socket other = shared(to.port());
        coax::socket sender = support::bound(coax::family::inet, coax::kind::datagram);

        const auto refused = co_await coax::as_result(sender.sendto("too early", to));
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == std::errc::permission_denied);
        CHECK(refused.error().operation() == coax::operation_name::sendto);
        CHECK(refused.error().peer() == to);

        sender.setsockopt(option::broadcast, true);
        const std::size_t sent = co_await sender.sendto("to all", to);
        CHECK(sent == 6);
        for (coax::socket* each : {&one, &other}) {
            const coax::datagram got = co_await each->recvfrom(100);
            CHECK(got.data.text() == "to all");
            CHECK(got.peer == sender.getsockname());
        }

        sender.setsockopt(option::broadcast, false);
        const auto again = co_await coax::as_result(sender.sendto("too late", to));
        REQUIRE_FALSE(again);
        CHECK(again.error() == std::errc::permission_denied);
    });
}

// To receive one needs no permission; Linux asks for it where a socket is to have a broadcast address for its peer.
TEST_CASE("a broadcast address is connected to once it is allowed", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket receiver = shared(0);
        CHECK_FALSE(receiver.getsockopt(option::broadcast));
        const coax::address to = to_all(receiver.getsockname().port());
        coax::socket sender(coax::family::inet, coax::kind::datagram);
        const std::error_code refused = co_await sender.connect_ex(to);
        CHECK(refused == std::errc::permission_denied);
        sender.setsockopt(option::broadcast, true);
        co_await sender.connect(to);
        co_await sender.send("to all");
        const coax::chunk got = co_await receiver.recv(100);
        CHECK(got.text() == "to all");
    });
}

TEST_CASE("what was sent to all is answered from an address of this machine", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server(coax::family::inet, coax::kind::datagram);
        server.bind({"", 0});
        server.setsockopt(option::receive_packet_info, true);
        coax::socket client = support::bound(coax::family::inet, coax::kind::datagram);
        client.setsockopt(option::broadcast, true);
        const coax::address to = to_all(server.getsockname().port());

        co_await client.sendto("who", to);
        const coax::message asked = co_await server.recvmsg(100);
        REQUIRE(asked.control.packet);
        CHECK(asked.control.packet->local == coax::address("127.255.255.255", 0));
        CHECK(asked.control.packet->to_many);
        co_await server.sendmsg({.peer = asked.peer, .source = asked.control.packet}, "me");
        const coax::datagram one = co_await client.recvfrom(100);
        CHECK(one.data.text() == "me");

        co_await client.sendto("who", to);
        coax::datagram_batch batch(2, 100);
        co_await server.recvfrom(batch);
        REQUIRE(batch.size() == 1);
        CHECK(batch[0].local == coax::address("127.255.255.255", 0));
        CHECK(batch[0].to_many);
        const std::size_t out = co_await server.sendto(batch);
        CHECK(out == 1);
        const coax::datagram other = co_await client.recvfrom(100);
        CHECK(other.data.text() == "who");
    });
}

// The UDP echo client: sends a message as one datagram and prints the datagram that comes back.
#include "program.hpp"

#include <optional>
#include <string>

namespace {

constexpr std::size_t longest_datagram = 65535;

coax::task<> talk(coax::address server, std::string message, std::optional<seconds> timeout) {
    coax::socket sock(server.family().value_or(coax::family::inet), coax::kind::datagram);
    if (timeout)
        sock.settimeout(*timeout);

    // No conversation begins here. It only names the peer: a stranger's datagram is not taken for the echo, and the
    // answer of a machine where nobody listens arrives as an error.
    co_await sock.connect(server);
    co_await sock.send(message);

    auto [echo, peer, truncated] = co_await sock.recvfrom(longest_datagram);
    say("{}", echo.text());
}

} // namespace

int main(int argc, char** argv) {
    program command("udp_echo_client", "Sends a message over UDP and prints its echo.", "localhost");
    command.offer_message();
    command.offer_timeout(5); // a datagram may be lost: nobody should wait for it for ever
    return command.run(argc, argv, [&] { return talk(command.address(), command.message(), command.timeout()); });
}

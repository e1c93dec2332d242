// The UDP echo server: sends every datagram back to where it came from.
#include "program.hpp"

#include <cstddef>

namespace {

constexpr std::size_t longest_datagram = 65535;

coax::task<> serve(coax::address at) {
    coax::socket sock(at.family().value_or(coax::family::inet), coax::kind::datagram);
    sock.bind(at);
    say_listening(sock.getsockname());

    for (;;) {
        // Without connections nobody comes or goes: there are only datagrams, and an empty one is one too.
        auto [data, peer, truncated] = co_await sock.recvfrom(longest_datagram);
        const auto sent = co_await coax::as_result(sock.sendto(data, peer));
        if (sent)
            say("{} sent {} bytes", peer.to_string(), data.size());
        else // a peer that cannot be reached must not end the server
            say("{} lost: {}", peer.to_string(), sent.error().code().message());
    }
}

} // namespace

int main(int argc, char** argv) {
    program command("udp_echo_server", "Sends every UDP datagram back.", "127.0.0.1");
    return command.run(argc, argv, [&] { return until_signal(serve(command.address())); });
}

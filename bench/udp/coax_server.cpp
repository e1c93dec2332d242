// UDP echo server on coax, as a user would write it; the backend is chosen on the command line.
#include "../support/coax_main.hpp"
#include "../support/udp_receive_buffer.hpp"

#include <coax/option.hpp>
#include <coax/socket.hpp>
#include <coax/task_group.hpp>

namespace {

constexpr std::size_t longest_datagram = 2048;

coax::task<> echo(coax::socket& sock) {
    for (;;) {
        auto [data, peer, truncated] = co_await sock.recvfrom(longest_datagram);
        co_await sock.sendto(data, peer);
    }
}

coax::task<> server(int port) {
    coax::socket sock(coax::family::inet, coax::kind::datagram);
    sock.setsockopt(coax::option::receive_buffer_size, bench::udp_receive_buffer);
    sock.bind({"127.0.0.1", port});
    bench::announce(sock.getsockname());
    co_await bench::until_signal(echo(sock));
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("UDP echo server on coax");
    return program.run(argc, argv, [&] { return server(program.port()); });
}

// UDP echo server on coax, as a user would write it, one datagram at a time or, with --batch, many; the backend is chosen on
// the command line.
#include "../support/coax_main.hpp"
#include "../support/udp_receive_buffer.hpp"

#include <coax/datagram.hpp>
#include <coax/option.hpp>
#include <coax/socket.hpp>
#include <coax/task_group.hpp>

#include <cstddef>
#include <utility>

namespace {

constexpr std::size_t longest_datagram = 2048;

coax::task<> echo(coax::socket& sock) {
    for (;;) {
        auto [data, peer, truncated] = co_await sock.recvfrom(longest_datagram);
        co_await sock.sendto(data, peer);
    }
}

coax::task<> echo_batches(coax::socket& sock, std::size_t size) {
    coax::datagram_batch batch(size, longest_datagram);
    for (;;) {
        co_await sock.recvfrom(batch);
        co_await sock.sendto(batch);
    }
}

coax::task<> server(int port, std::size_t batch) {
    coax::socket sock(coax::family::inet, coax::kind::datagram);
    sock.setsockopt(coax::option::receive_buffer_size, bench::udp_receive_buffer);
    sock.bind({"127.0.0.1", port});
    bench::announce(sock.getsockname());
    coax::task<> work = batch == 1 ? echo(sock) : echo_batches(sock, batch);
    co_await bench::until_signal(std::move(work));
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("UDP echo server on coax");
    std::size_t batch = 1;
    program.app().add_option("--batch", batch, "datagrams taken and sent by one call")->check(CLI::Range(1, 1024));
    return program.run(argc, argv, [&] { return server(program.port(), batch); });
}

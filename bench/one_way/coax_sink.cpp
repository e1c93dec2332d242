// Takes UDP datagrams with coax, as a user would write it. Says at its end how many there were.
#include "../support/coax_main.hpp"
#include "../support/udp_receive_buffer.hpp"
#include "numbered.hpp"

#include <coax/option.hpp>
#include <coax/socket.hpp>

#include <optional>

namespace {

coax::task<> receive_single(coax::socket& sock, bench::numbered_sink& sink) {
    for (;;) {
        auto [data, peer, truncated] = co_await sock.recvfrom(bench::longest_datagram);
        sink.see({data.data(), data.size()});
    }
}

coax::task<> receive() {
    coax::socket sock(coax::family::inet, coax::kind::datagram);
    sock.setsockopt(coax::option::receive_buffer_size, bench::udp_receive_buffer);
    sock.bind({"127.0.0.1", 0});
    bench::announce(sock.getsockname());
    bench::numbered_sink sink;
    co_await bench::until_signal(receive_single(sock, sink));
    sink.print();
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("sink of the one-way benchmark");
    return program.run(argc, argv, [&] { return receive(); });
}

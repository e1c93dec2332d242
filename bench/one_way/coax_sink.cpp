// Takes UDP datagrams with coax, as a user would write it. Says at its end how many there were.
#include "../support/coax_main.hpp"
#include "../support/udp_receive_buffer.hpp"
#include "numbered.hpp"
#include "one_way_options.hpp"

#include <coax/datagram.hpp>
#include <coax/option.hpp>
#include <coax/socket.hpp>

#include <cstddef>
#include <utility>

namespace {

constexpr std::size_t runs = 8; // that one call takes at most

coax::task<> receive_single(coax::socket& sock, bench::numbered_sink& sink) {
    for (;;) {
        auto [data, peer, truncated] = co_await sock.recvfrom(bench::longest_datagram);
        sink.see({data.data(), data.size()});
    }
}

// With offload an entry may be a run of datagrams.
coax::task<> receive_batches(coax::socket& sock, bench::numbered_sink& sink, coax::datagram_batch batch) {
    for (;;) {
        co_await sock.recvfrom(batch);
        for (const coax::datagram_entry& entry : batch) {
            sink.see(entry.data, entry.segment_size);
        }
    }
}

coax::task<> start(coax::socket& sock, bench::numbered_sink& sink, bench::way how) {
    switch (how) {
    case bench::way::batch:
        return receive_batches(sock, sink, coax::datagram_batch(bench::batch_size, bench::longest_datagram));
    case bench::way::offload:
        sock.setsockopt(coax::option::receive_offload, true);
        return receive_batches(sock, sink, coax::datagram_batch(runs, coax::datagram_batch::largest_run));
    case bench::way::single:
        break;
    }
    return receive_single(sock, sink);
}

coax::task<> receive(bench::way how) {
    coax::socket sock(coax::family::inet, coax::kind::datagram);
    sock.setsockopt(coax::option::receive_buffer_size, bench::udp_receive_buffer);
    sock.bind({"127.0.0.1", 0});
    bench::announce(sock.getsockname());
    bench::numbered_sink sink;
    coax::task<> work = start(sock, sink, how);
    co_await bench::until_signal(std::move(work));
    sink.print();
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("sink of the one-way benchmark");
    bench::way how = bench::way::single;
    bench::add_way(program.app(), how);
    return program.run(argc, argv, [&] { return receive(how); });
}

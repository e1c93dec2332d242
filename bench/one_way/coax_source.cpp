// Sends UDP datagrams with coax as fast as one thread can, as a user would write it.
#include "../support/coax_main.hpp"
#include "numbered.hpp"
#include "one_way_options.hpp"

#include <coax/datagram.hpp>
#include <coax/socket.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace {

coax::task<> send_single(coax::socket& sock, std::size_t size, bench::numbered_source& source) {
    std::vector<std::byte> data(size);
    while (source.goes_on()) {
        source.number(data);
        co_await sock.send(data);
        source.count(1);
    }
}

coax::task<> send_batches(coax::socket& sock, std::size_t size, bench::numbered_source& source) {
    coax::datagram_batch batch(bench::batch_size, size);
    batch.resize(bench::batch_size);
    while (source.goes_on()) {
        for (coax::datagram_entry& entry : batch) {
            source.number(entry.data);
        }
        const std::size_t sent = co_await sock.sendto(batch);
        source.count(sent);
    }
}

// One run of datagrams at a time, as the source by hand has it.
coax::task<> send_runs(coax::socket& sock, std::size_t size, bench::numbered_source& source) {
    coax::datagram_batch batch(1, bench::segments * size);
    batch.resize(1);
    batch[0].segment_size = static_cast<std::uint16_t>(size);
    while (source.goes_on()) {
        for (const std::span<std::byte> datagram : batch[0].segments()) {
            source.number(datagram);
        }
        const std::size_t sent = co_await sock.sendto(batch);
        source.count(sent * bench::segments);
    }
}

coax::task<> start(coax::socket& sock, const bench::source_options& options, bench::numbered_source& source) {
    switch (options.how) {
    case bench::way::batch:
        return send_batches(sock, options.size, source);
    case bench::way::offload:
        return send_runs(sock, options.size, source);
    case bench::way::single:
        break;
    }
    return send_single(sock, options.size, source);
}

coax::task<> send(const bench::source_options& options) {
    coax::socket sock(coax::family::inet, coax::kind::datagram);
    co_await sock.connect(coax::address::parse(options.address));
    bench::numbered_source source(options.seconds);
    co_await start(sock, options, source);
    source.print();
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("source of the one-way benchmark");
    bench::source_options options;
    options.add_to(program.app());
    return program.run(argc, argv, [&] { return send(options); });
}

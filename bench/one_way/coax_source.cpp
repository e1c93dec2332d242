// Sends UDP datagrams with coax as fast as one thread can, as a user would write it.
#include "../support/coax_main.hpp"
#include "numbered.hpp"
#include "one_way_options.hpp"

#include <coax/socket.hpp>

#include <cstddef>
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

coax::task<> send(const bench::source_options& options) {
    coax::socket sock(coax::family::inet, coax::kind::datagram);
    co_await sock.connect(coax::address::parse(options.address));
    bench::numbered_source source(options.seconds);
    co_await send_single(sock, options.size, source);
    source.print();
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("source of the one-way benchmark");
    bench::source_options options;
    options.add_to(program.app());
    return program.run(argc, argv, [&] { return send(options); });
}

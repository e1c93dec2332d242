// Sends UDP datagrams as fast as one thread can, by hand: by send, by sendmmsg, or in pieces that the system cuts up
// (UDP_SEGMENT, "GSO").
#include "../support/loopback.hpp"
#include "../support/posix.hpp"
#include "numbered.hpp"
#include "one_way_options.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <vector>

#include <netinet/udp.h>
#include <sys/socket.h>

namespace {

void send_single(int fd, std::size_t size, bench::numbered_source& source) {
    std::vector<std::byte> data(size);
    while (source.goes_on()) {
        source.number(data);
        bench::check_size(send(fd, data.data(), data.size(), 0), "send");
        source.count(1);
    }
}

void send_batches(int fd, std::size_t size, bench::numbered_source& source) {
    std::vector<std::byte> data(bench::batch_size * size);
    std::array<iovec, bench::batch_size> pieces;
    std::array<mmsghdr, bench::batch_size> messages{};
    for (std::size_t i = 0; i < messages.size(); ++i) {
        pieces[i] = {&data[i * size], size};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (source.goes_on()) {
        for (std::size_t i = 0; i < messages.size(); ++i) {
            source.number(std::span(data).subspan(i * size, size));
        }
        for (std::size_t sent = 0; sent < messages.size();) {
            sent += static_cast<std::size_t>(bench::check(
                sendmmsg(fd, &messages[sent], static_cast<unsigned>(messages.size() - sent), 0), "sendmmsg"));
        }
        source.count(messages.size());
    }
}

void send_segmented(int fd, std::size_t size, bench::numbered_source& source) {
    const int segment = static_cast<int>(size);
    bench::check(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), "UDP_SEGMENT");
    std::vector<std::byte> data(bench::segments * size);
    while (source.goes_on()) {
        for (std::size_t i = 0; i < bench::segments; ++i) {
            source.number(std::span(data).subspan(i * size, size));
        }
        bench::check_size(send(fd, data.data(), data.size(), 0), "send");
        source.count(bench::segments);
    }
}

} // namespace

int main(int argc, char** argv) {
    bench::source_options options;
    if (const int status = options.parse("source of the one-way benchmark", argc, argv); status >= 0) {
        return status;
    }
    try {
        const int fd = bench::check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        bench::check(connect(fd, options.peer.get(), options.peer.size), "connect");
        bench::numbered_source source(options.seconds);
        switch (options.how) {
        case bench::way::single:
            send_single(fd, options.size, source);
            break;
        case bench::way::batch:
            send_batches(fd, options.size, source);
            break;
        case bench::way::offload:
            send_segmented(fd, options.size, source);
            break;
        }
        source.print();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "raw_source: %s\n", error.what());
        return 1;
    }
}

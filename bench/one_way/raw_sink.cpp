// Takes UDP datagrams and who sent them by hand: by recvfrom, by recvmmsg, or in pieces that the system put together (UDP_GRO). Says at its end
// how many there were.
#include "../support/end_with_stdin.hpp"
#include "../support/posix.hpp"
#include "numbered.hpp"
#include "one_way_options.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <vector>

#include <netinet/udp.h>
#include <sys/socket.h>

namespace {

volatile std::sig_atomic_t ended = 0;

// A blocking receive gives up now and then: a signal right before it would go unseen for ever.
bool is_over(ssize_t result) {
    if (result < 0 && errno != EAGAIN && errno != EINTR) {
        bench::check(-1, "receive");
    }
    return ended != 0;
}

void receive_single(int fd, bench::numbered_sink& sink) {
    std::vector<std::byte> data(bench::longest_datagram);
    for (;;) {
        sockaddr_storage peer;
        socklen_t peer_size = sizeof peer;
        const ssize_t size = recvfrom(fd, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&peer), &peer_size);
        if (size >= 0) {
            sink.see(std::span(data).first(static_cast<std::size_t>(size)));
        } else if (is_over(size)) {
            return;
        }
    }
}

void receive_batches(int fd, bench::numbered_sink& sink) {
    std::vector<std::byte> data(bench::batch_size * bench::longest_datagram);
    std::array<iovec, bench::batch_size> pieces;
    std::array<sockaddr_storage, bench::batch_size> peers;
    std::array<mmsghdr, bench::batch_size> messages{};
    for (std::size_t i = 0; i < messages.size(); ++i) {
        pieces[i] = {&data[i * bench::longest_datagram], bench::longest_datagram};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &peers[i];
    }
    for (;;) {
        for (mmsghdr& message : messages) {
            message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
        }
        const int count =
            recvmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()), MSG_WAITFORONE, nullptr);
        for (int i = 0; i < count; ++i) {
            const auto index = static_cast<std::size_t>(i);
            sink.see(std::span(data).subspan(index * bench::longest_datagram, messages[index].msg_len));
        }
        if (count < 0 && is_over(count)) {
            return;
        }
    }
}

std::size_t segment_size_of(msghdr& message) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level == SOL_UDP && item->cmsg_type == UDP_GRO) {
            int size = 0;
            std::memcpy(&size, CMSG_DATA(item), sizeof size);
            return static_cast<std::size_t>(size);
        }
    }
    return 0;
}

void receive_pieces(int fd, bench::numbered_sink& sink) {
    const int on = 1;
    bench::check(setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on), "UDP_GRO");
    std::vector<std::byte> data(65536);
    iovec piece{data.data(), data.size()};
    for (;;) {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control;
        sockaddr_storage peer;
        msghdr message{};
        message.msg_name = &peer;
        message.msg_namelen = sizeof peer;
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = recvmsg(fd, &message, 0);
        if (size >= 0) {
            sink.see(std::span(data).first(static_cast<std::size_t>(size)), segment_size_of(message));
        } else if (is_over(size)) {
            return;
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("sink of the one-way benchmark");
    bench::way how = bench::way::single;
    bench::add_way(app, how);
    CLI11_PARSE(app, argc, argv);
    try {
        struct sigaction action{};
        action.sa_handler = [](int) { ended = 1; };
        bench::check(sigaction(SIGTERM, &action, nullptr), "sigaction");
        bench::check(sigaction(SIGINT, &action, nullptr), "sigaction");
        const int fd = bench::bind_on_loopback(0);
        const timeval look_up{0, 50'000};
        bench::check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look_up, sizeof look_up), "SO_RCVTIMEO");
        bench::end_with_stdin();
        bench::numbered_sink sink;
        switch (how) {
        case bench::way::single:
            receive_single(fd, sink);
            break;
        case bench::way::batch:
            receive_batches(fd, sink);
            break;
        case bench::way::offload:
            receive_pieces(fd, sink);
            break;
        }
        sink.print();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "raw_sink: %s\n", error.what());
        return 1;
    }
}

// UDP echo server by hand: a blocking loop of recvfrom and sendto, or, with --batch, of recvmmsg and sendmmsg. One socket,
// one thread.
#include "../support/end_with_stdin.hpp"
#include "../support/posix.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::size_t longest_datagram = 2048;

void echo(int fd) {
    std::vector<char> data(longest_datagram);
    for (;;) {
        sockaddr_storage peer;
        socklen_t peer_size = sizeof peer;
        auto* const name = reinterpret_cast<sockaddr*>(&peer);
        const ssize_t size = bench::check_size(recvfrom(fd, data.data(), data.size(), 0, name, &peer_size), "recvfrom");
        bench::check_size(sendto(fd, data.data(), static_cast<std::size_t>(size), 0, name, peer_size), "sendto");
    }
}

void echo_batches(int fd, std::size_t batch) {
    std::vector<char> data(batch * longest_datagram);
    std::vector<sockaddr_storage> peers(batch);
    std::vector<iovec> pieces(batch);
    std::vector<mmsghdr> messages(batch);
    for (;;) {
        for (std::size_t i = 0; i < batch; ++i) {
            pieces[i] = {&data[i * longest_datagram], longest_datagram};
            messages[i].msg_hdr = {&peers[i], sizeof peers[i], &pieces[i], 1, nullptr, 0, 0};
        }
        const int count = bench::check(
            recvmmsg(fd, messages.data(), static_cast<unsigned>(batch), MSG_WAITFORONE, nullptr), "recvmmsg");
        for (int i = 0; i < count; ++i) {
            pieces[static_cast<std::size_t>(i)].iov_len = messages[static_cast<std::size_t>(i)].msg_len;
        }
        for (int sent = 0; sent < count;) {
            sent += bench::check(
                sendmmsg(fd, &messages[static_cast<std::size_t>(sent)], static_cast<unsigned>(count - sent), 0),
                "sendmmsg");
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("UDP echo server on system calls that block");
    int port = 0;
    std::size_t batch = 1;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    app.add_option("--batch", batch, "datagrams taken and sent by one call")->check(CLI::Range(1, 1024));
    CLI11_PARSE(app, argc, argv);
    bench::end_at_once_on_signal();
    bench::end_with_stdin();
    try {
        const int fd = bench::bind_on_loopback(port);
        batch == 1 ? echo(fd) : echo_batches(fd, batch);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "raw_server: %s\n", error.what());
        return 1;
    }
}

// UDP echo server on libuv: answers are tried at once and queued only where the socket is full. With --batch datagrams
// are received by recvmmsg.
#include "../support/libuv.hpp"
#include "../support/udp_receive_buffer.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t longest_datagram = 65536; // libuv cuts what is lent to it into pieces of this size

struct pending_send {
    uv_udp_send_t request;
    std::vector<char> data;
};

void on_receive(uv_udp_t* socket, ssize_t size, const uv_buf_t* data, const sockaddr* peer, unsigned) {
    if (size < 0 || peer == nullptr) { // nothing was there, or a batch is over
        return;
    }
    const uv_buf_t answer = uv_buf_init(data->base, static_cast<unsigned>(size));
    if (uv_udp_try_send(socket, &answer, 1, peer) != UV_EAGAIN) {
        return;
    }
    auto* const pending = new pending_send{{}, {answer.base, answer.base + answer.len}};
    pending->request.data = pending;
    const uv_buf_t kept = uv_buf_init(pending->data.data(), static_cast<unsigned>(pending->data.size()));
    const int status = uv_udp_send(&pending->request, socket, &kept, 1, peer, [](uv_udp_send_t* request, int) {
        delete static_cast<pending_send*>(request->data);
    });
    if (status < 0) {
        delete pending;
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("UDP echo server on libuv");
    int port = 0;
    std::size_t batch = 1;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    app.add_option("--batch", batch, "datagrams received by one call")->check(CLI::Range(1, 64));
    CLI11_PARSE(app, argc, argv);
    try {
        std::vector<char> buffer(batch * longest_datagram);
        uv_loop_t loop;
        bench::check_uv(uv_loop_init(&loop), "uv_loop_init");
        uv_udp_t socket;
        bench::check_uv(uv_udp_init_ex(&loop, &socket, AF_INET | (batch > 1 ? UV_UDP_RECVMMSG : 0)), "uv_udp_init");
        const sockaddr_in address = bench::uv_loopback(port);
        bench::check_uv(uv_udp_bind(&socket, reinterpret_cast<const sockaddr*>(&address), 0), "uv_udp_bind");
        int room = bench::udp_receive_buffer;
        bench::check_uv(uv_recv_buffer_size(reinterpret_cast<uv_handle_t*>(&socket), &room), "uv_recv_buffer_size");
        sockaddr_storage bound{};
        int size = sizeof bound;
        bench::check_uv(uv_udp_getsockname(&socket, reinterpret_cast<sockaddr*>(&bound), &size), "uv_udp_getsockname");
        socket.data = &buffer;
        const auto lend = [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
            auto& lent = *static_cast<std::vector<char>*>(handle->data);
            *out = uv_buf_init(lent.data(), static_cast<unsigned>(lent.size()));
        };
        bench::check_uv(uv_udp_recv_start(&socket, lend, on_receive), "uv_udp_recv_start");
        bench::run_uv(loop, bound);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "libuv_server: %s\n", error.what());
        return 1;
    }
}

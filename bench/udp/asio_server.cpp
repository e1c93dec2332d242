// UDP echo server on asio: a C++20 coroutine over its epoll reactor, one thread. Executors are typed (no
// any_io_executor), which is the fastest form that is still idiomatic.
#include "../support/end_with_stdin.hpp"
#include "../support/udp_receive_buffer.hpp"

#include <CLI/CLI.hpp>

#include <asio/awaitable.hpp>
#include <asio/basic_datagram_socket.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <system_error>

namespace {

using asio::ip::udp;
using executor = asio::io_context::executor_type;
using task = asio::awaitable<void, executor>;
using udp_socket = asio::basic_datagram_socket<udp, executor>;

constexpr asio::use_awaitable_t<executor> use_task;

task echo(udp_socket& socket) {
    std::array<char, 2048> data;
    udp::endpoint peer;
    for (;;) {
        const std::size_t size = co_await socket.async_receive_from(asio::buffer(data), peer, use_task);
        co_await socket.async_send_to(asio::buffer(data, size), peer, use_task);
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("UDP echo server on asio");
    std::uint16_t port = 0;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    CLI11_PARSE(app, argc, argv);

    asio::io_context context(1);
    udp_socket socket(context.get_executor(), udp::endpoint(asio::ip::address_v4::loopback(), port));
    socket.set_option(asio::socket_base::receive_buffer_size(bench::udp_receive_buffer));

    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](const std::error_code&, int) { context.stop(); });
    asio::co_spawn(context.get_executor(), echo(socket), asio::detached);

    std::printf("listening on 127.0.0.1:%d\n", int{socket.local_endpoint().port()});
    std::fflush(stdout);
    bench::end_with_stdin();
    context.run();
}

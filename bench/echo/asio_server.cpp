// Echo server on asio: C++20 coroutines over its epoll reactor, one thread. Executors are typed (no any_io_executor),
// which is the fastest form that is still idiomatic.
#include "../support/end_with_stdin.hpp"

#include <CLI/CLI.hpp>

#include <asio/awaitable.hpp>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using asio::ip::tcp;
using executor = asio::io_context::executor_type;
using task = asio::awaitable<void, executor>;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;

constexpr int backlog = 4096;
constexpr asio::use_awaitable_t<executor> use_task;

task echo(tcp_socket socket, std::size_t receive_size) {
    try {
        std::vector<char> data(receive_size);
        for (;;) {
            const std::size_t size = co_await socket.async_read_some(asio::buffer(data), use_task);
            co_await asio::async_write(socket, asio::buffer(data, size), use_task);
        }
    } catch (const std::system_error&) {
        // the peer has ended or is gone
    }
}

task serve(tcp_acceptor& acceptor, std::size_t receive_size) {
    for (;;) {
        tcp_socket socket = co_await acceptor.async_accept(use_task);
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket), receive_size), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("echo server on asio");
    std::uint16_t port = 0;
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    std::size_t receive_size = 4096;
    app.add_option("--receive-size", receive_size, "bytes that are received at a time")->check(CLI::Range(1, 1 << 24));
    CLI11_PARSE(app, argc, argv);

    asio::io_context context(1);
    tcp_acceptor acceptor(context.get_executor());
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.set_option(tcp::no_delay(true)); // accepted sockets inherit it
    acceptor.bind(endpoint);
    acceptor.listen(backlog);

    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](const std::error_code&, int) { context.stop(); });
    asio::co_spawn(context.get_executor(), serve(acceptor, receive_size), asio::detached);

    std::printf("listening on 127.0.0.1:%d\n", int{acceptor.local_endpoint().port()});
    std::fflush(stdout);
    bench::end_with_stdin();
    context.run();
}

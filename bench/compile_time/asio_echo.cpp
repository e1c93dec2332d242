// What an echo server in asio costs to compile. The single headers instead of <asio.hpp>, and polymorphic executors:
// the cheaper choice to compile in both cases. Compare coax_echo.cpp.
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

using asio::ip::tcp;

static asio::awaitable<void> echo(tcp::socket socket) {
    try {
        char data[4096];
        for (;;) {
            const std::size_t size = co_await socket.async_read_some(asio::buffer(data), asio::use_awaitable);
            co_await asio::async_write(socket, asio::buffer(data, size), asio::use_awaitable);
        }
    } catch (const std::system_error&) {
        // the peer has ended or is gone
    }
}

static asio::awaitable<void> serve(tcp::acceptor& acceptor) {
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
    }
}

int main() {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 50007});
    asio::co_spawn(context, serve(acceptor), asio::detached);
    context.run();
}

// What an echo server in coax costs to compile: these three headers, nothing else. Compare asio_echo.cpp.
#include <coax/scheduler.hpp>
#include <coax/socket.hpp>
#include <coax/task_group.hpp>

static coax::task<> echo(coax::socket conn) {
    try {
        while (auto data = co_await conn.recv(4096)) {
            co_await conn.sendall(data);
        }
    } catch (const coax::io_error&) {
        // the peer is gone
    }
}

static coax::task<> serve() {
    coax::socket listener(coax::family::inet);
    listener.setsockopt(coax::option::reuse_address, true);
    listener.bind({"127.0.0.1", 50007});
    listener.listen();
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        for (;;) {
            auto [conn, peer] = co_await listener.accept();
            group.spawn(echo(std::move(conn)));
        }
    });
}

int main() { coax::run(serve()); }

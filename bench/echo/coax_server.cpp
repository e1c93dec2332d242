// Echo server on coax, as a user would write it; the backend is chosen on the command line.
#include "../support/coax_main.hpp"

#include <coax/option.hpp>
#include <coax/socket.hpp>
#include <coax/task_group.hpp>
#include <coax/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace {

constexpr int backlog = 4096;

struct settings {
    std::size_t receive_size = 4096;
    int timeout = 0;
};

coax::task<> echo(coax::socket conn, std::size_t receive_size) {
    try {
        while (auto data = co_await conn.recv(receive_size)) {
            co_await conn.sendall(data);
        }
    } catch (const coax::io_error&) {
        // the peer is gone
    }
}

// What the limit around each receive costs is the question.
coax::task<> echo_within(coax::socket conn, std::size_t receive_size, std::chrono::seconds limit) {
    try {
        while (auto data = co_await coax::with_timeout(limit, conn.recv(receive_size))) {
            co_await conn.sendall(data);
        }
    } catch (const coax::io_error&) {
        // the peer is gone
    }
}

coax::task<> serve(coax::socket& listener, const settings& chosen) {
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        for (;;) {
            auto [conn, peer] = co_await listener.accept();
            if (chosen.timeout == 0) {
                group.spawn(echo(std::move(conn), chosen.receive_size));
            } else {
                group.spawn(echo_within(std::move(conn), chosen.receive_size, std::chrono::seconds(chosen.timeout)));
            }
        }
    });
}

coax::task<> server(int port, const settings& chosen) {
    coax::socket listener(coax::family::inet);
    listener.setsockopt(coax::option::reuse_address, true);
    listener.setsockopt(coax::option::no_delay, true); // accepted sockets inherit it
    listener.bind({"127.0.0.1", port});
    listener.listen(backlog);
    bench::announce(listener.getsockname());
    co_await bench::until_signal(serve(listener, chosen));
}

} // namespace

int main(int argc, char** argv) {
    bench::coax_program program("echo server on coax");
    settings chosen;
    program.app().add_option("--timeout", chosen.timeout, "limit of each receive in seconds; 0: none");
    program.app()
        .add_option("--receive-size", chosen.receive_size, "bytes that are received at a time")
        ->check(CLI::Range(1, 1 << 24));
    return program.run(argc, argv, [&] { return server(program.port(), chosen); });
}

// Echo server on coax, as a user would write it; the backend is chosen on the command line.
#include "../support/end_with_stdin.hpp"

#include <CLI/CLI.hpp>

#include <coax/option.hpp>
#include <coax/scheduler.hpp>
#include <coax/signal.hpp>
#include <coax/socket.hpp>
#include <coax/task_group.hpp>
#include <coax/timeout.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

namespace {

constexpr int backlog = 4096;

// With a limit around each receive if there is one: what that costs is the question.
coax::task<> echo(coax::socket conn, std::chrono::seconds limit) {
    try {
        if (limit == std::chrono::seconds::zero()) {
            while (auto data = co_await conn.recv(4096)) {
                co_await conn.sendall(data);
            }
        } else {
            while (auto data = co_await coax::with_timeout(limit, conn.recv(4096))) {
                co_await conn.sendall(data);
            }
        }
    } catch (const coax::io_error&) {
        // the peer is gone
    }
}

coax::task<> serve(coax::socket& listener, coax::task_group& group, std::chrono::seconds limit) {
    for (;;) {
        auto [conn, peer] = co_await listener.accept();
        group.spawn(echo(std::move(conn), limit));
    }
}

coax::task<> server(int port, std::chrono::seconds limit) {
    coax::socket listener(coax::family::inet);
    listener.setsockopt(coax::option::reuse_address, true);
    listener.setsockopt(coax::option::no_delay, true); // accepted sockets inherit it
    listener.bind({"127.0.0.1", port});
    listener.listen(backlog);
    std::printf("listening on 127.0.0.1:%d (%s)\n", listener.getsockname().port(),
                coax::scheduler::current().backend().name);
    std::fflush(stdout);

    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(serve(listener, group, limit));
        co_await coax::wait_signal(SIGINT, SIGTERM);
        group.cancel();
    });
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("echo server on coax");
    int port = 0;
    coax::scheduler_options options;
    const std::map<std::string, coax::backend_kind> backends{{"automatic", coax::backend_kind::automatic},
                                                             {"io_uring", coax::backend_kind::io_uring},
                                                             {"epoll", coax::backend_kind::epoll},
                                                             {"poll", coax::backend_kind::poll}};
    app.add_option("--port", port, "port to listen on; 0: the system's choice");
    app.add_option("--backend", options.backend, "what carries out I/O")->transform(CLI::Transformer(backends));
    int timeout = 0;
    app.add_option("--timeout", timeout, "limit of each receive in seconds; 0: none");
    CLI11_PARSE(app, argc, argv);
    bench::end_with_stdin();
    try {
        coax::run(server(port, std::chrono::seconds(timeout)), options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "coax_server: %s\n", error.what());
        return 1;
    }
}

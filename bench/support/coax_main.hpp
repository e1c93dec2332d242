// What the coax servers share and do not measure: the command line, the first line of output, the end by a signal.
#pragma once

#include "end_with_stdin.hpp"

#include <CLI/CLI.hpp>

#include <coax/address.hpp>
#include <coax/scheduler.hpp>
#include <coax/signal.hpp>
#include <coax/task.hpp>
#include <coax/task_group.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>

namespace bench {

/// The one line that a program which starts the server waits for.
inline void announce(const coax::address& at) {
    std::printf("listening on 127.0.0.1:%d (%s)\n", at.port(), coax::scheduler::current().backend().name);
    std::fflush(stdout);
}

/// Runs the work until it ends or SIGINT or SIGTERM comes.
inline coax::task<> until_signal(coax::task<> work) {
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(std::move(work));
        co_await coax::wait_signal(SIGINT, SIGTERM);
        group.cancel();
    });
}

/// A server with --port and --backend, and what else it adds to its command line.
class coax_program {
public:
    explicit coax_program(const char* description) : app_(description) {
        app_.add_option("--port", port_, "port to listen on; 0: the system's choice");
        app_.add_option("--backend", options_.backend, "what carries out I/O")->transform(CLI::Transformer(backends()));
    }

    CLI::App& app() noexcept { return app_; }
    int port() const noexcept { return port_; }

    /// Reads the command line and runs what `make` makes then; gives the exit status.
    template <class Make>
    int run(int argc, char** argv, const Make& make) {
        CLI11_PARSE(app_, argc, argv);
        end_with_stdin();
        try {
            coax::run(make(), options_);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
            return 1;
        }
        return 0;
    }

private:
    static std::map<std::string, coax::backend_kind> backends() {
        return {{"automatic", coax::backend_kind::automatic},
                {"io_uring", coax::backend_kind::io_uring},
                {"epoll", coax::backend_kind::epoll},
                {"poll", coax::backend_kind::poll}};
    }

    CLI::App app_;
    int port_ = 0;
    coax::scheduler_options options_;
};

} // namespace bench

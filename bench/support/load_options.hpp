// The command line of a load.
#pragma once

#include "loopback.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <sys/types.h>

namespace bench {

struct load_options {
    loopback_address peer;
    std::size_t connections = 1;
    std::size_t size = 64;
    std::size_t in_flight = 1;
    double warmup = 0.2;
    double seconds = 1;
    std::uint64_t messages = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t seed = 1;
    bool spin = false;
    pid_t server_pid = 0;

    /// Reads the command line; gives the exit status if there is nothing to run, -1 otherwise.
    int parse(const char* description, int argc, char** argv) {
        CLI::App app(description);
        std::string address;
        app.add_option("address", address, "where the server listens: 127.0.0.1:PORT or [::1]:PORT")->required();
        app.add_option("-c,--connections", connections, "connections or sockets")->check(CLI::Range(1, 1'000'000));
        app.add_option("-s,--size", size, "bytes in a message")->check(CLI::Range(1, 16 << 20));
        app.add_option("-k,--in-flight", in_flight, "messages on their way, for each connection")
            ->check(CLI::Range(1, 4096));
        app.add_option("--warmup", warmup, "seconds before the measurement")->check(CLI::Range(0.0, 60.0));
        app.add_option("--seconds", seconds, "seconds of measurement")->check(CLI::Range(0.01, 600.0));
        app.add_option("--messages", messages, "end the measurement earlier, after so many messages");
        app.add_option("--seed", seed, "fixes the bytes that are sent");
        app.add_flag("--spin", spin, "poll without sleeping: the server never pays for waking the load");
        app.add_option("--server-pid", server_pid, "process whose CPU time during the measurement is reported");
        try {
            app.parse(argc, argv);
            if (!peer.read(address)) {
                throw CLI::ValidationError("address", "neither 127.0.0.1:PORT nor [::1]:PORT");
            }
        } catch (const CLI::ParseError& error) {
            return app.exit(error);
        }
        return -1;
    }
};

} // namespace bench

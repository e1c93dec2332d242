// What the programs of the one-way scenario take from the command line.
#pragma once

#include "../support/loopback.hpp"
#include "numbered.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <map>
#include <string>

namespace bench {

enum class way { single, batch, offload };

inline void add_way(CLI::App& app, way& how) {
    const std::map<std::string, way> ways{{"single", way::single}, {"batch", way::batch}, {"offload", way::offload}};
    app.add_option("--way", how, "single, batch or offload")->transform(CLI::Transformer(ways));
}

struct source_options {
    loopback_address peer;
    std::string address;
    std::size_t size = 1200;
    double seconds = 1;
    way how = way::single;

    void add_to(CLI::App& app) {
        app.add_option("address", address, "where the sink is: 127.0.0.1:PORT")->required();
        app.add_option("-s,--size", size, "bytes in a datagram; the pieces that the system cuts up have at most 64 KiB")
            ->check(CLI::Range(std::size_t{8}, 65507 / segments));
        app.add_option("--seconds", seconds, "how long to send")->check(CLI::Range(0.01, 600.0));
        add_way(app, how);
    }

    /// Reads the command line; gives the exit status if there is nothing to run, -1 otherwise.
    int parse(const char* description, int argc, char** argv) {
        CLI::App app(description);
        add_to(app);
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

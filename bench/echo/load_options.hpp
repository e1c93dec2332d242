// The command line of the echo load.
#pragma once

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace bench {

struct load_options {
    sockaddr_storage peer{};
    socklen_t peer_size = 0;
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
    int parse(int argc, char** argv) {
        CLI::App app("load generator of the echo benchmark");
        std::string address;
        app.add_option("address", address, "where the server listens: 127.0.0.1:PORT or [::1]:PORT")->required();
        app.add_option("-c,--connections", connections, "connections")->check(CLI::Range(1, 1'000'000));
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
            if (!read_address(address)) {
                throw CLI::ValidationError("address", "neither 127.0.0.1:PORT nor [::1]:PORT");
            }
        } catch (const CLI::ParseError& error) {
            return app.exit(error);
        }
        return -1;
    }

private:
    // Nothing but this machine: a load generator must not be pointed at a stranger.
    bool read_address(const std::string& text) {
        const auto colon = text.rfind(':');
        if (colon == std::string::npos) {
            return false;
        }
        const std::string digits = text.substr(colon + 1);
        if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos) {
            return false;
        }
        const int port = std::stoi(digits);
        if (port < 1 || port > 65535) {
            return false;
        }
        const std::string host = text.substr(0, colon);
        if (host == "127.0.0.1") {
            auto& v4 = reinterpret_cast<sockaddr_in&>(peer);
            v4.sin_family = AF_INET;
            v4.sin_port = htons(static_cast<std::uint16_t>(port));
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            peer_size = sizeof v4;
            return true;
        }
        if (host == "[::1]") {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(peer);
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(static_cast<std::uint16_t>(port));
            v6.sin6_addr = in6addr_loopback;
            peer_size = sizeof v6;
            return true;
        }
        return false;
    }
};

} // namespace bench

// The load of the idle scenario: connections that have had one echo each and then rest. Prints, as one line of JSON, what
// the server's process grew by. A few connections come before the first look, so that what a server makes once for all
// of them is not counted.
#include "../support/loopback.hpp"
#include "../support/posix.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

constexpr std::size_t first_ones = 64;

struct memory {
    double resident = 0; // bytes
    double proportional = 0;
};

memory memory_of(pid_t process) {
    std::ifstream rollup("/proc/" + std::to_string(process) + "/smaps_rollup");
    memory found;
    for (std::string line; std::getline(rollup, line);) {
        double kibibytes = 0;
        if (std::sscanf(line.c_str(), "Rss: %lf kB", &kibibytes) == 1) {
            found.resident = kibibytes * 1024;
        } else if (std::sscanf(line.c_str(), "Pss: %lf kB", &kibibytes) == 1) {
            found.proportional = kibibytes * 1024;
        }
    }
    if (found.resident == 0) {
        throw std::runtime_error("the server's memory cannot be read");
    }
    return found;
}

int connect_and_echo(const bench::loopback_address& peer) {
    const int fd = bench::check(socket(peer.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const timeval limit{5, 0};
    bench::check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "SO_RCVTIMEO");
    // A reset at the end leaves no port in TIME_WAIT.
    const linger reset{1, 0};
    bench::check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
    bench::check(connect(fd, peer.get(), peer.size), "connect");
    std::array<char, 64> message;
    message.fill(static_cast<char>(fd));
    bench::check_size(send(fd, message.data(), message.size(), MSG_NOSIGNAL), "send");
    std::array<char, 64> echo;
    const ssize_t size = bench::check_size(recv(fd, echo.data(), echo.size(), MSG_WAITALL), "recv");
    if (size != static_cast<ssize_t>(echo.size()) || echo != message) {
        throw std::runtime_error("an echo differs from what was sent");
    }
    return fd;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("load of the idle benchmark");
    std::string address;
    std::size_t connections = 8000;
    pid_t server = 0;
    app.add_option("address", address, "where the server listens")->required();
    app.add_option("-c,--connections", connections, "connections")->check(CLI::Range(1, 1'000'000));
    app.add_option("--server-pid", server, "the server's process")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        bench::loopback_address peer;
        if (!peer.read(address)) {
            throw std::runtime_error("neither 127.0.0.1:PORT nor [::1]:PORT");
        }
        std::vector<int> open;
        const auto open_more = [&](std::size_t count) {
            for (std::size_t i = 0; i < count; ++i) {
                open.push_back(connect_and_echo(peer));
            }
        };
        open_more(first_ones);
        const memory before = memory_of(server);
        open_more(connections);
        const memory after = memory_of(server);
        const auto each = static_cast<double>(connections);
        std::printf("{\"connections\": %zu, \"resident\": %.1f, \"proportional\": %.1f, \"whole\": %.0f}\n",
                    connections, (after.resident - before.resident) / each,
                    (after.proportional - before.proportional) / each, after.resident);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "load: %s\n", error.what());
        return 1;
    }
}

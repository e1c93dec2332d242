// The TCP echo client: sends a message and prints what comes back.
#include "program.hpp"

#include <optional>
#include <stdexcept>
#include <string>

namespace {

coax::task<> talk(coax::address server, std::string message, std::optional<seconds> timeout) {
    coax::socket conn(server.family().value_or(coax::family::inet), coax::kind::stream);
    if (timeout)
        conn.settimeout(*timeout);
    co_await conn.connect(server);
    co_await conn.sendall(message);

    // A stream has no borders: the echo may come in any number of pieces, and only its length tells when it is complete.
    // (Sent as a whole before anything is read, the message has to fit into the buffers along the way, as an argument does.)
    std::string echo;
    while (echo.size() < message.size()) {
        auto data = co_await conn.recv(message.size() - echo.size());
        if (!data)
            throw std::runtime_error(fmt::format("the server left after {} of {} bytes", echo.size(), message.size()));
        echo += data.text();
    }
    say("{}", echo);
}

} // namespace

int main(int argc, char** argv) {
    program command("tcp_echo_client", "Sends a message over TCP and prints its echo.", "localhost");
    command.offer_unix();
    command.offer_message();
    command.offer_timeout(std::nullopt);
    return command.run(argc, argv, [&] { return talk(command.address(), command.message(), command.timeout()); });
}

// The TCP echo server: sends back what it receives, to any number of peers at once.
#include "program.hpp"

#include <cstddef>
#include <utility>

namespace {

coax::task<> echo(coax::socket conn, coax::address peer) {
    say("{} connected", peer.to_string());
    std::size_t echoed = 0;
    try {
        while (auto data = co_await conn.recv(1024)) { // false at the end of the stream
            co_await conn.sendall(data);
            echoed += data.size();
        }
        say("{} left after {} bytes", peer.to_string(), echoed);
    } catch (const coax::cancelled&) { // always handed on: the server waits for it
        say("{} dropped, the server ends", peer.to_string());
        throw;
    }
}

coax::task<> serve(coax::address at, bool proxied) {
    coax::listener listener = coax::create_server(at);
    say_listening(listener.getsockname());

    coax::serve_options options;
    options.on_error = say_lost;
    if (proxied)
        options.proxy = coax::proxy_mode::required;
    // A peer may stay for ever, so its leaving is not waited for when the server ends.
    options.drain = coax::drain_mode::leave_open;
    options.drain_timeout = coax::clock::duration::zero();
    co_await coax::serve(listener, echo, options);
}

} // namespace

int main(int argc, char** argv) {
    program command("tcp_echo_server", "Sends back what it receives over TCP.", "127.0.0.1");
    command.offer_unix();
    bool proxied = false;
    command.offer_flag("--proxy", proxied, "connections come through a proxy that says whose they are");
    return command.run(argc, argv, [&] { return until_signal(serve(command.address(), proxied)); });
}

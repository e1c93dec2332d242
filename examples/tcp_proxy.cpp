// A TCP proxy: passes each connection on to a target, both directions at once, each to its own end.
#include "program.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Where connections are passed on to: a name is looked up for each of them.
struct target {
    explicit target(const std::string& text) {
        const std::size_t colon = text.rfind(':');
        if (text.starts_with("unix:") || colon == std::string::npos) {
            address = coax::address::parse(text); // throws if it is none of ours
            return;
        }
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
        if (error != std::errc() || stop != end || port < 1 || port > 65535)
            throw std::invalid_argument(fmt::format("--target: {} does not end in a port", text));
        host = text.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']'))
            host = host.substr(1, host.size() - 2);
    }

    coax::task<coax::socket> connect() const {
        return address.is_unnamed() ? coax::create_connection(host, port) : coax::create_connection(address);
    }

    coax::address address;
    std::string host;
    int port = 0;
};

/// Passes on one direction. When `from` has no more to say, `to` is told so, and may go on speaking.
coax::task<> pump(coax::socket& from, coax::socket& to, std::size_t& passed) {
    std::vector<std::byte> buffer(128 * 1024);
    while (const std::size_t count = co_await from.recv(buffer)) {
        co_await to.sendall(std::span(buffer.data(), count));
        passed += count;
    }
    to.shutdown(coax::shutdown_how::write);
}

coax::task<> serve(coax::address at, target to) {
    coax::listener listener = coax::create_server(at);
    say_listening(listener.getsockname());

    const auto relay = [&](coax::socket client, coax::address peer) -> coax::task<> {
        coax::socket server = co_await coax::with_timeout(10s, to.connect());
        send_at_once(client);
        send_at_once(server);
        std::size_t sent = 0;
        std::size_t received = 0;
        // Where one direction fails the other is given up, too, and both sides see their connection end.
        static constexpr auto ignore = [](std::exception_ptr) {}; // that the other has failed as well is no news
        co_await coax::with_task_group(
            [&](coax::task_group& group) -> coax::task<> {
                group.spawn(pump(client, server, sent));
                co_await pump(server, client, received);
            },
            {.on_suppressed = ignore});
        say("{} sent {} bytes and received {}", peer.to_string(), sent, received);
    };
    coax::serve_options options;
    options.on_error = say_lost;
    // A connection may last for ever, so its end is not waited for when the proxy ends.
    options.drain = coax::drain_mode::leave_open;
    options.drain_timeout = 0s;
    co_await coax::serve(listener, relay, options);
}

} // namespace

int main(int argc, char** argv) {
    program command("tcp_proxy", "Passes TCP connections on.", "127.0.0.1");
    command.offer_unix();
    std::string to;
    command.demand_text("--target", to, "HOST:PORT or unix:PATH");
    return command.run(argc, argv, [&] { return until_signal(serve(command.address(), target(to))); });
}

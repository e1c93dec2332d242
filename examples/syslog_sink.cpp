// A sink for syslog messages: over TCP, each with its length in front (RFC 6587), and over UDP (RFC 5426), on the same port.
#include "program.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

constexpr std::size_t longest_message = 65535;

/// "user.notice" for a message that begins with "<13>", which is taken off. Without it, it is what RFC 3164 says.
std::string take_priority(std::string_view& message) {
    static constexpr std::array<std::string_view, 24> facilities = {
        "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
        "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "clock",
        "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};
    static constexpr std::array<std::string_view, 8> severities = {"emerg",   "alert",  "crit", "err",
                                                                   "warning", "notice", "info", "debug"};
    std::size_t priority = 13;
    std::size_t given = 0;
    const std::size_t end = message.substr(0, 5).find('>');
    if (message.starts_with('<') && end != std::string_view::npos) {
        const auto [stop, error] = std::from_chars(message.data() + 1, message.data() + end, given);
        if (error == std::errc() && stop == message.data() + end && given < facilities.size() * severities.size()) {
            priority = given;
            message.remove_prefix(end + 1);
        }
    }
    return fmt::format("{}.{}", facilities[priority / 8], severities[priority % 8]);
}

void show(std::string_view message, const coax::address& sender, const char* transport) {
    const std::string priority = take_priority(message);
    while (message.ends_with('\n') || message.ends_with('\0'))
        message.remove_suffix(1);
    say("{} {} {}: {}", priority, transport, sender.to_string(), printable(message));
}

coax::task<> receive_stream(coax::socket conn, coax::address sender) {
    coax::framed<coax::octet_count> messages(std::move(conn), {}, {.max_frame = longest_message});
    while (const auto message = co_await messages.recv())
        show(message->text(), sender, "tcp");
}

coax::task<> receive_datagrams(coax::socket& sock) {
    for (;;) {
        auto [message, sender, truncated] = co_await sock.recvfrom(longest_message);
        show(message.text(), sender, "udp");
    }
}

/// The same port for both. Where any will do, the one that is free for TCP may be taken for UDP: then it is another one.
std::pair<coax::listener, coax::socket> bind_both(const coax::address& at) {
    for (int tries = 1;; ++tries) {
        coax::listener listener = coax::create_server(at);
        const coax::address bound = listener.getsockname();
        coax::socket sock(*bound.family(), coax::kind::datagram);
        try {
            sock.bind(bound);
            return {std::move(listener), std::move(sock)};
        } catch (const coax::io_error& error) {
            if (error.code() != std::errc::address_in_use || at.port() != 0 || tries == 10)
                throw;
        }
    }
}

coax::task<> serve(coax::address at) {
    auto [listener, sock] = bind_both(at);
    say_listening(listener.getsockname());
    coax::serve_options options;
    options.on_error = say_lost;
    options.drain =
        coax::drain_mode::end_input; // nobody waits for an answer: what has arrived is shown, and that is all
    co_await coax::when_all(coax::serve(listener, receive_stream, options), receive_datagrams(sock));
}

} // namespace

int main(int argc, char** argv) {
    program command("syslog_sink", "Shows the syslog messages that it is sent.", "127.0.0.1", 514);
    return command.run(argc, argv, [&] { return until_signal(serve(command.address())); });
}

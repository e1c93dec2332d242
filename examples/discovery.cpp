// Who is there? Services that answer on a multicast group, and a client that asks the group and lists who has answered in time.
#include "program.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view question = "who is there?";
constexpr std::size_t longest_name = 255;

/// The loopback interface, unless another one is named.
coax::interface_index interface_called(const std::string& name) {
    if (!name.empty())
        return name;
    for (const coax::interface_info& one : coax::if_nameindex()) {
        if (one.loopback)
            return one.index;
    }
    throw std::runtime_error("there is no loopback interface");
}

coax::task<> answer(coax::address group, coax::interface_index on, std::string name) {
    const coax::family family = group.family().value_or(coax::family::inet);
    coax::socket sock(family, coax::kind::datagram);
    sock.setsockopt(coax::option::reuse_address, true); // there may be more services on this machine
    sock.bind(coax::address("", group.port()).resolved(family));
    sock.join_group(group, on);
    say_listening(sock.getsockname());

    for (;;) {
        auto [asked, peer, truncated] = co_await sock.recvfrom(question.size());
        if (asked.text() != question || truncated)
            continue;
        // Only to the one who asked: who has sent to a group knows nobody in it yet.
        const auto sent = co_await coax::as_result(sock.sendto(name, peer));
        if (sent)
            say("{} asked", peer.to_string());
        else
            say("{} lost: {}", peer.to_string(), sent.error().code().message());
    }
}

coax::task<> list_answers(coax::socket& sock) {
    for (;;) {
        auto [name, peer, truncated] = co_await sock.recvfrom(longest_name);
        say("{} is {}", peer.to_string(), printable(name.text()));
    }
}

coax::task<> ask(coax::address group, coax::interface_index on, seconds patience) {
    coax::socket sock(group.family().value_or(coax::family::inet), coax::kind::datagram);
    sock.setsockopt(coax::option::multicast_interface, on);
    co_await sock.sendto(question, group);

    // Nobody knows how many there are, so it ends when the time is over.
    const auto listed = co_await coax::as_result(coax::with_timeout(patience, list_answers(sock)));
    if (!listed && listed.error().why() != coax::failure::cause::timeout)
        listed.error().raise();
}

} // namespace

int main(int argc, char** argv) {
    program command("discovery", "Asks a multicast group who is there, or with --name answers.", "239.255.42.99");
    std::string name;
    std::string on;
    command.offer_text("--name", name, "answer under this name until a signal comes");
    command.offer_text("--interface", on, "the network interface, the loopback one by default");
    command.offer_timeout(1, "the wait for answers");
    return command.run(argc, argv, [&] {
        const coax::interface_index chosen = interface_called(on);
        return name.empty() ? ask(command.address(), chosen, *command.timeout())
                            : until_signal(answer(command.address(), chosen, name));
    });
}

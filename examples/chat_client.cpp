// The chat client: what is typed goes to the server, and what others say is shown, both at the same time.
#include "program.hpp"

#include <iostream>
#include <optional>
#include <utility>

namespace {

/// A line that somebody has typed; nothing at the end of the input. For a thread, since a person may take any time.
std::optional<std::string> read_line() {
    std::string text;
    if (!std::getline(std::cin, text))
        return std::nullopt;
    if (text.ends_with('\r'))
        text.pop_back();
    return text;
}

coax::task<> type(coax::framed<coax::line>& lines) {
    // When the conversation is over, the thread is left behind with its question.
    while (const auto text = co_await coax::to_thread(coax::abandon_on_cancel, read_line))
        co_await lines.send(*text);
    lines.shutdown(coax::shutdown_how::write); // the server sees the end, and still has its say
}

coax::task<> talk(coax::address server, std::string name) {
    coax::socket conn(server.family().value_or(coax::family::inet), coax::kind::stream);
    co_await conn.connect(server);
    coax::framed<coax::line> lines(std::move(conn));
    if (!name.empty())
        co_await lines.send(name);

    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(type(lines));
        while (const auto line = co_await lines.recv()) // nothing when the server has ended the conversation
            say("{}", printable(line->text()));
        group.cancel();
    });
}

} // namespace

int main(int argc, char** argv) {
    // With a buffer of its own: exit() does not wait for the thread that may be reading.
    std::ios::sync_with_stdio(false);
    program command("chat_client", "Takes part in a chat.", "localhost");
    command.offer_unix();
    std::string name;
    command.offer_text("name", name, "what to be called; otherwise it is the first line");
    return command.run(argc, argv, [&] { return until_signal(talk(command.address(), name)); });
}

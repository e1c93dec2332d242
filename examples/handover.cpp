// A server that is replaced while it runs, without a refused connection: the next one gets the listening socket from the one before, by
// descriptor passing over a UNIX socket. Both accept until the new one says that it is ready; then the old one finishes what it has.
//
//     handover --port 8080 /run/hello.control &     and later, with a new version of the program, the same again
#include "program.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace {

/// What is handed on: where clients connect, and where the next server asks for both.
struct listeners {
    listeners(coax::socket for_clients, coax::socket for_successor) noexcept
        : clients(std::move(for_clients)), successor(std::move(for_successor)) {}

    coax::socket clients;
    coax::socket successor;
    coax::socket predecessor; // waits to hear that we are ready
};

/// Of a server that runs already; where none does, `connect` fails.
coax::task<listeners> take_over(coax::address control) {
    coax::socket predecessor(coax::family::local);
    co_await predecessor.connect(control);
    coax::received_fds passed = co_await coax::with_timeout(std::chrono::seconds(10), predecessor.recv_fds(16, 2));
    if (passed.fds.size() != 2)
        throw std::runtime_error("who listens at " + control.to_string() + " hands over nothing");
    listeners taken(coax::socket::adopt(std::move(passed.fds[0])), coax::socket::adopt(std::move(passed.fds[1])));
    taken.predecessor = std::move(predecessor);
    co_return taken;
}

/// The path is nobody's who could remove it too early: it goes from server to server.
coax::socket listen_at(const coax::address& control) {
    std::filesystem::remove(control.path()); // nobody listens there any more
    coax::socket made(coax::family::local);
    made.bind(control);
    std::filesystem::permissions(control.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    made.listen();
    return made;
}

coax::task<listeners> take_over_or_make(coax::address at, coax::address control) {
    auto taken = co_await coax::as_result(take_over(control));
    if (taken)
        co_return std::move(*taken);
    const std::error_code why = taken.error().code();
    if (why != std::errc::connection_refused && why != std::errc::no_such_file_or_directory)
        taken.error().raise();
    coax::socket clients(at.family().value_or(coax::family::inet));
    clients.setsockopt(coax::option::reuse_address, true);
    clients.bind(at);
    clients.listen();
    co_return listeners(std::move(clients), listen_at(control));
}

/// True: the other one has taken over.
coax::task<bool> hand_over(coax::socket to, const listeners& mine) {
    const coax::native_handle both[] = {mine.clients.fileno(), mine.successor.fileno()};
    co_await to.send_fds("listeners", both);
    const coax::chunk ready = co_await to.recv(16);
    co_return ready.text() == "ready";
}

/// Removes the path of the control socket, unless a successor has it.
struct path_owner {
    explicit path_owner(const coax::address& of) : path(of.path()) {}
    path_owner(const path_owner&) = delete;
    path_owner& operator=(const path_owner&) = delete;
    ~path_owner() {
        std::error_code ignored;
        if (!given_away)
            std::filesystem::remove(path, ignored);
    }

    std::string path;
    bool given_away = false;
};

/// Until there is a successor. One that does not come to itself changes nothing.
coax::task<> wait_for_successor(listeners& mine) {
    for (bool replaced = false; !replaced;) {
        coax::accepted asked = co_await mine.successor.accept();
        const auto handed = co_await coax::as_result(
            coax::with_timeout(std::chrono::seconds(10), hand_over(std::move(asked.conn), mine)));
        replaced = handed && *handed;
    }
}

coax::task<> serve(coax::address at, coax::address control, std::string name) {
    listeners mine = co_await take_over_or_make(at, control);
    say_listening(mine.clients.getsockname());

    const auto answer = [&](coax::socket conn, coax::address) -> coax::task<> {
        const coax::chunk asked = co_await conn.recv(1024);
        if (asked)
            co_await conn.sendall(fmt::format("served by {}\n", name));
    };
    coax::serve_options options;
    options.on_error = say_lost;
    path_owner path(control);
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(coax::serve(mine.clients, answer, options));
        if (mine.predecessor.is_open()) {
            co_await mine.predecessor.sendall("ready");
            mine.predecessor.close();
        }
        co_await wait_for_successor(mine);
        path.given_away = true;
        group.cancel(); // the socket lives on in the other process: closing ours refuses nobody
    };
    co_await coax::with_task_group(body);
    say("replaced");
}

} // namespace

int main(int argc, char** argv) {
    program command("handover", "A server that can be replaced without a refused connection.", "127.0.0.1");
    std::string control;
    std::string name = "one";
    command.demand_text("control", control,
                        "the path of the UNIX socket at which the next server asks for the listeners");
    command.offer_text("--name", name, "who says so in every answer");
    return command.run(argc, argv,
                       [&] { return until_signal(serve(command.address(), coax::address::unix_path(control), name)); });
}

// A chat: what one says, all others hear. The first line that somebody sends is a name; then there are /nick NAME, /who and /quit.
#include "program.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <utility>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t longest_line = 1000;
constexpr std::size_t longest_name = 30;
// For somebody to whom lines come faster than they can be sent. Bytes are what fills the memory: a list of names may be long.
constexpr std::size_t lines_kept = 2048;
constexpr std::size_t bytes_kept = 512 * 1024;
constexpr auto patience = 10s; // with somebody who takes nothing at all

using text = std::shared_ptr<const std::string>; // a line that many hear is there once

/// Somebody who is connected. One task reads, another one writes, and between them and all others lies the channel.
struct member {
    explicit member(coax::socket conn) : lines(std::move(conn), coax::line(), {longest_line, 1024}) {}

    /// Never waits, since all others would wait as well: whoever does not keep up has to go.
    void tell(text line) {
        const std::size_t size = line->size();
        const bool too_much = waiting != 0 && waiting + size > bytes_kept; // one line always has room
        if (!too_much && outgoing.try_send(std::move(line))) {
            waiting += size;
        } else if (!outgoing.closed()) {
            too_slow = true;
            tasks->cancel();
        }
    }
    void tell(const std::string& line) { tell(std::make_shared<const std::string>(line + '\n')); }

    coax::framed<coax::line> lines;
    coax::channel<text> outgoing{lines_kept};
    std::size_t waiting = 0; // bytes that have not been sent
    coax::task_group* tasks = nullptr;
    std::string name;
    bool too_slow = false;
};

/// All who have a name.
class room {
public:
    /// Gives somebody a name, the first or another one.
    void call(member& who, const std::string& name) {
        const auto unfit = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
        if (name.empty() || name.size() > longest_name || name.front() == '/' || std::ranges::any_of(name, unfit))
            return who.tell("* a name is one word, and not a long one");
        std::string former = name;
        if (!members_.try_emplace(name, &who).second)
            return who.tell("* " + name + " is here already");
        former.swap(who.name); // with nothing in between that may fail: whoever is in the room has that name
        members_.erase(former);
        if (former.empty()) {
            who.tell("* welcome, " + name);
            tell_others(who, "* " + name + " has joined");
        } else {
            who.tell("* you are now " + name);
            tell_others(who, "* " + former + " is now " + name);
        }
    }

    void leave(const member& who) {
        if (members_.erase(who.name) != 0)
            tell_others(who, "* " + who.name + " has left");
    }

    void tell_others(const member& but, const std::string& line) const {
        const text shared = std::make_shared<const std::string>(line + '\n');
        for (const auto& [name, each] : members_) {
            if (each != &but)
                each->tell(shared);
        }
    }

    std::string names() const {
        std::string all;
        for (const auto& [name, each] : members_)
            all += ' ' + name;
        return all;
    }

private:
    std::map<std::string, member*> members_;
};

coax::task<> read(room& here, member& me) {
    me.tell("* what is your name?");
    while (const auto received = co_await me.lines.recv()) { // nothing at the end of the stream
        const std::string line = printable(received->text());
        if (line == "/quit")
            break;
        if (line == "/who")
            me.tell("* here are:" + here.names());
        else if (line.starts_with("/nick "))
            here.call(me, line.substr(6));
        else if (line.starts_with('/'))
            me.tell("* there are /nick NAME, /who and /quit");
        else if (me.name.empty())
            here.call(me, line);
        else
            here.tell_others(me, me.name + ": " + line);
        co_await coax::yield(); // it may have sent many lines at once: the writers have their turn after each
    }
    me.outgoing.close(); // and that ends the writer, when it has sent the rest
}

coax::task<> write(member& to) {
    while (const auto line = co_await to.outgoing.recv()) {
        std::string batch = **line;
        while (const auto more = to.outgoing.try_recv()) // whatever has come meanwhile goes out in one piece
            batch += **more;
        co_await coax::with_timeout(patience, to.lines.source().sendall(batch));
        to.waiting -= batch.size();
    }
}

/// Takes somebody out of the room, however they go.
struct presence {
    presence(room& at, const member& of) : here(at), who(of) {}
    presence(const presence&) = delete;
    ~presence() {
        try {
            here.leave(who);
        } catch (const std::bad_alloc&) { // then nobody hears of it
        }
    }
    room& here;
    const member& who;
};

coax::task<> serve(coax::address at) {
    coax::listener listener = coax::create_server(at);
    say_listening(listener.getsockname());

    room here;
    const auto welcome = [&](coax::socket conn, coax::address peer) -> coax::task<> {
        send_at_once(conn);
        member me(std::move(conn));
        co_await coax::with_task_group([&](coax::task_group& tasks) -> coax::task<> {
            me.tasks = &tasks;
            tasks.spawn(write(me));
            const presence while_it_reads(here, me); // nobody tells it anything when the group has ended
            co_await read(here, me);
        });
        say("{} {}", peer.to_string(), me.too_slow ? "dropped, it does not read" : "left");
    };
    coax::serve_options options;
    options.on_error = say_lost;
    options.drain = coax::drain_mode::end_input; // nothing more is heard from anybody
    options.drain_timeout = 5s;                  // for the last words
    co_await coax::serve(listener, welcome, options);
}

} // namespace

int main(int argc, char** argv) {
    program command("chat_server", "Passes on what each says to all others.", "127.0.0.1");
    command.offer_unix();
    return command.run(argc, argv, [&] { return until_signal(serve(command.address())); });
}

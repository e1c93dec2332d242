// A small key-value server that speaks RESP, the protocol of Redis: enough of it for redis-cli and redis-benchmark.
#include "program.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::size_t longest_value = 64 * 1024 * 1024;
constexpr std::size_t longest_command = longest_value + longest_line; // which lies in the buffer as a whole
constexpr std::size_t most_arguments = 1024;

using arguments = std::vector<std::string_view>; // into the stream's buffer

template <class Number>
bool read_number(std::string_view text, Number& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && stop == text.data() + text.size();
}

/// Looks for the command at the front of the input: `*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n`, or a line as a person types it.
/// (redisReader of hiredis reads replies: it knows no such lines, and takes as much memory as is announced.)
class parser {
public:
    explicit parser(std::string_view input) : input_(input), rest_(input) {}

    /// Whether it is all there; otherwise there may be a problem.
    bool read(arguments& command) {
        command.clear();
        std::string_view line;
        if (!take_line(line))
            return false;
        if (!line.starts_with('*')) {
            for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
                const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
                command.push_back(line.substr(at, end - at));
                at = end;
            }
            return true;
        }
        std::size_t count = 0;
        if (!read_number(line.substr(1), count) || count > most_arguments)
            return fail("invalid multibulk length");
        while (command.size() < count) {
            std::size_t length = 0;
            if (!take_line(line))
                return false;
            if (!line.starts_with('$'))
                return fail("expected '$'");
            if (!read_number(line.substr(1), length) || length > longest_value || size() + length > longest_command)
                return fail("invalid bulk length");
            if (rest_.size() < length + 2) // CRLF
                return false;
            command.push_back(rest_.substr(0, length));
            rest_.remove_prefix(length + 2);
        }
        return true;
    }

    std::size_t size() const { return input_.size() - rest_.size(); }
    const char* problem() const { return problem_; }

private:
    bool fail(const char* why) {
        problem_ = why;
        return false;
    }
    bool take_line(std::string_view& line) {
        const std::size_t end = rest_.substr(0, longest_line).find('\n');
        if (end == std::string_view::npos)
            return rest_.size() < longest_line ? false : fail("too big inline request");
        line = rest_.substr(0, end);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        rest_.remove_prefix(end + 1);
        return true;
    }

    std::string_view input_;
    std::string_view rest_;
    const char* problem_ = nullptr;
};

/// What everybody reads and writes. One thread, so every command is atomic.
class store {
public:
    /// Appends the reply to a command; says whether another one may follow.
    bool execute(const arguments& command, std::string& reply) {
        if (command.empty()) // an empty line, which has no reply
            return true;
        std::string name(command.front());
        for (char& c : name)
            c = 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        const auto known = commands.find(name);
        if (known == commands.end())
            reply += "-ERR unknown command '" + printable(command.front().substr(0, 128)) + "'\r\n";
        else if (command.size() < known->second.fewest || command.size() > known->second.most)
            reply += "-ERR wrong number of arguments for '" + name + "' command\r\n";
        else
            (this->*known->second.run)(command, reply);
        return name != "QUIT";
    }

private:
    static void bulk(std::string& reply, std::string_view text) {
        reply += '$' + std::to_string(text.size()) + "\r\n";
        reply.append(text) += "\r\n";
    }
    static void integer(std::string& reply, std::int64_t number) { reply += ':' + std::to_string(number) + "\r\n"; }

    void ping(const arguments& command, std::string& reply) {
        if (command.size() == 1)
            reply += "+PONG\r\n";
        else
            bulk(reply, command[1]);
    }
    void echo(const arguments& command, std::string& reply) { bulk(reply, command[1]); }
    void ok(const arguments&, std::string& reply) { reply += "+OK\r\n"; }
    void nothing(const arguments&, std::string& reply) { reply += "*0\r\n"; }
    void select(const arguments& command, std::string& reply) {
        reply += command[1] == "0" ? "+OK\r\n" : "-ERR DB index is out of range\r\n";
    }
    /// redis-benchmark asks; nothing is configured.
    void config(const arguments& command, std::string& reply) {
        reply += "*2\r\n";
        bulk(reply, command.back());
        bulk(reply, "");
    }
    void set(const arguments& command, std::string& reply) {
        values_.insert_or_assign(std::string(command[1]), std::string(command[2]));
        reply += "+OK\r\n";
    }
    void get(const arguments& command, std::string& reply) {
        const auto found = values_.find(std::string(command[1]));
        if (found == values_.end())
            reply += "$-1\r\n";
        else
            bulk(reply, found->second);
    }
    void del(const arguments& command, std::string& reply) {
        std::size_t count = 0;
        for (std::size_t i = 1; i < command.size(); ++i)
            count += values_.erase(std::string(command[i]));
        integer(reply, static_cast<std::int64_t>(count));
    }
    void exists(const arguments& command, std::string& reply) {
        std::size_t count = 0;
        for (std::size_t i = 1; i < command.size(); ++i)
            count += values_.count(std::string(command[i]));
        integer(reply, static_cast<std::int64_t>(count));
    }
    void incr(const arguments& command, std::string& reply) {
        const auto [found, made] = values_.try_emplace(std::string(command[1]), "0");
        std::int64_t number = 0;
        if (!read_number(found->second, number) || number == std::numeric_limits<std::int64_t>::max()) {
            reply += "-ERR value is not an integer or out of range\r\n";
            return;
        }
        found->second = std::to_string(++number);
        integer(reply, number);
    }

    struct entry {
        std::size_t fewest;
        std::size_t most;
        void (store::*run)(const arguments&, std::string&);
    };
    static inline const std::unordered_map<std::string, entry> commands = {
        {"PING", {1, 2, &store::ping}},
        {"ECHO", {2, 2, &store::echo}},
        {"SET", {3, 3, &store::set}},
        {"GET", {2, 2, &store::get}},
        {"DEL", {2, most_arguments, &store::del}},
        {"EXISTS", {2, most_arguments, &store::exists}},
        {"INCR", {2, 2, &store::incr}},
        {"SELECT", {2, 2, &store::select}},
        {"CONFIG", {3, 3, &store::config}},
        {"COMMAND", {1, most_arguments, &store::nothing}},
        {"QUIT", {1, 1, &store::ok}},
    };

    std::unordered_map<std::string, std::string> values_;
};

coax::task<> converse(coax::stream& stream, store& values) {
    arguments command;
    std::string reply;
    for (bool more = true; more;) {
        reply.clear();
        parser input(stream.buffered().text());
        if (input.read(command)) {
            more = values.execute(command, reply);
            stream.consume(input.size());
        } else if (input.problem() != nullptr) {
            more = false;
            reply = fmt::format("-ERR Protocol error: {}\r\n", input.problem());
        } else {
            // Everything that was there has been answered, and the replies go out in one piece.
            co_await stream.flush();
            more = co_await stream.fill();
        }
        co_await stream.write(reply);
    }
    co_await stream.flush();
}

coax::task<> serve(coax::address at) {
    coax::listener listener = coax::create_server(at);
    say_listening(listener.getsockname());

    store values;
    const auto attend = [&](coax::socket conn, coax::address) -> coax::task<> {
        send_at_once(conn);
        coax::stream stream(std::move(conn), {.buffer_size = 16 * 1024, .write_buffer_size = 16 * 1024});
        co_await converse(stream, values);
    };
    coax::serve_options options;
    options.on_error = say_lost;
    co_await coax::serve(listener, attend, options);
}

} // namespace

int main(int argc, char** argv) {
    program command("resp_server", "Keeps values under keys, and speaks the protocol of Redis.", "127.0.0.1", 6379);
    command.offer_unix();
    return command.run(argc, argv, [&] { return until_signal(serve(command.address())); });
}

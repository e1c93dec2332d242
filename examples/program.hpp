// What the example programs share: their options, a line of output, one clear line when something fails, and an orderly end.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <coax/coax.hpp>

/// Prints one line, at once: somebody may be reading it through a pipe.
template <class... Args>
void say(fmt::format_string<Args...> text, Args&&... args) {
    fmt::print("{}\n", fmt::format(text, std::forward<Args>(args)...));
    std::fflush(stdout);
}

/// A server's first line. From then on it can be connected to, and ends well on a signal.
inline void say_listening(const coax::address& at) {
    say("listening on {} ({})", at.to_string(), coax::scheduler::current().backend().name);
}

/// For `serve_options::on_error`: a connection that fails is worth a line, and takes no other along.
inline void say_lost(std::exception_ptr error, const coax::address& peer) noexcept {
    try {
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::system_error& failure) {
            say("{} lost: {}", peer.to_string(), failure.code().message());
        } catch (const std::exception& failure) {
            say("{} lost: {}", peer.to_string(), failure.what());
        } catch (...) {
            say("{} lost", peer.to_string());
        }
    } catch (const std::exception&) { // no memory for the line, or nobody who reads it
        std::fputs("a connection was lost\n", stderr);
    }
}

/// Text from elsewhere as a terminal may show it: nothing in it is an escape sequence or a second line.
inline std::string printable(std::string_view text) {
    std::string shown(text);
    for (char& c : shown) {
        if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f')
            c = '?';
    }
    return shown;
}

/// Lets small answers leave at once, instead of when the peer has acknowledged those before them. Only TCP would wait.
inline void send_at_once(coax::socket& conn) {
    if (conn.family() != coax::family::local)
        conn.setsockopt(coax::option::no_delay, true);
}

/// The first SIGINT (Ctrl-C) or SIGTERM.
inline coax::task<int> first_signal() {
    coax::signal_set signals(SIGINT, SIGTERM);
    co_return co_await signals.wait();
}

/// Runs the task until it has ended, or until SIGINT (Ctrl-C) or SIGTERM: then it is cancelled, and finishes in its own way. Whoever does not
/// want to wait for that sends a second signal, which nobody catches any more.
inline coax::task<> until_signal(coax::task<> work) {
    // The signals come first: they are caught before the work begins.
    auto first = co_await coax::when_any(first_signal(), std::move(work));
    auto& [signalled, outcome] = first.slots;
    if (first.index == 0)
        signalled.value();
    if (!outcome && outcome.error().why() != coax::failure::cause::cancelled)
        outcome.error().raise();
}

using seconds = std::chrono::duration<double>;

/// The command line of one program.
class program {
public:
    program(const std::string& name, const std::string& purpose, const std::string& default_host,
            int default_port = 50007);
    ~program();

    /// TCP or a UNIX socket.
    void offer_unix();
    void offer_message();
    void offer_timeout(std::optional<double> by_default, const std::string& of = "each operation");
    void offer_flag(const std::string& name, bool& into, const std::string& meaning);
    /// Text, under a name or, where the name has no dashes, in its place.
    void offer_text(const std::string& name, std::string& into, const std::string& meaning);
    void demand_text(const std::string& name, std::string& into, const std::string& meaning);

    coax::address address() const;
    const std::string& message() const;
    std::optional<seconds> timeout() const;

    /// Runs the task that `main` makes; gives the exit code of the program.
    int run(int argc, char** argv, const std::function<coax::task<>()>& main);

private:
    struct options;
    std::unique_ptr<options> options_;
};

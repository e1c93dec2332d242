// What the example programs share: their options, a line of output, one clear line when something fails, and an orderly end.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <CLI/CLI.hpp>
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
inline void say_lost(std::exception_ptr error, const coax::address& peer) {
    try {
        std::rethrow_exception(std::move(error));
    } catch (const std::system_error& failure) {
        say("{} lost: {}", peer.to_string(), failure.code().message());
    } catch (const std::exception& failure) {
        say("{} lost: {}", peer.to_string(), failure.what());
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

/// Runs the task until it has ended, or until SIGINT (Ctrl-C) or SIGTERM: then it is cancelled, and finishes in its own way. Whoever does not
/// want to wait for that sends a second signal, which nobody catches any more.
inline coax::task<> until_signal(coax::task<> work) {
    // The signals come first: they are caught before the work begins.
    auto first = co_await coax::when_any(coax::wait_signal(SIGINT, SIGTERM), std::move(work));
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
            int default_port = 50007)
        : name_(name), app_(purpose, name), host_(default_host), port_(default_port) {
        app_.add_option("--host", host_, "a numeric address, localhost, or '' for any")->capture_default_str();
        app_.add_option("--port", port_, "the port; a server takes 0 for any free one")->capture_default_str();
        app_.add_option("--backend", backend_, "what carries out the I/O")
            ->check(CLI::IsMember(backends))
            ->capture_default_str();
        app_.failure_message(
            [name](const CLI::App*, const CLI::Error& error) { return fmt::format("{}: {}\n", name, error.what()); });
    }

    void offer_unix() {
        app_.add_option("--unix", path_, "a UNIX socket at this path instead of TCP")
            ->excludes("--host")
            ->excludes("--port");
    }
    void offer_message() { app_.add_option("message", message_, "what to send")->capture_default_str(); }
    void offer_timeout(std::optional<double> by_default, const std::string& of = "each operation") {
        timeout_ = by_default;
        app_.add_option("--timeout", timeout_,
                        "the limit of " + of + " in seconds" +
                            (by_default ? fmt::format(", {} by default", *by_default) : std::string()));
    }
    /// What only one of the programs has.
    CLI::App& options() { return app_; }

    coax::address address() const {
        return path_.empty() ? coax::address(host_, port_) : coax::address::unix_path(path_);
    }
    const std::string& message() const { return message_; }
    std::optional<seconds> timeout() const {
        if (timeout_ && !(*timeout_ > 0))
            throw std::invalid_argument(fmt::format("--timeout: {} is no limit, it has to be more than 0", *timeout_));
        return timeout_ ? std::optional(seconds(*timeout_)) : std::nullopt;
    }

    /// Runs the task that `main` makes; gives the exit code of the program.
    template <class Main>
    int run(int argc, char** argv, Main main) {
        try {
            app_.parse(argc, argv);
            coax::scheduler_options options;
            options.backend = backends.at(backend_);
            coax::run(main(), options);
            return 0;
        } catch (const CLI::ParseError& error) { // --help comes this way too, as a success
            return app_.exit(error) == 0 ? 0 : 1;
        } catch (const std::exception& error) {
            fmt::print(stderr, "{}: {}\n", name_, error.what());
            return 1;
        }
    }

private:
    static inline const std::map<std::string, coax::backend_kind> backends = {
        {"automatic", coax::backend_kind::automatic},
        {"io_uring", coax::backend_kind::io_uring},
        {"epoll", coax::backend_kind::epoll},
        {"poll", coax::backend_kind::poll},
    };

    std::string name_;
    CLI::App app_;
    std::string host_;
    int port_;
    std::string path_;
    std::string backend_ = "automatic";
    std::string message_ = "Hello, world";
    std::optional<double> timeout_;
};

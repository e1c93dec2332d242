// The command line that the example programs share. Its parser takes longer to compile than any of them.
#include "program.hpp"

#include <map>
#include <stdexcept>

#include <CLI/CLI.hpp>

namespace {

const std::map<std::string, coax::backend_kind> backends = {
    {"automatic", coax::backend_kind::automatic},
    {"io_uring", coax::backend_kind::io_uring},
    {"epoll", coax::backend_kind::epoll},
    {"poll", coax::backend_kind::poll},
};

} // namespace

struct program::options {
    options(const std::string& called, const std::string& purpose, const std::string& default_host, int default_port)
        : app(purpose, called), name(called), host(default_host), port(default_port) {}

    CLI::App app;
    std::string name;
    std::string host;
    int port;
    std::string path;
    std::string backend = "automatic";
    std::string message = "Hello, world";
    std::optional<double> timeout;
};

program::program(const std::string& name, const std::string& purpose, const std::string& default_host, int default_port)
    : options_(std::make_unique<options>(name, purpose, default_host, default_port)) {
    CLI::App& app = options_->app;
    app.add_option("--host", options_->host, "a numeric address, localhost, or '' for any")->capture_default_str();
    app.add_option("--port", options_->port, "the port; a server takes 0 for any free one")->capture_default_str();
    app.add_option("--backend", options_->backend, "what carries out the I/O")
        ->check(CLI::IsMember(backends))
        ->capture_default_str();
    app.failure_message(
        [name](const CLI::App*, const CLI::Error& error) { return fmt::format("{}: {}\n", name, error.what()); });
}

program::~program() = default;

void program::offer_unix() {
    options_->app.add_option("--unix", options_->path, "a UNIX socket at this path instead of TCP")
        ->excludes("--host")
        ->excludes("--port");
}

void program::offer_message() {
    options_->app.add_option("message", options_->message, "what to send")->capture_default_str();
}

void program::offer_timeout(std::optional<double> by_default, const std::string& of) {
    options_->timeout = by_default;
    options_->app.add_option("--timeout", options_->timeout,
                             "the limit of " + of + " in seconds" +
                                 (by_default ? fmt::format(", {} by default", *by_default) : std::string()));
}

void program::offer_flag(const std::string& name, bool& into, const std::string& meaning) {
    options_->app.add_flag(name, into, meaning);
}

void program::offer_text(const std::string& name, std::string& into, const std::string& meaning) {
    options_->app.add_option(name, into, meaning);
}

void program::demand_text(const std::string& name, std::string& into, const std::string& meaning) {
    options_->app.add_option(name, into, meaning)->required();
}

coax::address program::address() const {
    return options_->path.empty() ? coax::address(options_->host, options_->port)
                                  : coax::address::unix_path(options_->path);
}

const std::string& program::message() const { return options_->message; }

std::optional<seconds> program::timeout() const {
    if (!options_->timeout)
        return std::nullopt;
    if (!(*options_->timeout > 0))
        throw std::invalid_argument(
            fmt::format("--timeout: {} is no limit, it has to be more than 0", *options_->timeout));
    return seconds(*options_->timeout);
}

int program::run(int argc, char** argv, const std::function<coax::task<>()>& main) {
    try {
        options_->app.parse(argc, argv);
        coax::scheduler_options chosen;
        chosen.backend = backends.at(options_->backend);
        coax::run(main(), chosen);
        return 0;
    } catch (const CLI::ParseError& error) { // --help comes this way too, as a success
        return options_->app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", options_->name, error.what());
        return 1;
    }
}

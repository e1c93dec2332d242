// Listeners that the service manager has opened. Each case plays the manager for a child process.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/process_system.hpp"
#include "runtime/platform.hpp"

namespace {

struct variables {
    const char* fds = nullptr; // null: as many as there are
    const char* names = nullptr;
    const char* pid = nullptr; // null: the child's
};

/// Runs the body in a child that finds these descriptors from 3 on. The body returns 0, or the number of what was wrong.
int activated(const std::vector<int>& handed, const variables& with, const std::function<int()>& body) {
    return support::in_child([&] {
        // Out of the way first: some may lie where others are to go.
        std::vector<int> safe;
        for (const int fd : handed)
            safe.push_back(fcntl(fd, F_DUPFD, 100));
        for (std::size_t i = 0; i < safe.size(); ++i)
            dup2(safe[i], static_cast<int>(3 + i)); // not closed on exec, as from a manager
        close(static_cast<int>(3 + safe.size()));
        setenv("LISTEN_PID", with.pid != nullptr ? with.pid : std::to_string(getpid()).c_str(), 1);
        setenv("LISTEN_FDS", with.fds != nullptr ? with.fds : std::to_string(handed.size()).c_str(), 1);
        if (with.names != nullptr)
            setenv("LISTEN_FDNAMES", with.names, 1);
        return body();
    });
}

/// The same descriptors, in a process of another number.
class somebody_else final : public coax::os::process_system {
public:
    long process_id() noexcept override { return 1; }
};

bool closed_on_exec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

/// What `activated_listeners` says is wrong.
std::string complaint() {
    try {
        static_cast<void>(coax::activated_listeners());
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

bool begins_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

} // namespace

TEST_CASE("activated_listeners gives what was handed over, with its names, once") {
    const coax::socket one = support::listening(coax::family::inet);
    const coax::socket two = support::listening(coax::family::local);
    // The child cannot ask these sockets: its descriptors are others.
    const coax::address web = one.getsockname();
    const coax::address control = two.getsockname();
    const int code = activated({one.fileno(), two.fileno()}, {.names = "web:control"}, [&] {
        auto given = coax::activated_listeners();
        if (given.size() != 2 || given[0].name != "web" || given[1].name != "control")
            return 1;
        if (given[0].listener.getsockname() != web || given[0].listener.socket().fileno() != 3)
            return 2;
        if (given[1].listener.getsockname() != control || given[1].listener.socket().fileno() != 4)
            return 3;
        if (!closed_on_exec(3) || !closed_on_exec(4))
            return 4;
        if (!coax::activated_listeners().empty())
            return 5;
        // The path is not its own.
        given.clear();
        return std::filesystem::is_socket(control.path()) ? 0 : 6;
    });
    CHECK(code == 0);
}

TEST_CASE("a listener is given away once, whichever systems have asked in between") {
    const coax::socket one = support::listening(coax::family::inet);
    const int code = activated({one.fileno()}, {}, [] {
        const auto given = coax::activated_listeners();
        if (given.size() != 1)
            return 1;
        somebody_else other;
        bool none = false;
        const auto ask = [&]() -> coax::task<> {
            none = coax::activated_listeners().empty();
            co_return;
        };
        coax::detail::scheduler_access::make({}, {other, &coax::backend::make_backend})->run(ask());
        if (!none)
            return 2;
        return coax::activated_listeners().empty() ? 0 : 3;
    });
    CHECK(code == 0);
}

TEST_CASE("without names they are unknown, and other kinds are skipped but closed on exec") {
    const coax::socket one = support::listening(coax::family::inet);
    const coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
    const coax::socket silent = support::bound(coax::family::inet, coax::kind::stream);
    const coax::address web = one.getsockname();
    const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int code = activated({datagrams.fileno(), file, silent.fileno(), one.fileno()}, {}, [&] {
        const auto given = coax::activated_listeners();
        if (given.size() != 1 || given[0].name != "unknown" || given[0].listener.getsockname() != web)
            return 1;
        return closed_on_exec(3) && closed_on_exec(4) && closed_on_exec(5) ? 0 : 2;
    });
    close(file);
    CHECK(code == 0);
}

TEST_CASE("create_server takes the listener for its address instead of binding") {
    const coax::socket one = support::listening(coax::family::inet);
    const coax::socket two = support::listening(coax::family::local);
    const coax::address web = one.getsockname();
    const coax::address control = two.getsockname();
    const int code = activated({one.fileno(), two.fileno()}, {}, [&] {
        {
            coax::listener taken = coax::create_server(control);
            if (taken.socket().fileno() != 4 || !closed_on_exec(4))
                return 1;
        }
        if (!std::filesystem::is_socket(control.path()))
            return 2;
        if (support::code_thrown_by([&] { static_cast<void>(coax::create_server(web, {.activation = false})); }) !=
            std::errc::address_in_use)
            return 3;
        if (coax::create_server({"127.0.0.1", 0}).socket().fileno() == 3)
            return 4;
        auto rest = coax::activated_listeners();
        return rest.size() == 1 && rest[0].listener.socket().fileno() == 3 ? 0 : 5;
    });
    CHECK(code == 0);
}

TEST_CASE("the empty host takes a listener of any address, whichever the family") {
    const coax::family family = GENERATE(from_range(support::internet()));
    coax::socket any(family);
    any.bind({"", 0});
    any.listen();
    const int port = any.getsockname().port();
    const int code = activated({any.fileno()}, {}, [&] {
        if (support::code_thrown_by([&] { static_cast<void>(coax::create_server({"192.0.2.1", port})); }) !=
            std::errc::address_not_available)
            return 1;
        return coax::create_server({"", port}).socket().fileno() == 3 ? 0 : 2;
    });
    CHECK(code == 0);
}

TEST_CASE("variables that are meant for another process are none of ours") {
    const coax::socket one = support::listening(coax::family::inet);
    CHECK(activated({one.fileno()}, {.pid = "1"},
                    [] { return static_cast<int>(coax::activated_listeners().size()); }) == 0);
    // Nor are they a child's, whose parent has read them.
    const int code = activated({one.fileno()}, {}, [] {
        const int child = support::in_child([] { return coax::activated_listeners().empty() ? 0 : 1; });
        return child == 0 && coax::activated_listeners().size() == 1 ? 0 : 1;
    });
    CHECK(code == 0);
    CHECK(support::in_child([] {
              setenv("LISTEN_FDS", "1", 1);
              return coax::activated_listeners().empty() ? 0 : 1;
          }) == 0);
}

TEST_CASE("an empty variable is one that is not set") {
    const coax::socket one = support::listening(coax::family::inet);
    const auto makes_its_own = [] {
        if (!coax::activated_listeners().empty())
            return 1;
        return coax::create_server({"127.0.0.1", 0}).is_open() ? 0 : 2;
    };
    CHECK(activated({one.fileno()}, {.pid = ""}, makes_its_own) == 0);
    CHECK(activated({one.fileno()}, {.fds = ""}, makes_its_own) == 0);
    CHECK(activated({one.fileno()}, {.fds = "", .pid = ""}, makes_its_own) == 0);
}

TEST_CASE("a value that cannot be right is an error that names the variable") {
    const coax::socket one = support::listening(coax::family::inet);
    const auto complains = [&](const variables& with, const char* start) {
        return activated({one.fileno()}, with, [start] { return begins_with(complaint(), start) ? 0 : 1; }) == 0;
    };
    CHECK(complains({.pid = "x"}, "LISTEN_PID=x: "));
    CHECK(complains({.pid = "-1"}, "LISTEN_PID=-1: "));
    CHECK(complains({.fds = "one"}, "LISTEN_FDS=one: "));
    CHECK(complains({.fds = "1 "}, "LISTEN_FDS=1 : "));
    CHECK(complains({.fds = "-1"}, "LISTEN_FDS=-1: "));
    CHECK(complains({.fds = "99999999999999999999"}, "LISTEN_FDS=99999999999999999999: "));
    CHECK(complains({.fds = "2000000000"}, "LISTEN_FDS=2000000000: "));
    CHECK(complains({.fds = "2"}, "LISTEN_FDS=2: "));
    CHECK(complains({.names = "a:b"}, "LISTEN_FDNAMES=a:b: "));
    // And create_server does not pass it over.
    const int code = activated({one.fileno()}, {.fds = "one"}, [] {
        try {
            static_cast<void>(coax::create_server({"127.0.0.1", 0}));
        } catch (const std::invalid_argument&) {
            return 0;
        }
        return 1;
    });
    CHECK(code == 0);
}

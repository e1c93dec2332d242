// Programs started by this one inherit none of the library's descriptors.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using support::ending;

namespace {

/// The descriptors that a program started now finds open, as it tells them itself.
std::string inherited() {
    int ends[2];
    if (::pipe(ends) != 0)
        return "no pipe";
    for (const int end : ends)
        ::fcntl(end, F_SETFD, FD_CLOEXEC);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        // Only what the shell has built in: it opens nothing itself.
        ::execl("/bin/sh", "sh", "-c",
                "n=0; while [ $n -lt 1024 ]; do [ -e /proc/self/fd/$n ] && echo $n; n=$((n+1)); done", nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    std::string list;
    char buffer[256];
    for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof(buffer))) > 0;)
        list.append(buffer, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return list;
}

} // namespace

TEST_CASE("a program that is started while everything is open finds what it would have found before") {
    if (::access("/proc/self/fd/0", F_OK) != 0)
        return;
    // What this process was given without closing on exec is not ours.
    const std::string before = inherited();
    REQUIRE(before.find("1\n") != std::string::npos);
    support::run([&]() -> coax::task<> {
        std::vector<coax::socket> made;
        for (const coax::family family : support::families()) {
            coax::socket listener = support::listening(family);
            support::connection pair = co_await support::connected_by(listener);
            made.push_back(std::move(listener));
            made.push_back(std::move(pair.client));
            made.push_back(std::move(pair.server));
            made.push_back(support::bound(family, coax::kind::datagram));
        }
        coax::socket_pair pair = coax::socketpair();
        made.push_back(std::move(pair.second));
        const int handles[2] = {::socket(AF_INET, SOCK_STREAM, 0), ::socket(AF_INET6, SOCK_DGRAM, 0)};
        made.push_back(coax::socket::adopt(handles[0]));
        if (handles[1] != -1)
            made.push_back(coax::socket::adopt(handles[1]));

        std::string during;
        std::vector<ending> how(made.size() + 1, ending::none);
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            // In use, too, whatever a backend needs for that.
            group.spawn(support::note([] { return coax::wait_signal(SIGUSR1); }, how[0]));
            for (std::size_t index = 0; index + 1 < how.size(); ++index)
                group.spawn(support::note([&, index] { return made[index].recv(1); }, how[index + 1]));
            co_await coax::sleep_for(1ms);
            during = inherited();
            group.cancel();
        });
        CHECK(during == before);
    });
}

TEST_CASE("a detached handle is still closed on exec, and an adopted one becomes so") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const coax::native_handle first = pair.first.detach().handle;
        CHECK((::fcntl(first, F_GETFD) & FD_CLOEXEC) != 0);
        ::close(first);

        const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
        CHECK((::fcntl(handle, F_GETFD) & FD_CLOEXEC) == 0);
        const coax::socket adopted = coax::socket::adopt(handle);
        CHECK((::fcntl(handle, F_GETFD) & FD_CLOEXEC) != 0);
        co_return;
    });
}

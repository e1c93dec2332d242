// A signal every ten milliseconds interrupts whatever the kernel is doing, and nothing comes of it.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

volatile std::sig_atomic_t rings = 0;

/// Interrupts system calls, without restarting them, while this lives.
class interrupting_timer {
public:
    interrupting_timer() {
        rings = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { rings = rings + 1; };
        sigaction(SIGALRM, &action, &previous_);
        const timeval period{0, 10'000};
        const itimerval timer{period, period};
        setitimer(ITIMER_REAL, &timer, nullptr);
    }
    interrupting_timer(const interrupting_timer&) = delete;
    interrupting_timer& operator=(const interrupting_timer&) = delete;
    ~interrupting_timer() {
        const itimerval off{};
        setitimer(ITIMER_REAL, &off, nullptr);
        sigaction(SIGALRM, &previous_, nullptr);
    }

private:
    struct sigaction previous_{};
};

int late_handle = -1;

/// Holds the thread up until the limit of its wait has passed, after what it waits for has arrived, as a stop of the process would.
void hold_up(int) {
    static_cast<void>(!::write(late_handle, "in time", 7));
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto milliseconds = [&now] { return now.tv_sec * 1000 + now.tv_nsec / 1'000'000; };
    const auto end = milliseconds() + 300;
    while (milliseconds() < end)
        clock_gettime(CLOCK_MONOTONIC, &now);
    rings = 1;
}

/// Whether the process rests in the kernel. True where nobody can tell.
bool is_asleep(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    if (!std::getline(file, line))
        return true;
    return line.compare(line.rfind(')'), 3, ") S") == 0; // its name may be anything
}

/// Receives under a limit, and says when that is with the system. What it ends with is 0 for the bytes, 1 for a timeout.
int receive_within(std::chrono::milliseconds limit, coax::native_handle from, int begun) {
    alarm(60);
    int code = 3;
    const auto receive = [&](coax::socket& source) -> coax::task<> {
        const auto got = co_await coax::as_result(coax::with_timeout(limit, source.recv(100)));
        if (got)
            code = got->text() == "in time" ? 0 : 2;
        else
            code = got.error() == std::errc::timed_out ? 1 : 2;
    };
    coax::run([&]() -> coax::task<> {
        coax::socket source = coax::socket::adopt(from);
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(receive(source));
            co_await support::round_trip();
            static_cast<void>(!::write(begun, "b", 1));
        };
        co_await coax::with_task_group(body);
    }());
    return code;
}

coax::task<> until_rung(int times) {
    const int end = rings + times;
    while (rings < end)
        co_await coax::sleep_for(3ms);
}

} // namespace

TEST_CASE("a wait that is interrupted over and over goes on") {
    const interrupting_timer timer;
    support::run([]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket datagrams = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket_pair pair = coax::socketpair();
        coax::socket_pair full = coax::socketpair();
        const std::size_t filled = co_await support::fill(full.first);
        support::ending how[5] = {};
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return listener.accept(); }, how[0]));
            group.spawn(support::note([&] { return datagrams.recvfrom(100); }, how[1]));
            group.spawn(support::note([&] { return pair.first.recv(100); }, how[2]));
            group.spawn(support::note([&] { return full.first.sendall("x"); }, how[3]));
            group.spawn(support::note([] { return coax::sleep_for(100ms); }, how[4]));
            co_await until_rung(10);
            for (int index = 0; index < 4; ++index)
                CHECK(how[index] == support::ending::none);

            // Everything that is waited for comes now.
            coax::socket client(coax::family::inet);
            co_await client.connect(listener.getsockname());
            coax::socket sender(coax::family::inet, coax::kind::datagram);
            co_await sender.sendto("datagram", datagrams.getsockname());
            co_await pair.second.sendall("bytes");
            const std::string drained = co_await support::read(full.second, filled + 1);
            CHECK(drained.size() == filled + 1);
            co_await support::until([&] { return group.size() == 0; });
        });
        for (const support::ending each : how)
            CHECK(each == support::ending::value);
    });
    CHECK(rings >= 10);
}

TEST_CASE("a conversation that is interrupted over and over loses nothing") {
    const interrupting_timer timer;
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        const std::string sent = support::pattern(1 << 20);
        std::string back;
        const auto echo = [&]() -> coax::task<> {
            while (const coax::chunk data = co_await pair.server.recv(30'000))
                co_await pair.server.sendall(data);
            pair.server.shutdown(coax::shutdown_how::write);
        };
        const auto send = [&]() -> coax::task<> {
            for (std::size_t at = 0; at < sent.size(); at += 65536) {
                co_await pair.client.sendall(std::string_view(sent).substr(at, 65536));
                // So that it lasts for a few rings.
                co_await coax::sleep_for(4ms);
            }
            pair.client.shutdown(coax::shutdown_how::write);
        };
        const auto receive = [&]() -> coax::task<> { back = co_await support::read_to_end(pair.client); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(echo());
            group.spawn(send());
            group.spawn(receive());
            co_return;
        });
        CHECK(support::same_up_to(sent, back) == sent.size());
        CHECK(back.size() == sent.size());
    });
    CHECK(rings >= 2);
}

TEST_CASE("what has arrived when a wait is interrupted beats a limit that has passed meanwhile") {
    struct sigaction action{};
    struct sigaction previous{};
    action.sa_handler = &hold_up;
    sigaction(SIGALRM, &action, &previous);
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        late_handle = pair.first.fileno();
        rings = 0;
        const itimerval timer{{0, 0}, {0, 50'000}};
        setitimer(ITIMER_REAL, &timer, nullptr);
        const auto got = co_await coax::as_result(coax::with_timeout(150ms, pair.second.recv(100)));
        CHECK(rings == 1);
        REQUIRE(got);
        CHECK(got->text() == "in time");
    });
    sigaction(SIGALRM, &previous, nullptr);
}

TEST_CASE("what has arrived while the process was stopped beats a limit that has passed meanwhile") {
    using clock = std::chrono::steady_clock;
    // The bytes have to come before the limit: where the machine was too slow for it, a longer one says more.
    bool in_time = false;
    for (auto limit = 200ms; !in_time && limit < 10s; limit *= 2) {
        int data[2];
        int begun[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, data) == 0);
        REQUIRE(::pipe(begun) == 0);
        const auto start = clock::now();
        const pid_t child = support::start_child([&] { return receive_within(limit, data[1], begun[1]); });
        ::close(data[1]);
        ::close(begun[1]);
        char byte = 0;
        CHECK(::read(begun[0], &byte, 1) == 1);
        const auto end = clock::now() + limit; // it has been set by now
        while (!is_asleep(child) && clock::now() < end)
            ::sched_yield();
        ::kill(child, SIGSTOP);
        int status = 0;
        CHECK(::waitpid(child, &status, WUNTRACED) == child);
        CHECK(WIFSTOPPED(status));
        CHECK(::write(data[0], "in time", 7) == 7);
        in_time = clock::now() < start + limit;
        std::this_thread::sleep_until(end); // the limit has passed when it goes on
        ::kill(child, SIGCONT);
        const int code = support::exit_code(child);
        if (in_time)
            CHECK(code == 0);
        ::close(data[0]);
        ::close(begun[0]);
    }
    CHECK(in_time);
}

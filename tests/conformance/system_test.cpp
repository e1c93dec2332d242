// A scheduler that runs on another system than that of this process: what it and its sockets ask of the world goes there.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "backend/descriptor.hpp"
#include "net/socket_access.hpp"
#include "os/process_system.hpp"
#include "runtime/current_system.hpp"
#include "runtime/platform.hpp"

using namespace std::chrono_literals;
namespace os = coax::os;

namespace {

/// Carries jobs out where they are submitted.
class workers_here final : public os::workers {
public:
    explicit workers_here(int& jobs) noexcept : count_(jobs) {}
    int submit(coax::detail::thread_job& job) noexcept override {
        ++count_;
        job.run(job);
        job.at = coax::detail::thread_job::stage::over;
        coax::detail::send_message(*job.on, *job.completion);
        return 0;
    }
    bool remove(coax::detail::thread_job&) noexcept override { return false; }
    bool leave_behind(coax::detail::thread_job&) noexcept override { return false; }
    void wait_until_over(const coax::detail::thread_job&) noexcept override {}
    std::size_t jobs() const noexcept override { return 0; }

private:
    int& count_;
};

/// Signals of which the test decides.
struct raised_signals {
    os::signal_bits come = 0;
    os::signal_bits subscribed = 0;
    os::waker* wake = nullptr;
    int parties = 0;
};

class subscription final : public os::signal_subscription {
public:
    explicit subscription(raised_signals& of) noexcept : of_(of) { ++of_.parties; }
    ~subscription() override { --of_.parties; }
    int add(os::signal_bits signals) noexcept override {
        of_.subscribed |= signals;
        return 0;
    }
    void remove(os::signal_bits signals) noexcept override { of_.subscribed &= ~signals; }
    void set_wake(os::waker* wake) noexcept override { of_.wake = wake; }
    os::signal_bits noted() const noexcept override { return of_.come; }
    void take(int signal) noexcept override { of_.come &= ~os::bit_of(signal); }
    void put_back(int signal) noexcept override { of_.come |= os::bit_of(signal); }
    os::signal_bits subscribed() const noexcept override { return of_.subscribed; }

private:
    raised_signals& of_;
};

class other_system final : public os::process_system {
public:
    os::outcome open(coax::family f, coax::kind k, int protocol) noexcept override {
        if (refused != 0)
            return {0, refused};
        ++sockets;
        return process_system::open(f, k, protocol);
    }
    int pair(coax::kind k, coax::native_handle (&ends)[2]) noexcept override {
        sockets += 2;
        return process_system::pair(k, ends);
    }
    int close(coax::native_handle handle) noexcept override {
        ++closed;
        return process_system::close(handle);
    }
    int getsockname(coax::native_handle handle, coax::address& name) noexcept override {
        if (!called)
            return process_system::getsockname(handle, name);
        name = *called;
        return 0;
    }
    std::int64_t now() noexcept override { return process_system::now() + ahead.count(); }
    std::error_code resolve(const os::name_query& query, std::vector<coax::address>& into) override {
        into.emplace_back("192.0.2.7", 80);
        asked = query.host;
        return {};
    }
    std::error_code name_of(const os::address_query&, coax::resolved_name& into) override {
        into = coax::resolved_name("seven.example", "http");
        return {};
    }
    const char* variable(const char* name) noexcept override {
        return backend != nullptr && name == std::string_view("COAX_BACKEND") ? backend
                                                                              : process_system::variable(name);
    }
    int interface_index(std::string_view name, std::uint32_t& index) noexcept override {
        index = name == "lan" ? 7 : 0;
        return index != 0 ? 0 : ENODEV;
    }
    int interface_name(std::uint32_t index, std::string& into) override {
        into = "lan";
        return index == 7 ? 0 : ENODEV;
    }
    int interfaces(std::vector<coax::interface_info>& into) override {
        into.emplace_back("lan", coax::interface_index(7));
        return 0;
    }
    int join_group(coax::native_handle, const coax::address& group, const coax::address& source,
                   std::uint32_t on) noexcept override {
        memberships.push_back({group, source, on});
        return 0;
    }
    int leave_group(coax::native_handle, const coax::address&, const coax::address&, std::uint32_t) noexcept override {
        return EADDRNOTAVAIL;
    }
    std::unique_ptr<os::workers> make_workers(unsigned most, unsigned most_alike) override {
        if (has_threads)
            return process_system::make_workers(most, most_alike);
        return std::make_unique<workers_here>(jobs);
    }
    std::unique_ptr<os::signal_subscription> subscribe() override { return std::make_unique<subscription>(signals); }

    std::optional<coax::address> called;
    int refused = 0;
    int sockets = 0;
    int closed = 0;
    std::chrono::nanoseconds ahead{0};
    std::string asked;
    const char* backend = nullptr;
    int jobs = 0;
    bool has_threads = false;
    struct membership {
        coax::address group;
        coax::address source;
        std::uint32_t on;
    };
    std::vector<membership> memberships;
    raised_signals signals;
};

template <class Body>
void run_on(other_system& on, Body body) {
    const std::unique_ptr<coax::scheduler> made =
        coax::detail::scheduler_access::make({}, {on, &coax::backend::make_backend});
    made->run(body());
}

} // namespace

TEST_CASE("a socket that is made in a run belongs to the system of that run") {
    other_system system;
    std::optional<coax::socket> kept;
    run_on(system, [&]() -> coax::task<> {
        coax::socket listener(coax::family::inet, coax::kind::stream);
        CHECK(system.sockets == 1);
        listener.bind({"127.0.0.1", 0});
        listener.listen();
        system.called = coax::address("192.0.2.1", 7);
        CHECK(listener.getsockname() == coax::address("192.0.2.1", 7));
        coax::socket_pair pair = coax::socketpair();
        CHECK(system.sockets == 3);
        co_await pair.first.sendall("x");
        const coax::chunk data = co_await pair.second.recv(1);
        CHECK(data.text() == "x");
        kept = std::move(pair.first);
        CHECK(system.closed == 0);
        pair.second.close();
        CHECK(system.closed == 1);
    });
    CHECK(system.closed == 2);
    // Also when nothing of that run is left but the socket.
    kept.reset();
    CHECK(system.closed == 3);
}

TEST_CASE("an accepted connection belongs to the system of its listener, taken or not") {
    other_system system;
    run_on(system, [&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        int before = system.closed;
        made.server.close();
        CHECK(system.closed == before + 1);
        coax::socket listener = support::listening(coax::family::inet);
        // As an accept leaves it that is destroyed between its completion and its coroutine's next step.
        coax::detail::descriptor& state = *coax::detail::socket_access::state(listener);
        state.keep(coax::socket(coax::family::inet, coax::kind::stream).detach().handle, state.next_order());
        before = system.closed;
        listener.close();
        CHECK(system.closed == before + 2);
    });
}

TEST_CASE("a socket that is made outside of every run belongs to the system of the process") {
    other_system system;
    coax::socket_pair pair = coax::socketpair();
    run_on(system, [&]() -> coax::task<> {
        co_await pair.first.sendall("x");
        const coax::chunk data = co_await pair.second.recv(1);
        CHECK(data.text() == "x");
        pair.first.close();
        CHECK(system.sockets == 0);
        CHECK(system.closed == 0);
    });
}

TEST_CASE("what the system of a run refuses is an error of the call") {
    other_system system;
    system.refused = EMFILE;
    run_on(system, [&]() -> coax::task<> {
        CHECK(support::code_thrown_by([] { const coax::socket made(coax::family::inet, coax::kind::stream); }) ==
              std::errc::too_many_files_open);
        const auto connected = co_await coax::as_result(coax::create_connection(coax::address("127.0.0.1", 9)));
        CHECK_FALSE(connected);
        CHECK(connected.error().code() == std::errc::too_many_files_open);
    });
}

TEST_CASE("deadlines go by the clock of the run's system") {
    other_system system;
    const auto steady = std::chrono::steady_clock::now();
    run_on(system, [&]() -> coax::task<> {
        const coax::clock::time_point before = coax::clock::now();
        bool woken = false;
        const auto sleeper = [&]() -> coax::task<> {
            co_await coax::sleep_for(1h);
            woken = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(sleeper());
            co_await coax::sleep_for(1ms); // a time counts from the end of the turn in which it is set
            system.ahead = 2h;
        });
        CHECK(woken);
        CHECK(coax::clock::now() - before >= 1h);
    });
    CHECK(std::chrono::steady_clock::now() - steady < support::patience);
}

TEST_CASE("names are those that the run's system knows, in both directions") {
    other_system system;
    run_on(system, [&]() -> coax::task<> {
        const std::vector<coax::address> found = co_await coax::getaddrinfo("seven.example", 80);
        REQUIRE(found.size() == 1);
        CHECK(found[0] == coax::address("192.0.2.7", 80));
        CHECK(system.asked == "seven.example");
        const coax::resolved_name name = co_await coax::getnameinfo(found[0]);
        CHECK(name.host == "seven.example");
        CHECK(coax::address("fe80::1%lan", 1) == coax::address("fe80::1%7", 1));
    });
    CHECK(system.jobs == 2);
    CHECK_THROWS_AS(coax::address("fe80::1%lan", 1), std::invalid_argument);
}

TEST_CASE("what blocks is carried out by the workers of the run's system") {
    other_system system;
    run_on(system, [&]() -> coax::task<> {
        const auto where = [] { return std::this_thread::get_id(); };
        const std::thread::id ran_on = co_await coax::to_thread(where);
        CHECK(ran_on == std::this_thread::get_id());
        CHECK(system.jobs == 1);
    });
}

TEST_CASE("what runs on a thread of a run's pool asks the system of that run") {
    other_system system;
    system.has_threads = true;
    system.ahead = 1000h;
    struct seen {
        std::thread::id thread;
        coax::clock::time_point now;
        std::uint32_t interface;
    };
    const auto look = [] {
        std::uint32_t lan = 0;
        coax::detail::current_system().interface_index("lan", lan);
        return seen{std::this_thread::get_id(), coax::clock::now(), lan};
    };
    const coax::clock::time_point before = coax::clock::now();
    run_on(system, [&]() -> coax::task<> {
        const seen there = co_await coax::to_thread(look);
        CHECK(there.thread != std::this_thread::get_id());
        CHECK(there.now - before >= 1000h);
        CHECK(there.interface == 7);
        co_await coax::to_thread([&] { const coax::socket made(coax::family::inet, coax::kind::stream); });
        CHECK(system.sockets == 1);
        CHECK(system.closed == 1);
    });
    // The next run has threads of its own.
    support::run([&]() -> coax::task<> {
        const seen there = co_await coax::to_thread(look);
        CHECK(there.now - before < 1000h);
        CHECK(there.interface == 0);
    });
}

TEST_CASE("interfaces and groups are those of the run's system") {
    other_system system;
    run_on(system, [&]() -> coax::task<> {
        const std::vector<coax::interface_info> listed = coax::if_nameindex();
        REQUIRE(listed.size() == 1);
        CHECK(listed.front().name == "lan");
        CHECK(coax::if_nametoindex("lan") == coax::interface_index(7));
        CHECK(coax::if_indextoname(coax::interface_index(7)) == "lan");
        CHECK_THROWS_AS(coax::interface_index("lo"), coax::no_such_interface);

        coax::socket socket(coax::family::inet6, coax::kind::datagram);
        const coax::address group("ff12::1%lan", 0);
        const coax::address source("2001:db8::1", 0);
        socket.join_group(group);
        socket.join_source_group(group, source, "lan");
        REQUIRE(system.memberships.size() == 2);
        CHECK(system.memberships[0].group == group);
        CHECK(system.memberships[0].source.is_unnamed());
        CHECK(system.memberships[0].on == 7);
        CHECK(system.memberships[1].source == source);
        CHECK(system.memberships[1].on == 7);
        CHECK(support::code_thrown_by([&] { socket.leave_group(group); }) == std::errc::address_not_available);
        co_return;
    });
}

TEST_CASE("signals are those of the run's system") {
    other_system system;
    run_on(system, [&]() -> coax::task<> {
        coax::signal_set signals(SIGTERM);
        CHECK(system.signals.subscribed == os::bit_of(SIGTERM));
        const auto raise = [&]() -> coax::task<> {
            co_await support::until([&] { return system.signals.wake != nullptr; });
            system.signals.come |= os::bit_of(SIGTERM);
            system.signals.wake->notify();
        };
        int received = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(raise());
            received = co_await signals.wait();
        });
        CHECK(received == SIGTERM);
        CHECK(system.signals.come == 0);
        system.signals.come |= os::bit_of(SIGINT);
        received = co_await coax::wait_signal(SIGINT);
        CHECK(received == SIGINT);
        CHECK(system.signals.parties == 2);
    });
    CHECK(system.signals.parties == 0);
}

TEST_CASE("the backend that the environment names is the one of the run's system") {
    other_system system;
    system.backend = "poll";
    run_on(system, []() -> coax::task<> {
        CHECK(coax::scheduler::current().backend().kind == coax::backend_kind::poll);
        CHECK(coax::scheduler::current().backend().reason == "chosen by COAX_BACKEND");
        co_return;
    });
    system.backend = "kqueue";
    CHECK_THROWS_AS(run_on(system, []() -> coax::task<> { co_return; }), std::invalid_argument);
}

// Signals: delivered to every waiter, borrowed until the run ends, and no disturbance to anything else.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/time.h>

using namespace std::chrono_literals;
using support::ending;

namespace {

volatile std::sig_atomic_t strays = 0;

/// The program's own handler of a signal, for as long as this lives. Handlers of the library come and go on top of it.
class own_handler {
public:
    explicit own_handler(int signal, int flags = 0) : signal_(signal) {
        strays = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { strays = strays + 1; };
        action.sa_flags = flags;
        sigaction(signal, &action, &previous_);
    }
    own_handler(const own_handler&) = delete;
    own_handler& operator=(const own_handler&) = delete;
    ~own_handler() { sigaction(signal_, &previous_, nullptr); }

    /// Whether the signal would reach it now.
    bool installed() const {
        struct sigaction now{};
        sigaction(signal_, nullptr, &now);
        return now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN && raised_here();
    }

private:
    bool raised_here() const {
        const int before = strays;
        raise(signal_);
        return strays == before + 1;
    }

    int signal_;
    struct sigaction previous_{};
};

template <class... Signals>
coax::task<> expect(int& got, Signals... signals) {
    got = co_await coax::wait_signal(signals...);
}

} // namespace

TEST_CASE("a task that waits for signals hears which one came") {
    const own_handler first(SIGUSR1);
    const own_handler second(SIGUSR2);
    support::run([]() -> coax::task<> {
        for (const int sent : {SIGUSR1, SIGUSR2, SIGUSR1, SIGUSR1}) {
            int got = 0;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(expect(got, SIGUSR1, SIGUSR2));
                raise(sent);
                co_return;
            });
            CHECK(got == sent);
        }
    });
    CHECK(strays == 0);
}

TEST_CASE("a signal wakes a loop that sleeps in the kernel") {
    const own_handler handler(SIGUSR1);
    support::run([]() -> coax::task<> {
        const pthread_t here = pthread_self();
        for (int round = 0; round < 20; ++round) {
            int got = 0;
            std::thread other;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(expect(got, SIGUSR1));
                // From now on the signal is ours; most likely it comes when the loop has gone to sleep. To this thread, then
                // to whichever thread of the process the system chooses.
                other = std::thread([here, round] {
                    std::this_thread::sleep_for(1ms);
                    if (round % 2 == 0)
                        pthread_kill(here, SIGUSR1);
                    else
                        kill(getpid(), SIGUSR1);
                });
                co_return;
            });
            other.join();
            CHECK(got == SIGUSR1);
        }
    });
    CHECK(strays == 0);
}

TEST_CASE("every waiter of a signal hears of it, and only of its own") {
    const own_handler first(SIGUSR1);
    const own_handler second(SIGUSR2);
    support::run([]() -> coax::task<> {
        int one = 0;
        int both = 0;
        int other = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(one, SIGUSR1));
            group.spawn(expect(both, SIGUSR2, SIGUSR1));
            group.spawn(expect(other, SIGUSR2));
            raise(SIGUSR1);
            co_await support::until([&] { return group.size() == 1; });
            CHECK(one == SIGUSR1);
            CHECK(both == SIGUSR1);
            CHECK(other == 0);
            raise(SIGUSR2);
        });
        CHECK(other == SIGUSR2);
    });
    CHECK(strays == 0);
}

TEST_CASE("two signals at once go to their two waiters") {
    const own_handler first(SIGUSR1);
    const own_handler second(SIGUSR2);
    support::run([]() -> coax::task<> {
        int one = 0;
        int two = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(one, SIGUSR1));
            group.spawn(expect(two, SIGUSR2));
            raise(SIGUSR2);
            raise(SIGUSR1);
            co_return;
        });
        CHECK(one == SIGUSR1);
        CHECK(two == SIGUSR2);
    });
}

TEST_CASE("schedulers on several threads hear of the same signal") {
    const own_handler handler(SIGUSR1);
    support::run([]() -> coax::task<> {
        constexpr std::size_t count = 3;
        coax::scheduler& here = coax::scheduler::current();
        std::vector<int> got(count, 0);
        int waiting = 0;
        std::vector<std::thread> threads;
        const auto listen = [&](int& to) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(expect(to, SIGUSR1));
                here.post([&] { ++waiting; });
                co_return;
            });
        };
        for (int& each : got)
            threads.emplace_back([&] { coax::run(listen(each)); });
        co_await support::until([&] { return waiting == count; });
        int mine = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(mine, SIGUSR1));
            raise(SIGUSR1);
            co_return;
        });
        for (std::thread& thread : threads)
            thread.join();
        CHECK(mine == SIGUSR1);
        CHECK(got == std::vector<int>(count, SIGUSR1));
    });
}

TEST_CASE("the program's own handler is back when the run has ended") {
    const own_handler handler(SIGUSR1, SA_RESTART);
    struct sigaction before{};
    sigaction(SIGUSR1, nullptr, &before);
    support::run([&]() -> coax::task<> {
        CHECK(handler.installed());
        int one = 0;
        int two = 0;
        ending cut = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(one, SIGUSR1));
            group.spawn(expect(two, SIGUSR2, SIGUSR1));
            raise(SIGUSR1);
            co_return;
        });

        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([] { return coax::wait_signal(SIGUSR1); }, cut));
            co_await coax::yield();
            group.cancel();
        });
        CHECK(cut == ending::cancelled);
        CHECK(strays == 1);
    });
    CHECK(handler.installed());
    struct sigaction after{};
    sigaction(SIGUSR1, nullptr, &after);
    CHECK(after.sa_handler == before.sa_handler);
    CHECK((after.sa_flags & SA_RESTART) != 0);
}

TEST_CASE("while one of two waiters is left, the signal is still ours") {
    const own_handler handler(SIGUSR1);
    const own_handler other(SIGUSR2);
    support::run([]() -> coax::task<> {
        int left = 0;
        int gone = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(left, SIGUSR1));
            group.spawn(expect(gone, SIGUSR1, SIGUSR2));
            raise(SIGUSR2);
            co_await support::until([&] { return gone != 0; });
            raise(SIGUSR1);
        });
        CHECK(left == SIGUSR1);
        CHECK(gone == SIGUSR2);
    });
    CHECK(strays == 0);
}

TEST_CASE("a signal that cannot be caught is an error, and changes nothing") {
    const own_handler handler(SIGUSR1);
    support::run([&]() -> coax::task<> {
        for (const int wrong : {SIGKILL, SIGSTOP, 0, -1, 1000}) {
            const std::error_code alone = co_await support::error_from([&] { return coax::wait_signal(wrong); });
            CHECK(alone == std::errc::invalid_argument);
            const std::error_code mixed =
                co_await support::error_from([&] { return coax::wait_signal(SIGUSR1, wrong); });
            CHECK(mixed == std::errc::invalid_argument);
            CHECK(handler.installed());
        }
        const auto value = co_await coax::as_result(coax::wait_signal(SIGKILL));
        REQUIRE_FALSE(value);
        CHECK(value.error().operation() == coax::operation_name::wait_signal);
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("a signal named twice, and eight of them, are one wait") {
    const own_handler handler(SIGUSR1);
    const own_handler other(SIGWINCH);
    support::run([]() -> coax::task<> {
        int twice = 0;
        int eight = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(twice, SIGUSR1, SIGUSR1));
            group.spawn(expect(eight, SIGHUP, SIGINT, SIGTERM, SIGUSR2, SIGCHLD, SIGALRM, SIGURG, SIGWINCH));
            raise(SIGUSR1);
            raise(SIGWINCH);
            co_return;
        });
        CHECK(twice == SIGUSR1);
        CHECK(eight == SIGWINCH);
    });
}

TEST_CASE("a signal that came before the cancellation is reported") {
    const own_handler handler(SIGUSR1);
    support::run([]() -> coax::task<> {
        int got = 0;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(expect(got, SIGUSR1));
            raise(SIGUSR1);
            group.cancel();
            co_return;
        });
        CHECK(got == SIGUSR1);
    });
    CHECK(strays == 0);
}

TEST_CASE("a loop of a thousand waits for a signal, each one answered") {
    const own_handler handler(SIGUSR1);
    int heard = 0;
    support::run([&]() -> coax::task<> {
        for (int round = 0; round < 1000; ++round) {
            int got = 0;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(expect(got, SIGUSR1));
                raise(SIGUSR1);
                co_return;
            });
            heard += got == SIGUSR1 ? 1 : 0;
        }
    });
    CHECK(heard == 1000);
}

// Waiting for children by SIGCHLD, which does nothing by default: a loop that looks for one that has ended, and otherwise awaits the
// signal, finds all of them.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"

#include <chrono>
#include <csignal>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

/// Reaps them all. `looked` is called each time before it waits.
template <class Looked>
coax::task<> wait_for(std::vector<pid_t>& children, Looked looked) {
    for (;;) {
        std::erase_if(children, [](pid_t each) { return waitpid(each, nullptr, WNOHANG) == each; });
        if (children.empty())
            co_return;
        looked();
        co_await coax::wait_signal(SIGCHLD);
    }
}

/// From the first wait on the signal is kept.
coax::task<> wait_once() {
    static_cast<void>(co_await coax::as_result(coax::with_timeout(0s, coax::wait_signal(SIGCHLD))));
}

} // namespace

TEST_CASE("a child that ends between the look and the wait is noticed") {
    support::run([]() -> coax::task<> {
        co_await wait_once();
        for (int round = 0; round < 20; ++round) {
            int gate[2];
            REQUIRE(::pipe(gate) == 0);
            std::vector<pid_t> one = {support::start_child([&] {
                ::close(gate[1]);
                char none = 0;
                return static_cast<int>(::read(gate[0], &none, 1));
            })};
            ::close(gate[0]);
            bool ended = false;
            const auto end_it = [&] {
                if (ended)
                    return;
                ended = true;
                ::close(gate[1]);
                siginfo_t about{};
                CHECK(::waitid(P_PID, static_cast<id_t>(one.front()), &about, WEXITED | WNOWAIT) == 0);
            };
            const auto found = co_await coax::as_result(coax::with_timeout(20s, wait_for(one, end_it)));
            REQUIRE(found);
        }
    });
}

TEST_CASE("children that end at once are all noticed") {
    support::run([]() -> coax::task<> {
        co_await wait_once();
        std::vector<pid_t> many;
        for (int count = 0; count < 50; ++count)
            many.push_back(support::start_child([] { return 0; }));
        const auto found = co_await coax::as_result(coax::with_timeout(20s, wait_for(many, [] {})));
        CHECK(found);
        CHECK(many.empty());
    });
}

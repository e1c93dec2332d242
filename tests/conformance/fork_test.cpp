// A forked child and its parent's scheduler: the child is refused, and the parent does not notice.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

coax::task<std::string> converse(coax::socket_pair& pair) {
    co_await pair.first.sendall("hello");
    co_return co_await support::read(pair.second, 5);
}

} // namespace

TEST_CASE("a scheduler that was made before the fork refuses to run in the child, and runs on in the parent") {
    coax::socket_pair pair = coax::socketpair();
    coax::scheduler scheduler;
    CHECK(scheduler.run(converse(pair)) == "hello");
    const int code = support::in_child([&] {
        try {
            scheduler.run(converse(pair));
        } catch (const std::logic_error&) {
            return 1;
        }
        return 0;
    });
    CHECK(code == 1);
    CHECK(scheduler.run(converse(pair)) == "hello");
}

TEST_CASE("a child makes a scheduler of its own, also from within the parent's run, and closes what it inherited") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        support::ending how = support::ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return pair.first.recv(1); }, how));
            co_await support::round_trip();
            const int code = support::in_child([&] {
                // The parent waits on one of these.
                pair.first.close();
                pair.second.close();
                coax::socket_pair own = coax::socketpair();
                return coax::run(converse(own)) == "hello" ? 7 : 6;
            });
            CHECK(code == 7);
            co_await coax::sleep_for(2ms);
            CHECK(how == support::ending::none);
            co_await pair.second.sendall("x");
        });
        CHECK(how == support::ending::value);
    });
}

TEST_CASE("a child that goes on inside its parent's run is ended, before it takes anything from the parent") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const pid_t child = fork();
        if (child == 0) {
            std::signal(SIGABRT, SIG_DFL);
            close(2); // what it says is not for the reader of the test
            static_cast<void>(co_await pair.second.recv(5));
            _exit(0);
        }
        int status = 0;
        co_await support::until([&] { return waitpid(child, &status, WNOHANG) == child; });
        CHECK(WIFSIGNALED(status));
        const std::string heard = co_await converse(pair);
        CHECK(heard == "hello");
    });
}

TEST_CASE("a child may shut down what it inherited, and leaves the scheduler of its parent alone") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::string heard;
        const auto reader = [&]() -> coax::task<> {
            const coax::chunk data = co_await pair.first.recv(8);
            heard = data ? std::string(data.text()) : "end";
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            const int code = support::in_child([&] {
                pair.second.shutdown(coax::shutdown_how::write);
                return 7;
            });
            CHECK(code == 7);
        });
        CHECK(heard == "end");
    });
}

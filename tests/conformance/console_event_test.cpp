// The console's events of Windows come as signals.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <thread>

#include "native_sockets.hpp"

#include <windows.h>

using namespace std::chrono_literals;
using support::ending;

namespace {

/// A console of this process alone: an event goes to everybody who shares one.
class own_console {
public:
    own_console() {
        ::FreeConsole();
        made_ = ::AllocConsole() != 0;
    }
    own_console(const own_console&) = delete;
    own_console& operator=(const own_console&) = delete;
    ~own_console() { ::FreeConsole(); }

    bool is_there() const noexcept { return made_; }

private:
    bool made_;
};

} // namespace

TEST_CASE("Ctrl-C is SIGINT, for all that wait for it, and wakes a loop that sleeps") {
    const own_console console;
    REQUIRE(console.is_there());
    support::run([]() -> coax::task<> {
        int got[2] = {};
        ending terminated = ending::none;
        const auto await_one = [](int& into) -> coax::task<> { into = co_await coax::wait_signal(SIGINT, SIGTERM); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([] { return coax::wait_signal(SIGTERM); }, terminated));
            std::thread other([] {
                std::this_thread::sleep_for(20ms);
                ::GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
            });
            co_await coax::with_task_group([&](coax::task_group& inner) -> coax::task<> {
                inner.spawn(await_one(got[0]));
                inner.spawn(await_one(got[1]));
                co_return;
            });
            other.join();
            CHECK(terminated == ending::none);
            group.cancel();
        });
        CHECK(got[0] == SIGINT);
        CHECK(got[1] == SIGINT);
        CHECK(terminated == ending::cancelled);
    });
}

// Errors of accept(2) that are not the listener's: a server outlives them.
#include "support/catch.hpp"
#include "support/serving.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace std::chrono_literals;
using support::ending;
using support::scene;

namespace {

int failing_accepts = 0; // so many fail,
int accept_error = 0;    // with this

} // namespace

// The library's own calls come here. A firewall cannot be had in a test.
extern "C" int accept4(int listener, sockaddr* peer, socklen_t* size, int flags) {
    if (failing_accepts > 0) {
        --failing_accepts;
        errno = accept_error;
        return -1;
    }
    return static_cast<int>(syscall(SYS_accept4, listener, peer, size, flags));
}
extern "C" int accept(int listener, sockaddr* peer, socklen_t* size) { return accept4(listener, peer, size, 0); }

TEST_CASE("an error of accept that passes by itself does not end a server, and is reported once") {
    const int error = GENERATE(EPERM, EACCES, ETIMEDOUT);
    support::run([&]() -> coax::task<> {
        // The ring accepts by itself.
        if (coax::scheduler::current().backend().kind == coax::backend_kind::io_uring)
            co_return;
        scene at;
        auto handler = support::echo;
        failing_accepts = 4;
        accept_error = error;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {}));
            {
                coax::socket client = co_await support::connected_to(at.name);
                const auto begun = std::chrono::steady_clock::now();
                const std::string heard = co_await support::echoed(client, "x");
                CHECK(heard == "x");
                CHECK(std::chrono::steady_clock::now() - begun >= 30ms); // pauses of 5, 10, 20, … milliseconds
                CHECK(failing_accepts == 0);
                REQUIRE(at.reported.texts.size() == 1);
                CHECK(at.reported.texts[0] == "accept: " + std::generic_category().message(error));
                CHECK(at.reported.peers[0].is_unnamed());
            }
            failing_accepts = 1; // another time, which is said again
            {
                coax::socket client = co_await support::connected_to(at.name);
                const std::string heard = co_await support::echoed(client, "x");
                CHECK(heard == "x");
            }
            CHECK(at.reported.texts.size() == 2);
            at.scope->cancel();
        });
        CHECK(at.how == ending::cancelled);
    });
    failing_accepts = 0;
}

TEST_CASE("while it pauses a server can be ended, and it does not spin") {
    support::run([&]() -> coax::task<> {
        if (coax::scheduler::current().backend().kind == coax::backend_kind::io_uring)
            co_return;
        scene at;
        auto handler = support::echo;
        failing_accepts = 1'000'000'000;
        accept_error = EPERM;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(at.serve(handler, {}));
            coax::socket client = co_await support::connected_to(at.name);
            co_await coax::sleep_for(300ms);
            CHECK(1'000'000'000 - failing_accepts < 10);
            at.scope->cancel();
        });
        CHECK(at.how == ending::cancelled);
        CHECK(at.reported.texts.size() == 1);
    });
    failing_accepts = 0;
}

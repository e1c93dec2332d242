// exit(3) within a run: a scheduler and sockets of static life are destroyed while coroutines wait. Each does it here as exit would.
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

/// What a program may have that lives as long as it does.
struct statics {
    coax::socket_pair pair = coax::socketpair();
    coax::signal_set signals{SIGUSR1};
    coax::event happened;
    coax::one_shot<int> answer;
    coax::chunk received;
    coax::scheduler* scheduler = new coax::scheduler;
};

template <class Make>
coax::task<> forever(Make make) {
    static_cast<void>(co_await make());
}

coax::task<> sleep_under_a_limit() { co_await coax::with_timeout(1h, coax::sleep_for(1h)); }

coax::task<> waits_of_all_kinds(statics& all, coax::function_ref<void()> end) {
    co_await all.pair.first.sendall("hello");
    all.received = co_await all.pair.second.recv(5);
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(forever([&] { return all.pair.second.recv(5); }));
        group.spawn(forever([&] { return all.signals.wait(); }));
        group.spawn(forever([&] { return all.happened.wait(); }));
        group.spawn(forever([&] { return all.answer.get(); }));
        group.spawn(forever([] { return coax::wait_signal(SIGUSR2); }));
        group.spawn(sleep_under_a_limit());
        group.spawn(forever([] { return coax::to_thread([] { std::this_thread::sleep_for(20ms); }); }));
        co_await coax::sleep_for(2ms);
        end();
        co_await coax::sleep_for(1h);
    });
}

} // namespace

TEST_CASE("exit within a run leaves nothing that a static object falls over") {
    const int code = support::in_child([] {
        auto* const all = new statics;
        const auto end = [&] {
            delete std::exchange(all->scheduler, nullptr);
            const bool later = coax::clock::now() > coax::clock::time_point();
            delete all;
            ::_exit(later ? 7 : 6);
        };
        all->scheduler->run(waits_of_all_kinds(*all, end));
        return 1;
    });
    CHECK(code == 7);
}

TEST_CASE("exit on another thread leaves the run alone") {
    const int code = support::in_child([] {
        auto* const all = new statics;
        std::thread other;
        const auto end = [&] {
            other = std::thread([&] {
                delete std::exchange(all->scheduler, nullptr);
                std::this_thread::sleep_for(5ms); // the loop goes on meanwhile
                ::_exit(7);
            });
        };
        all->scheduler->run(waits_of_all_kinds(*all, end));
        return 1;
    });
    CHECK(code == 7);
}

TEST_CASE("a forked child may exit within its parent's run, and the parent goes on") {
    statics all;
    bool checked = false;
    const auto end = [&] {
        const int code = support::in_child([&] {
            delete all.scheduler;
            all.pair.first.close();
            all.pair.second.close();
            return 7;
        });
        CHECK(code == 7);
        checked = true;
        throw std::string("over");
    };
    CHECK_THROWS_AS(all.scheduler->run(waits_of_all_kinds(all, end)), std::string);
    CHECK(checked);
    delete all.scheduler;
}

// What closing costs does not depend on how many others wait.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <vector>

#include <sys/resource.h>

namespace {

/// Lets the process have as many descriptors as it may.
class all_descriptors {
public:
    all_descriptors() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit most = before_;
        most.rlim_cur = most.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &most);
        ::getrlimit(RLIMIT_NOFILE, &most);
        count_ = static_cast<std::size_t>(most.rlim_cur);
    }
    all_descriptors(const all_descriptors&) = delete;
    all_descriptors& operator=(const all_descriptors&) = delete;
    ~all_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    std::size_t count() const noexcept { return count_; }

private:
    rlimit before_{};
    std::size_t count_ = 0;
};

/// Of this thread, and of the kernel on its behalf.
std::chrono::nanoseconds processor_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

coax::task<> receive(coax::socket& from, std::size_t& failed) {
    const auto outcome = co_await coax::as_result(from.recv(100));
    failed += outcome ? 0 : 1;
}

/// The time to close so many sockets on each of which a receive waits, for each in nanoseconds.
coax::task<double> time_of_closing(std::size_t count) {
    std::vector<coax::socket> sockets;
    while (sockets.size() < count) {
        coax::socket_pair pair = coax::socketpair();
        sockets.push_back(std::move(pair.first));
        sockets.push_back(std::move(pair.second));
    }
    std::size_t failed = 0;
    std::chrono::nanoseconds spent{};
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        for (coax::socket& each : sockets)
            group.spawn(receive(each, failed));
        co_await support::round_trip(); // they are with the system
        const auto before = processor_time();
        for (coax::socket& each : sockets)
            each.close();
        spent = processor_time() - before;
    };
    co_await coax::with_task_group(body);
    CHECK(failed == count);
    co_return static_cast<double>(spent.count()) / static_cast<double>(count);
}

} // namespace

TEST_CASE("closing a socket costs the same however many others wait") {
    const all_descriptors descriptors;
    if (descriptors.count() < 4000) {
        WARN("too few descriptors to see it");
        return;
    }
    const std::size_t many = std::min<std::size_t>(8000, descriptors.count() - 100) / 64 * 64;
    const std::size_t few = many / 32;
    support::run([&]() -> coax::task<> {
        // The best of each: another program may be in the way.
        double of_few = 1e9;
        double of_many = 1e9;
        for (int round = 0; round < 3; ++round) {
            of_few = std::min(of_few, co_await time_of_closing(few));
            of_many = std::min(of_many, co_await time_of_closing(many));
        }
        CHECK(of_many < 6 * of_few); // twenty times, should each go through all that wait
    });
}

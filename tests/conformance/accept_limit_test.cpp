// A listener in a process that may open no more descriptors.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <unistd.h>

namespace {

/// A low limit, so that reaching it takes few descriptors. To be made before the scheduler: an accept that the kernel holds keeps the
/// limit it was begun with.
class low_limit {
public:
    low_limit() {
        check(getrlimit(RLIMIT_NOFILE, &before_));
        rlimit lower = before_;
        lower.rlim_cur = 256;
        check(setrlimit(RLIMIT_NOFILE, &lower));
    }
    low_limit(const low_limit&) = delete;
    low_limit& operator=(const low_limit&) = delete;
    ~low_limit() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    static void check(int result) {
        if (result == -1)
            throw std::system_error(errno, std::generic_category(), "the limit of descriptors");
    }

    rlimit before_{};
};

/// Leaves no descriptor to be opened, until it is destroyed.
class no_more_descriptors {
public:
    no_more_descriptors() {
        held_.reserve(256);
        for (int taken; (taken = fcntl(0, F_DUPFD_CLOEXEC, 0)) != -1;)
            held_.push_back(taken);
    }
    no_more_descriptors(const no_more_descriptors&) = delete;
    no_more_descriptors& operator=(const no_more_descriptors&) = delete;
    ~no_more_descriptors() {
        for (const int taken : held_)
            ::close(taken);
    }

private:
    std::vector<int> held_;
};

} // namespace

TEST_CASE("at the limit of descriptors accept says too_many_files_open, and works again when one is free") {
    const bool waiting = GENERATE(false, true);
    const low_limit few;
    INFO((waiting ? "the accept waits before the client comes" : "the client waits before the accept comes"));
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        std::error_code outcome;
        const auto acceptor = [&]() -> coax::task<> {
            const auto result = co_await coax::as_result(listener.accept());
            outcome = support::code_of(result);
        };
        const auto scenario = [&](coax::socket& client) -> coax::task<> {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                if (waiting)
                    group.spawn(acceptor());
                co_await client.connect(name);
                if (!waiting)
                    group.spawn(acceptor());
            });
        };
        // Once without the limit: sanitizers need descriptors of their own when they check something for the first time.
        coax::socket before(coax::family::inet);
        co_await scenario(before);
        CHECK_FALSE(outcome);

        coax::socket client(coax::family::inet);
        std::error_code first;
        std::error_code second;
        {
            const no_more_descriptors limited;
            co_await scenario(client);
            first = outcome;
            co_await acceptor();
            second = outcome;
        }
        CHECK(first == std::errc::too_many_files_open);
        CHECK(second == std::errc::too_many_files_open);
        // The connection has waited.
        coax::accepted taken = co_await listener.accept();
        CHECK(taken.peer == client.getsockname());
        co_await client.sendall("patient");
        const std::string heard = co_await support::read(taken.conn, 7);
        CHECK(heard == "patient");
    });
}

TEST_CASE("at the limit of descriptors making a socket is too_many_files_open") {
    const auto one = [] { const coax::socket made(coax::family::inet, coax::kind::stream, 17); };
    const auto two = [] { const coax::socket_pair made = coax::socketpair(); };
    const low_limit few;
    CHECK(support::code_thrown_by(one) == std::errc::protocol_not_supported); // not yet the limit; see above
    std::error_code none_for_one;
    std::error_code none_for_two;
    {
        const no_more_descriptors limited;
        none_for_one = support::code_thrown_by([] { const coax::socket made(coax::family::inet); });
        none_for_two = support::code_thrown_by(two);
    }
    CHECK(none_for_one == std::errc::too_many_files_open);
    CHECK(none_for_two == std::errc::too_many_files_open);
    CHECK_FALSE(support::code_thrown_by(two));
}

// No memory, at each allocation in turn, for what looks up, connects and works on threads: an error like others.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/names.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using coax::address;

namespace {

std::error_code dual(const coax::os::name_query& query, std::vector<address>& into) {
    const bool inet6 = query.hints.family == coax::family::inet6;
    into = {address(inet6 ? "::1" : "127.0.0.1", std::stoi(query.service))};
    return {};
}

std::error_code loopback(const coax::os::address_query&, coax::resolved_name& into) {
    into.host = "a name of the loopback that is no short string";
    into.service = "http";
    return {};
}

coax::task<> nothing() { co_return; }

struct ending {
    bool failed = false; // the allocation was reached
    bool no_memory = false;
    std::optional<std::error_code> error;
    std::string said;
    std::size_t waiting = 0;
};

/// On a thread of its own, which has no frames left over from earlier ones.
template <class Make>
ending without_memory(Make make, long number) {
    ending how;
    std::thread([&] {
        coax::scheduler scheduler;
        scheduler.run(nothing());
        {
            const support::failing_allocation fails(number);
            try {
                scheduler.run(make());
            } catch (const std::bad_alloc&) {
                how.no_memory = true;
            } catch (const coax::io_error& failed) {
                how.error = failed.code();
                how.said = failed.what();
            }
            how.failed = fails.has_failed();
        }
        how.waiting = scheduler.stats().waiting;
    }).join();
    return how;
}

/// Runs it over and over, until it does not get as far as to the allocation that was to fail; gives how often that was.
template <class Make>
long fail_at_each(Make make) {
    for (long number = 1;; ++number) {
        REQUIRE(number < 1000);
        const int before = support::open_descriptors();
        const ending how = without_memory(make, number);
        CAPTURE(number, how.said);
        CHECK(how.waiting == 0);
        CHECK(support::open_descriptors() == before);
        if (how.error)
            CHECK(*how.error == std::errc::not_enough_memory);
        if (!how.failed) {
            CHECK_FALSE(how.no_memory);
            CHECK_FALSE(how.error);
            return number - 1;
        }
    }
}

} // namespace

TEST_CASE("create_connection without memory is an error") {
    const support::names asked(&dual);
    const coax::socket listener = support::listening(coax::family::inet);
    const address name = listener.getsockname();
    const auto by_address = [&]() -> coax::task<> { const coax::socket conn = co_await coax::create_connection(name); };
    const auto by_name = [&]() -> coax::task<> {
        const coax::socket conn = co_await coax::create_connection("dual.test", name.port());
    };
    CHECK(fail_at_each(by_address) > 3);
    CHECK(fail_at_each(by_name) > 8);
}

TEST_CASE("lookups and to_thread without memory are an error") {
    const support::names asked(&dual);
    const support::names asked_back(&loopback);
    const auto look_up = []() -> coax::task<> { static_cast<void>(co_await coax::getaddrinfo("some.test", 80)); };
    const auto look_back = []() -> coax::task<> {
        static_cast<void>(co_await coax::getnameinfo(address("127.0.0.1", 80)));
    };
    const auto work = []() -> coax::task<> { co_await coax::to_thread([] {}); };
    const auto abandonable = []() -> coax::task<> { co_await coax::to_thread(coax::abandon_on_cancel, [] {}); };
    CHECK(fail_at_each(look_up) > 3);
    CHECK(fail_at_each(look_back) > 3);
    CHECK(fail_at_each(work) > 2);
    CHECK(fail_at_each(abandonable) > 3);
}

TEST_CASE("create_server without memory is an error, and leaves no path") {
    const coax::family family = GENERATE(from_range(support::families()));
    const address name = support::any_name(family);
    const auto serve = [&]() -> coax::task<> {
        const coax::listener made = coax::create_server(name);
        co_return;
    };
    CHECK(fail_at_each(serve) >= 1);
}

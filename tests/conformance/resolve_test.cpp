// getaddrinfo: numbers at once, names off the loop, errors that say which name.
#include "support/catch.hpp"
#include "support/names.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using coax::address;
using coax::getaddrinfo;
using coax::resolve_errc;

namespace {

using addresses = std::vector<address>;

std::atomic<int> questions;

/// For tests in which nobody is to be asked.
std::error_code unanswered(const coax::os::name_query&, addresses&) {
    ++questions;
    return resolve_errc::try_again;
}

std::error_code twice(const coax::os::name_query& query, addresses& into) {
    if (query.host != "many.test" || query.service != "80")
        return resolve_errc::invalid_query;
    into = {address("192.0.2.2", 80), address("192.0.2.1", 80), address("192.0.2.2", 80), address("192.0.2.1", 80)};
    return {};
}

/// More than a test has the time for if it took time by their square.
std::error_code thousands(const coax::os::name_query&, addresses& into) {
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 60000; ++i)
            into.emplace_back("192.0.2.1", i + 1);
    }
    return {};
}

std::error_code nothing(const coax::os::name_query&, addresses&) { return {}; }

/// Knows one service, and wants no name of a host.
std::error_code one_service(const coax::os::name_query& query, addresses& into) {
    if (!query.hints.numeric_host || query.hints.passive || query.service != "telnet")
        return resolve_errc::invalid_query;
    into = {address(query.host, 23)};
    return {};
}

std::atomic<bool> let_go;

std::error_code slow(const coax::os::name_query&, addresses& into) {
    ++questions;
    while (!let_go)
        std::this_thread::yield();
    into = {address("192.0.2.1", 80)};
    return {};
}

/// One host about which nobody answers until the test says so.
std::error_code one_dead_name(const coax::os::name_query& query, addresses& into) {
    if (query.host == "dead.test")
        return slow(query, into);
    into = {address("192.0.2.2", 80)};
    return {};
}

/// Checks what a lookup gives, written one after the other.
coax::task<> gives(coax::task<addresses> lookup, std::string expected) {
    std::string text;
    for (const address& one : co_await std::move(lookup))
        text += (text.empty() ? "" : " ") + one.to_string();
    CHECK(text == expected);
}

/// Checks why a lookup fails; gives the error's text.
coax::task<std::string> fails(coax::task<addresses> lookup, resolve_errc why) {
    try {
        co_await std::move(lookup);
    } catch (const coax::resolve_error& error) {
        CHECK(error.code() == why);
        CHECK(error.operation() == coax::operation_name::getaddrinfo);
        co_return error.what();
    }
    FAIL("there is an answer");
    co_return "";
}

std::size_t jobs() { return coax::scheduler::current().stats().jobs; }

} // namespace

TEST_CASE("numbers, localhost and no host at all are answered without asking anybody") {
    const support::names asked(&unanswered);
    questions = 0;
    support::run([]() -> coax::task<> {
        coax::resolve_hints inet;
        inet.family = coax::family::inet;
        coax::resolve_hints passive;
        passive.passive = true;
        co_await gives(getaddrinfo("192.0.2.7", 80), "192.0.2.7:80");
        co_await gives(getaddrinfo("192.0.2.7", "080"), "192.0.2.7:80");
        co_await gives(getaddrinfo("192.0.2.7", ""), "192.0.2.7:0");
        co_await gives(getaddrinfo("2001:db8::7", "443"), "[2001:db8::7]:443");
        co_await gives(getaddrinfo("fe80::1%1", 1), "[fe80::1%1]:1");
        co_await gives(getaddrinfo("localhost", 1), "[::1]:1 127.0.0.1:1");
        co_await gives(getaddrinfo("localhost", 1, inet), "127.0.0.1:1");
        co_await gives(getaddrinfo("", 1), "[::1]:1 127.0.0.1:1");
        co_await gives(getaddrinfo("", 1, passive), "[::]:1 0.0.0.0:1");
        passive.family = coax::family::inet6;
        co_await gives(getaddrinfo("", 1, passive), "[::]:1");
    });
    CHECK(questions == 0);
}

TEST_CASE("localhost in every spelling and the names below it are loopback, and nobody is asked") {
    const support::names asked(&unanswered);
    questions = 0;
    support::run([]() -> coax::task<> {
        coax::resolve_hints passive;
        passive.passive = true;
        for (const char* host : {"LocalHost", "localhost.", "LOCALHOST.", "app.localhost", "a.b.LOCALHOST."}) {
            INFO(host);
            co_await gives(getaddrinfo(host, 1), "[::1]:1 127.0.0.1:1");
            co_await gives(getaddrinfo(host, 1, passive), "[::1]:1 127.0.0.1:1");
        }
        CHECK(questions == 0);
        for (const char* host : {"localhost.test", "mylocalhost", "localhos", "localhost..", "ocalhost"})
            co_await fails(getaddrinfo(host, 1), resolve_errc::try_again);
        CHECK(questions == 5);
    });
}

TEST_CASE("a service by name does not change what the host is") {
    const support::names asked(&one_service);
    support::run([]() -> coax::task<> {
        coax::resolve_hints hints;
        co_await gives(getaddrinfo("localhost", "telnet"), "[::1]:23 127.0.0.1:23");
        co_await gives(getaddrinfo("2001:db8::7", "telnet"), "[2001:db8::7]:23");
        hints.numeric_host = true;
        co_await gives(getaddrinfo("192.0.2.7", "telnet", hints), "192.0.2.7:23");
        hints.passive = true;
        hints.family = coax::family::inet6;
        co_await gives(getaddrinfo("", "telnet", hints), "[::]:23");
        const std::string text = co_await fails(getaddrinfo("192.0.2.7", "telnet", hints), resolve_errc::no_data);
        CHECK(text == "getaddrinfo 192.0.2.7:telnet: the host has no address of this family");
    });
}

TEST_CASE("the system's own answers") {
    support::run([]() -> coax::task<> {
        co_await gives(getaddrinfo("127.1", 80), "127.0.0.1:80");
        co_await fails(getaddrinfo("127.0.0.1", "no-such-service"), resolve_errc::service_not_found);
        // A machine without /etc/services knows none.
        const auto http = co_await coax::as_result(getaddrinfo("localhost", "http"));
        if (http)
            CHECK(http->back() == address("127.0.0.1", 80));
        else
            CHECK(http.error().code() == resolve_errc::service_not_found);
    });
}

TEST_CASE("what the system says when it is asked for numbers only") {
    addresses into;
    coax::resolve_hints hints;
    hints.numeric_host = true;
    const auto ask = [&](const char* host, const char* service) {
        into.clear();
        return coax::os::resolve(coax::os::name_query(host, service, hints), into);
    };
    CHECK(ask("a.test", "80") == resolve_errc::host_not_found);
    CHECK(ask("127.0.0.1", "no-such-service") == resolve_errc::service_not_found);
    CHECK(into.empty());
    for (const coax::kind kind : {coax::kind::stream, coax::kind::datagram}) {
        hints.kind = kind;
        CHECK_FALSE(ask("::1", "80"));
        CHECK(into == addresses{address("::1", 80)});
    }
    hints.passive = true;
    CHECK_FALSE(ask("", "80"));
    CHECK(std::count(into.begin(), into.end(), address("0.0.0.0", 80)) == 1);
    hints.family = coax::family::inet6;
    const std::error_code other = ask("127.0.0.1", "80"); // systems differ
    CAPTURE(other.message());
    CHECK((other == resolve_errc::no_data || other == resolve_errc::host_not_found || other == resolve_errc::failed));
    hints.numeric_service = true;
    CHECK(ask("::1", "http"));
}

TEST_CASE("an address that is found twice is given once, in the order of the system") {
    const support::names asked(&twice);
    support::run([]() -> coax::task<> { co_await gives(getaddrinfo("many.test", 80), "192.0.2.2:80 192.0.2.1:80"); });
}

TEST_CASE("thousands of addresses that are found twice are given once, and soon") {
    const support::names asked(&thousands);
    support::run([]() -> coax::task<> {
        const addresses found = co_await getaddrinfo("many.test", 80);
        CHECK(found.size() == 60000);
        CHECK(std::is_sorted(found.begin(), found.end()));
    });
}

TEST_CASE("an error names the host and the service, also as a result") {
    const support::names asked(&unanswered);
    support::run([]() -> coax::task<> {
        const std::string text = co_await fails(getaddrinfo("some.test", "http"), resolve_errc::try_again);
        CHECK(text == "getaddrinfo some.test:http: the name server does not answer");
        const auto result = co_await coax::as_result(getaddrinfo("some.test", "http"));
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == resolve_errc::try_again);
        CHECK(result.error().message() == text);
        CHECK_THROWS_AS(result.error().raise(), coax::resolve_error);
    });
}

TEST_CASE("what is no name is refused before anybody is asked") {
    const support::names asked(&unanswered);
    const std::string longest(254, 'a');
    questions = 0;
    support::run([&]() -> coax::task<> {
        const std::vector<std::string> hosts = {longest + "a", "fe80::1%no-such-interface", "::1:", "[::1]", "unix:80"};
        for (const std::string& host : hosts)
            co_await fails(getaddrinfo(host, 80), resolve_errc::host_not_found);
        // Of some the system would take the last 16 bits.
        const std::vector<std::string> services = {"65536", "99999", "4294967376",          "-1",
                                                   "+80",   " 80",   "99999999999999999999"};
        for (const std::string& service : services)
            co_await fails(getaddrinfo("::1", service), resolve_errc::service_not_found);

        const std::string hidden("a\0.test", 7);
        std::string text = co_await fails(getaddrinfo(hidden, 80), resolve_errc::host_not_found);
        CHECK(text == "getaddrinfo a\\x00.test:80: the host is not known");
        text = co_await fails(getaddrinfo("::1", hidden), resolve_errc::service_not_found);
        CHECK(text == "getaddrinfo ::1:a\\x00.test: the service is not known");

        coax::resolve_hints hints;
        hints.numeric_host = true;
        co_await fails(getaddrinfo("a.test", 80, hints), resolve_errc::host_not_found);
        hints.numeric_service = true;
        co_await fails(getaddrinfo("::1", "http", hints), resolve_errc::service_not_found);
        hints.family = coax::family::inet;
        co_await fails(getaddrinfo("::1", 80, hints), resolve_errc::no_data);
        hints.family = coax::family::local;
        co_await fails(getaddrinfo("", 80, hints), resolve_errc::family_not_supported);
        for (const int port : {-1, 65536})
            CHECK_THROWS_AS(getaddrinfo("::1", port), std::invalid_argument);
        CHECK(questions == 0);

        co_await fails(getaddrinfo(longest, 80), resolve_errc::try_again);
        CHECK(questions == 1);
    });
}

TEST_CASE("a host without an address has no data") {
    const support::names asked(&nothing);
    support::run([]() -> coax::task<> { co_await fails(getaddrinfo("empty.test", 80), resolve_errc::no_data); });
}

TEST_CASE("the loop goes on during a lookup, and a cancelled one is left behind") {
    const support::names asked(&slow);
    questions = 0;
    let_go = false;
    support::run([]() -> coax::task<> {
        addresses found;
        support::ending how = support::ending::none;
        const auto ask = [&]() -> coax::task<> { found = co_await getaddrinfo("slow.test", 80); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(ask, how));
            co_await support::until([] { return questions == 1; });
            group.cancel();
        });
        CHECK(how == support::ending::cancelled);
        CHECK(found.empty());
        CHECK(jobs() == 1); // it has not ended
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(ask, how));
            co_await support::until([] { return questions == 2; });
            CHECK(found.empty());
            let_go = true;
        });
        CHECK(how == support::ending::value);
        CHECK(found.size() == 1);
        co_await support::until([] { return jobs() == 0; });
    });
}

TEST_CASE("lookups of a name that hangs leave room for other names and for to_thread") {
    const support::names asked(&one_dead_name);
    questions = 0;
    let_go = false;
    const bool abandoned = GENERATE(true, false);
    CAPTURE(abandoned);
    support::run([&]() -> coax::task<> {
        constexpr std::size_t count = 100;
        const auto ask = [&]() -> coax::task<> { static_cast<void>(co_await getaddrinfo("dead.test", 80)); };
        const auto check_others = []() -> coax::task<> {
            for (int i = 0; i < 20; ++i)
                co_await gives(getaddrinfo("good.test" + std::to_string(i), 80), "192.0.2.2:80");
            const int value = co_await coax::to_thread([] { return 42; });
            CHECK(value == 42);
        };
        if (abandoned) {
            for (std::size_t i = 0; i < count; ++i) {
                const int before = questions;
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(ask());
                    if (before < 8)
                        co_await support::until([&] { return questions == before + 1; });
                    group.cancel();
                });
            }
            CHECK(questions == 8);
            CHECK(jobs() == 8);
            co_await check_others();
            let_go = true;
        } else {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                for (std::size_t i = 0; i < count; ++i)
                    group.spawn(ask());
                co_await check_others();
                CHECK(questions <= 8);
                CHECK(jobs() == count);
                let_go = true;
            });
            CHECK(questions == count);
        }
        co_await support::until([] { return jobs() == 0; });
    });
}

// getnameinfo: what an address is called, off the loop, and what needs no lookup at once.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/names.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <atomic>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

using coax::address;
using coax::getnameinfo;
using coax::name_hints;
using coax::resolve_errc;
using coax::resolved_name;

namespace {

std::atomic<int> questions;
std::atomic<bool> let_go;

std::error_code called(const coax::os::address_query& query, resolved_name& into) {
    ++questions;
    if (query.of.host() == "fe80::1%1") { // as systems write a host without a name
        into.host = "fe80:0::1%lo";
        into.service = "http";
        return {};
    }
    if (query.of.host() != "192.0.2.7")
        return resolve_errc::host_not_found;
    into.host = query.hints.numeric_host ? "192.0.2.007" : "seven.test";
    into.service = query.hints.numeric_service ? "0x50" : query.hints.kind == coax::kind::datagram ? "dgram" : "http";
    return {};
}

std::error_code slow(const coax::os::address_query& query, resolved_name& into) {
    while (!let_go)
        std::this_thread::yield();
    return called(query, into);
}

coax::task<> gives(coax::task<resolved_name> lookup, std::string host, std::string service) {
    const auto names = co_await std::move(lookup);
    CHECK(names.host == host);
    CHECK(names.service == service);
}

coax::task<std::string> fails(coax::task<resolved_name> lookup, resolve_errc why) {
    try {
        static_cast<void>(co_await std::move(lookup));
    } catch (const coax::resolve_error& error) {
        CHECK(error.code() == why);
        CHECK(error.operation() == coax::operation_name::getnameinfo);
        co_return error.what();
    }
    FAIL("there is an answer");
    co_return "";
}

} // namespace

TEST_CASE("numbers are given without asking anybody") {
    const support::names asked(&called);
    questions = 0;
    support::run([]() -> coax::task<> {
        name_hints hints;
        hints.numeric_host = true;
        hints.numeric_service = true;
        co_await gives(getnameinfo(address("192.0.2.7", 80), hints), "192.0.2.7", "80");
        co_await gives(getnameinfo(address("fe80::1%7", 0), hints), "fe80::1%7", "0");
    });
    CHECK(questions == 0);
}

TEST_CASE("names are looked up as the hints say") {
    const support::names asked(&called);
    support::run([]() -> coax::task<> {
        const address of("192.0.2.7", 80);
        name_hints hints;
        co_await gives(getnameinfo(of), "seven.test", "http");
        hints.kind = coax::kind::datagram;
        co_await gives(getnameinfo(of, hints), "seven.test", "dgram");
        hints.numeric_service = true;
        co_await gives(getnameinfo(of, hints), "seven.test", "80");
        hints = name_hints();
        hints.numeric_host = true;
        co_await gives(getnameinfo(of, hints), "192.0.2.7", "http");
    });
}

TEST_CASE("a host without a name is written as addresses write it") {
    const support::names asked(&called);
    support::run([]() -> coax::task<> {
        const address of("fe80::1%1", 80);
        const bool is_lo = address::try_numeric("fe80::1%lo", 80) == of;
        co_await gives(getnameinfo(of), is_lo ? "fe80::1%1" : "fe80:0::1%lo", "http");
    });
}

TEST_CASE("what has no name is an error that says which address") {
    const support::names asked(&called);
    support::run([]() -> coax::task<> {
        const std::string text = co_await fails(getnameinfo(address("2001:db8::7", 80)), resolve_errc::host_not_found);
        CHECK(text == "getnameinfo [2001:db8::7]:80: the host is not known");
        questions = 0;
        for (const address& one : {address(), address("", 80), address("localhost", 80), address::unix_path("/run/a")})
            co_await fails(getnameinfo(one), resolve_errc::family_not_supported);
        name_hints contradicting;
        contradicting.numeric_host = true;
        contradicting.name_required = true;
        co_await fails(getnameinfo(address("192.0.2.7", 80), contradicting), resolve_errc::host_not_found);
        CHECK(questions == 0);
    });
}

TEST_CASE("the system's own names") {
    support::run([]() -> coax::task<> {
        name_hints hints;
        hints.numeric_service = true;
        const auto loopback = co_await getnameinfo(address("127.0.0.1", 7), hints);
        CHECK_FALSE(loopback.host.empty());
        CHECK(loopback.service == "7");
        hints = name_hints();
        hints.numeric_host = true;
        const auto service = co_await getnameinfo(address("2001:db8::7", 50007), hints);
        CHECK(service.host == "2001:db8::7");
        CHECK(service.service == "50007");
    });
}

TEST_CASE("the loop goes on while a name is looked up, and a cancelled lookup is left behind") {
    const support::names asked(&slow);
    let_go = false;
    support::run([]() -> coax::task<> {
        support::ending how = support::ending::none;
        const auto ask = []() -> coax::task<> { static_cast<void>(co_await getnameinfo(address("192.0.2.7", 80))); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(ask, how));
            co_await support::until([] { return coax::scheduler::current().stats().jobs == 1; });
            group.cancel();
        });
        CHECK(how == support::ending::cancelled);
        let_go = true;
        co_await support::until([] { return coax::scheduler::current().stats().jobs == 0; });
    });
}

TEST_CASE("lookups in both directions can be cancelled at every checkpoint") {
    const support::names asked(&called);
    const auto when = GENERATE(support::strike::before, support::strike::after);
    const auto session = []() -> coax::task<> {
        const resolved_name names = co_await getnameinfo(address("192.0.2.7", 80));
        CHECK(names.host == "seven.test");
        const auto loopback = co_await coax::getaddrinfo("127.1", 80);
        CHECK(loopback.size() == 1);
    };
    CHECK(support::cancel_at_every_checkpoint(session, when) >= 2);
}

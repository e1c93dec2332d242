// A connection whose descriptor has the number 0, in a process that has closed its standard input.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/processes.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

support::destructible accept_once(coax::socket& listener, bool& got) {
    static_cast<void>(co_await listener.accept());
    got = true;
}

support::destructible destroy_on(coax::socket& trigger, std::optional<support::destructible>& victim) {
    static_cast<void>(co_await trigger.recv(1));
    victim.reset();
}

/// An accept is destroyed when it has a connection, number 0, that it has not given to anybody. Gives the other end. From then on whatever
/// is opened first has the number 0.
coax::task<coax::socket> destroy_an_accept(coax::socket& listener) {
    const coax::address name = listener.getsockname();
    coax::socket_pair trigger = coax::socketpair();
    std::optional<support::destructible> victim;
    // It waits before the victim does, and what it waits for comes first: it resumes first when both have completed.
    const support::destructible destroyer = destroy_on(trigger.second, victim);
    bool got = false;
    victim.emplace(accept_once(listener, got));
    co_await support::round_trip();
    support::send_raw(trigger.first.fileno(), "x", 1);
    int error = 0;
    coax::socket client = coax::socket::adopt(support::connect_raw(name, error));
    ::close(0);
    co_await support::until([&] { return !victim; });
    if (got)
        throw std::logic_error("it was that fast");
    co_return client;
}

/// 0 where the next accept gives it.
coax::task<int> accept_the_next() {
    coax::socket listener = support::listening(coax::family::inet);
    coax::socket client = co_await destroy_an_accept(listener);
    listener.settimeout(5s);
    coax::accepted next = co_await listener.accept();
    if (next.conn.fileno() != 0)
        co_return 1;
    co_await client.sendall("x");
    const coax::chunk heard = co_await next.conn.recv(1);
    co_return heard.text() == "x" ? 0 : 2;
}

/// 0 where it ends with its listener; by no reset, since this is a process that has forked.
coax::task<int> close_the_listener() {
    coax::socket listener = support::listening(coax::family::inet);
    coax::socket client = co_await destroy_an_accept(listener);
    listener.close();
    if (::fcntl(0, F_GETFD) != -1)
        co_return 1;
    client.settimeout(5s);
    const auto end = co_await coax::as_result(client.recv(1));
    co_return end && end->empty() ? 0 : 2;
}

/// Its standard input is something that may be closed, whatever it was.
int in_child(coax::task<int> (*work)()) {
    return support::in_child([&] {
        ::dup2(::open("/dev/null", O_RDONLY), 0);
        return coax::run(work());
    });
}

} // namespace

TEST_CASE("a connection with the number 0 that an accept had when it was destroyed goes to the next accept") {
    CHECK(in_child(&accept_the_next) == 0);
}

TEST_CASE("a connection with the number 0 that nobody accepts any more is closed with its listener") {
    CHECK(in_child(&close_the_listener) == 0);
}

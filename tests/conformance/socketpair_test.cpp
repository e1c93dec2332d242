// Socket pairs: two UNIX sockets that know only each other.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>
#include <utility>

TEST_CASE("a stream pair carries bytes both ways, and the end") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        CHECK(pair.first.kind() == coax::kind::stream);
        co_await pair.first.sendall("there");
        co_await pair.second.sendall("and back");
        const std::string there = co_await support::read(pair.second, 5);
        const std::string back = co_await support::read(pair.first, 8);
        CHECK(there == "there");
        CHECK(back == "and back");
        pair.first.close();
        const coax::chunk end = co_await pair.second.recv(8);
        CHECK_FALSE(static_cast<bool>(end));
    });
}

// On Windows the two are TCP sockets.
TEST_CASE("the ends of a stream pair have no names, and know at once when the other one is gone", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        CHECK(pair.first.family() == coax::family::local);
        CHECK(pair.first.getsockname().is_unnamed());
        CHECK(pair.first.getpeername().is_unnamed());
        pair.first.close();
        const auto outcome = co_await coax::as_result(pair.second.send("x"));
        CHECK(support::code_of(outcome) == std::errc::broken_pipe);
    });
}

TEST_CASE("a datagram pair keeps the borders of messages, empty ones too") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        CHECK(pair.first.kind() == coax::kind::datagram);
        for (const char* text : {"one", "", "three", "too long"})
            co_await pair.first.send(text);
        const coax::chunk one = co_await pair.second.recv(64);
        CHECK(one.text() == "one");
        const coax::chunk empty = co_await pair.second.recv(64);
        CHECK(static_cast<bool>(empty));
        CHECK(empty.empty());
        const coax::datagram three = co_await pair.second.recvfrom(64);
        CHECK(three.data.text() == "three");
        const coax::datagram cut = co_await pair.second.recvfrom(3);
        CHECK(cut.data.text() == "too");
        CHECK(cut.truncated);
        co_await pair.second.send("answer");
        const coax::chunk answer = co_await pair.first.recv(64);
        CHECK(answer.text() == "answer");
    });
}

// On Windows the two are UDP sockets, which do not hear of refusals.
TEST_CASE("the ends of a datagram pair have no names, and sending to one that is gone is an error", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        co_await pair.first.send("x");
        const coax::datagram one = co_await pair.second.recvfrom(64);
        CHECK(one.peer.is_unnamed());
        pair.second.close();
        const auto outcome = co_await coax::as_result(pair.first.send("x"));
        const bool gone = support::code_of(outcome) == std::errc::connection_refused ||
                          support::code_of(outcome) == std::errc::connection_reset ||
                          support::code_of(outcome) == std::errc::broken_pipe;
        CHECK(gone);
    });
}

TEST_CASE("a pair takes two descriptors and gives both back") {
    const int before = support::open_descriptors();
    {
        const coax::socket_pair pair = coax::socketpair();
        CHECK(support::open_descriptors() == before + 2);
        CHECK(pair.first.fileno() != pair.second.fileno());
    }
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("the ends of a pair are sockets of their own") {
    support::run([]() -> coax::task<> {
        coax::socket kept;
        {
            coax::socket_pair pair = coax::socketpair();
            co_await pair.second.sendall("sent before it went");
            kept = std::move(pair.first);
        }
        const std::string heard = co_await support::read_to_end(kept);
        CHECK(heard == "sent before it went");
    });
}

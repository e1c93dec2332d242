// A receive or accept whose coroutine is destroyed while it waits loses nothing: what it had taken already is kept for whoever comes next.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

/// A coroutine of a type that is not the library's: it starts at once, and whoever holds it may destroy it while it waits.
class owned_coroutine {
public:
    struct promise_type {
        owned_coroutine get_return_object() noexcept {
            return owned_coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };

    owned_coroutine(owned_coroutine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    ~owned_coroutine() { destroy(); }
    void destroy() noexcept {
        if (handle_)
            std::exchange(handle_, nullptr).destroy();
    }

private:
    explicit owned_coroutine(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

owned_coroutine receive_pooled(coax::socket& from, std::string& heard) {
    const auto data = co_await coax::as_result(from.recv(64));
    if (data)
        heard += data->text();
}

owned_coroutine receive_own(coax::socket& from, std::string& heard) {
    std::string buffer(64, '\0');
    const auto got = co_await coax::as_result(from.recv(support::writable(buffer)));
    if (got)
        heard.append(buffer, 0, *got);
}

owned_coroutine accept_into(coax::socket& listener, std::vector<coax::socket>& taken) {
    auto outcome = co_await coax::as_result(listener.accept());
    if (outcome)
        taken.push_back(std::move(outcome->conn));
}

owned_coroutine destroy_on(coax::socket& trigger, std::optional<owned_coroutine>& victim) {
    const auto data = co_await coax::as_result(trigger.recv(1));
    victim.reset();
}

/// How far the victim has come when it is destroyed.
enum class moment {
    at_once,   // it waits, and the loop has not turned since
    in_kernel, // the loop has turned, then something came for it, and the loop has not looked since
    completed, // something came, and it would be resumed next
};

/// Destroys a coroutine that waits. `start` makes it, `arrive` brings at once what it waits for.
template <class Start, class Arrive>
coax::task<> interrupt(moment when, Start start, Arrive arrive) {
    coax::socket_pair trigger = coax::socketpair();
    std::optional<owned_coroutine> victim;
    std::optional<owned_coroutine> destroyer;
    // It waits before the victim does, and what it waits for comes first: it resumes first when both have completed.
    if (when == moment::completed)
        destroyer.emplace(destroy_on(trigger.second, victim));
    victim.emplace(start());
    if (when != moment::at_once)
        co_await support::round_trip();
    REQUIRE(support::send_raw(trigger.first.fileno(), "x", 1) == 1);
    arrive();
    if (when == moment::completed) {
        co_await support::round_trip();
        co_await support::round_trip();
    }
    victim.reset();
}

/// A receive on `made.server` is destroyed when `text` has come for it. `heard` is what it had delivered before, if it was that fast.
coax::task<> interrupt_receive(support::connection& made, moment when, bool pooled, std::string_view text,
                               std::string& heard) {
    const auto start = [&] { return pooled ? receive_pooled(made.server, heard) : receive_own(made.server, heard); };
    const auto arrive = [&] {
        REQUIRE(support::send_raw(made.client.fileno(), text.data(), text.size()) ==
                static_cast<std::ptrdiff_t>(text.size()));
    };
    co_await interrupt(when, start, arrive);
}

moment any_moment() { return GENERATE(moment::at_once, moment::in_kernel, moment::completed); }

} // namespace

TEST_CASE("bytes for a receive that was destroyed go to the next receives, in their order") {
    const moment when = any_moment();
    const bool pooled = GENERATE(true, false);
    CAPTURE(static_cast<int>(when), pooled);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        co_await interrupt_receive(made, when, pooled, "abcdef", heard);
        if (heard.empty()) {
            const coax::chunk peeked = co_await made.server.recv(3, coax::message_flags::peek);
            CHECK(peeked.text() == "abc");
            const coax::chunk first = co_await made.server.recv(2);
            CHECK(first.text() == "ab");
            heard += first.text();
        }
        co_await made.client.sendall("ghi");
        heard += co_await support::read(made.server, 9 - heard.size());
        CHECK(heard == "abcdefghi");
        made.client.close();
        const coax::chunk end = co_await made.server.recv(8);
        CHECK_FALSE(static_cast<bool>(end));
    });
}

TEST_CASE("wait_all waits for the rest when only a part was kept") {
    const moment when = any_moment();
    const bool pooled = GENERATE(true, false);
    CAPTURE(static_cast<int>(when), pooled);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        co_await interrupt_receive(made, when, pooled, "abcdef", heard);
        const std::size_t missing = 10 - heard.size();
        std::string rest(missing, '\0');
        const auto reader = [&]() -> coax::task<> {
            const std::size_t got = co_await made.server.recv(support::writable(rest), coax::message_flags::wait_all);
            rest.resize(got);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            co_await made.client.sendall("ghij");
        });
        CHECK(heard + rest == "abcdefghij");
    });
}

TEST_CASE("with a limit of zero what was kept is there at once") {
    const moment when = any_moment();
    CAPTURE(static_cast<int>(when));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        co_await interrupt_receive(made, when, true, "abcdef", heard);
        made.server.settimeout(std::chrono::seconds(0));
        while (heard.size() < 6) {
            const auto data = co_await coax::as_result(made.server.recv(4));
            REQUIRE(data);
            REQUIRE_FALSE(data->empty());
            heard += data->text();
        }
        CHECK(heard == "abcdef");
        const auto none = co_await coax::as_result(made.server.recv(4));
        CHECK(support::code_of(none) == std::errc::operation_would_block);
    });
}

TEST_CASE("detach hands over what was kept") {
    const moment when = any_moment();
    CAPTURE(static_cast<int>(when));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        co_await interrupt_receive(made, when, true, "abcdef", heard);
        const coax::detached given = made.server.detach();
        heard += support::text_of(given.unread);
        char buffer[16];
        const std::ptrdiff_t got = support::receive_raw(given.handle, buffer, sizeof buffer);
        if (got > 0)
            heard.append(buffer, static_cast<std::size_t>(got));
        CHECK(heard == "abcdef");
        support::close_raw(given.handle);
    });
}

TEST_CASE("what was kept goes on to the next scheduler") {
    const moment when = any_moment();
    CAPTURE(static_cast<int>(when));
    std::optional<support::connection> made;
    std::string heard;
    const auto first = [&]() -> coax::task<> {
        made.emplace(co_await support::connected(coax::family::inet));
        co_await interrupt_receive(*made, when, true, "abcdef", heard);
    };
    const auto second = [&]() -> coax::task<> { heard += co_await support::read(made->server, 6 - heard.size()); };
    coax::run(first());
    coax::run(second());
    CHECK(heard == "abcdef");
}

TEST_CASE("closing with kept bytes resets the connection, as unread data do", "[reset]") {
    const moment when = any_moment();
    CAPTURE(static_cast<int>(when));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::string heard;
        co_await interrupt_receive(made, when, true, "abcdef", heard);
        const bool unread = heard.empty();
        made.server.close();
        const auto outcome = co_await coax::as_result(made.client.recv(8));
        if (unread)
            CHECK(support::code_of(outcome) == std::errc::connection_reset);
        else
            CHECK(outcome);
    });
}

TEST_CASE("a connection for an accept that was destroyed goes to the next accept") {
    const moment when = any_moment();
    CAPTURE(static_cast<int>(when));
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(support::families().back());
        const coax::address name = listener.getsockname();
        std::vector<coax::socket> taken;
        std::vector<coax::socket> clients;
        const auto start = [&] { return accept_into(listener, taken); };
        const auto arrive = [&] {
            for (const char* text : {"one", "two", "three"}) {
                int error = 0;
                const coax::native_handle fd = support::connect_raw(name, error);
                REQUIRE(error == 0);
                REQUIRE(support::send_raw(fd, text, std::string_view(text).size()) > 0);
                clients.push_back(coax::socket::adopt(fd));
            }
        };
        co_await interrupt(when, start, arrive);
        listener.settimeout(std::chrono::seconds(10));
        while (taken.size() < 3) {
            coax::accepted next = co_await listener.accept();
            taken.push_back(std::move(next.conn));
        }
        clients.clear();
        std::string heard;
        for (coax::socket& one : taken)
            heard += co_await support::read_to_end(one) + " ";
        CHECK(heard == "one two three ");
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("a connection for an accept that was destroyed is reset when its listener is closed", "[reset]") {
    const moment when = any_moment();
    CAPTURE(static_cast<int>(when));
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket listener = support::listening(coax::family::inet);
        coax::socket client(coax::family::inet);
        std::vector<coax::socket> taken;
        const auto start = [&] { return accept_into(listener, taken); };
        const auto arrive = [&] {
            int error = 0;
            client = coax::socket::adopt(support::connect_raw(listener.getsockname(), error));
            REQUIRE(error == 0);
        };
        co_await interrupt(when, start, arrive);
        CHECK(taken.empty());
        listener.close();
        client.settimeout(std::chrono::seconds(10));
        const auto outcome = co_await coax::as_result(client.recv(1));
        // In a process that has forked, as none of this file's cases does, it would be the end of the stream.
        CHECK(support::code_of(outcome) == std::errc::connection_reset);
    });
    CHECK(support::open_descriptors() == before);
}

namespace {

owned_coroutine receive_from_pooled(coax::socket& from, std::string& heard) {
    const auto data = co_await coax::as_result(from.recvfrom(64));
    if (data)
        heard += data->data.text();
}

owned_coroutine receive_from_own(coax::socket& from, std::string& heard) {
    std::string buffer(64, '\0');
    const auto got = co_await coax::as_result(from.recvfrom(support::writable(buffer)));
    if (got)
        heard.append(buffer, 0, got->size);
}

} // namespace

TEST_CASE("what a destroyed recvfrom had got is kept too, of a datagram with its sender") {
    const moment when = any_moment();
    const bool pooled = GENERATE(true, false);
    const coax::kind kind = GENERATE(coax::kind::stream, coax::kind::datagram);
    CAPTURE(static_cast<int>(when), pooled, static_cast<int>(kind));
    support::run([&]() -> coax::task<> {
        coax::socket receiver;
        coax::socket sender;
        if (kind == coax::kind::stream) {
            support::connection made = co_await support::connected(coax::family::inet);
            receiver = std::move(made.server);
            sender = std::move(made.client);
        } else {
            receiver = support::bound(coax::family::inet, kind);
            sender = support::bound(coax::family::inet, kind);
            co_await sender.connect(receiver.getsockname());
        }
        std::string heard;
        const auto start = [&] {
            return pooled ? receive_from_pooled(receiver, heard) : receive_from_own(receiver, heard);
        };
        const auto arrive = [&] { REQUIRE(support::send_raw(sender.fileno(), "abc", 3) == 3); };
        co_await interrupt(when, start, arrive);
        if (heard.empty()) {
            const coax::datagram kept = co_await receiver.recvfrom(64);
            heard = kept.data.text();
            if (kind == coax::kind::datagram)
                CHECK(kept.peer == sender.getsockname());
        }
        CHECK(heard == "abc");
        CHECK(support::send_raw(sender.fileno(), "next", 4) == 4);
        const coax::chunk next = co_await receiver.recv(64);
        CHECK(next.text() == "next");
    });
}

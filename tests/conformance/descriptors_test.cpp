// Descriptors that are passed through UNIX sockets: each has one owner, whatever happens on the way.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/extensions.hpp"

using coax::kind;
using namespace std::chrono_literals;
using support::destructible;

namespace {

/// A descriptor to pass, and a way to know it again.
class token {
public:
    token() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        reading_ = coax::unique_handle(ends[0]);
        writing_ = coax::unique_handle(ends[1]);
    }
    int handle() const { return writing_.get(); }
    /// Whether what is written there arrives here.
    bool is_other_end(const coax::unique_handle& handle) const {
        char byte = 0;
        return ::write(handle.get(), "t", 1) == 1 && ::read(reading_.get(), &byte, 1) == 1 && byte == 't';
    }

private:
    coax::unique_handle reading_;
    coax::unique_handle writing_;
};

bool is_closed_on_exec(const coax::unique_handle& handle) { return (::fcntl(handle.get(), F_GETFD) & FD_CLOEXEC) != 0; }

kind any_kind() { return GENERATE(kind::stream, kind::datagram); }

template <class Make>
destructible awaiting(Make make) {
    static_cast<void>(co_await make());
}

} // namespace

TEST_CASE("descriptors that are passed are owned by who receives them, and closed on exec") {
    const kind which = any_kind();
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(which);
        const token first;
        const token second;
        const int before = support::open_descriptors();
        {
            const int handles[] = {first.handle(), second.handle()};
            co_await pair.first.send_fds("two", handles);
            const coax::received_fds got = co_await pair.second.recv_fds(10, 2);
            CHECK(got.data.text() == "two");
            CHECK_FALSE(got.truncated);
            CHECK_FALSE(got.control_truncated);
            REQUIRE(got.fds.size() == 2);
            CHECK(first.is_other_end(got.fds[0]));
            CHECK(second.is_other_end(got.fds[1]));
            CHECK(is_closed_on_exec(got.fds[0]));
            CHECK(is_closed_on_exec(got.fds[1]));
            CHECK(support::open_descriptors() == before + 2);
        }
        CHECK(support::open_descriptors() == before);
        co_await pair.first.sendmsg({.descriptors = first.handle()}, "o", "ne");
        std::string buffer(10, '\0');
        coax::received_message got = co_await pair.second.recvmsg(buffer, {.descriptors = 5});
        CHECK(buffer.substr(0, got.size) == "one");
        REQUIRE(got.control.descriptors.size() == 1);
        CHECK(first.is_other_end(got.control.descriptors[0]));
    });
}

TEST_CASE("as many descriptors as the system passes at once arrive") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const token one;
        for (const std::size_t count : {std::size_t{40}, std::size_t{60}, std::size_t{253}}) {
            const std::vector<int> handles(count, one.handle());
            co_await pair.first.send_fds("many", handles);
            const coax::received_fds got = co_await pair.second.recv_fds(10, count);
            CHECK(got.fds.size() == count);
            CHECK_FALSE(got.control_truncated);
            CHECK(one.is_other_end(got.fds.back()));
        }
        const std::vector<int> handles(2000, one.handle());
        const auto refused = co_await coax::as_result(pair.first.send_fds("too many", handles));
        CHECK_FALSE(refused);
        const auto closed = co_await coax::as_result(pair.first.send_fds("x", 12345));
        REQUIRE_FALSE(closed);
        CHECK(closed.error().code() == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("descriptors that nobody has asked for are closed, and that is said") {
    const kind which = any_kind();
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(which);
        const token one;
        const std::vector<int> handles(3, one.handle());
        const int before = support::open_descriptors();
        co_await pair.first.send_fds("x", handles);
        co_await pair.first.send_fds("y", handles);
        co_await pair.first.send_fds("z", handles);
        {
            const coax::received_fds got = co_await pair.second.recv_fds(1, 1);
            CHECK(got.fds.size() == 1);
            CHECK(got.control_truncated);
            CHECK(support::open_descriptors() == before + 1);
        }
        const coax::message none = co_await pair.second.recvmsg(1);
        CHECK(none.data.text() == "y");
        CHECK(none.control.descriptors.empty());
        CHECK(none.control.truncated);
        const coax::chunk plain = co_await pair.second.recv(1);
        CHECK(plain.text() == "z");
        CHECK(support::open_descriptors() == before);
    });
}

TEST_CASE("bytes of a stream that came with other descriptors are not one message") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const token first;
        const token second;
        co_await pair.first.sendall("before");
        co_await pair.first.send_fds("first", first.handle());
        co_await pair.first.send_fds("second", second.handle());
        co_await pair.first.sendall("behind");
        std::string heard;
        std::vector<std::size_t> places;
        std::vector<coax::unique_handle> handles;
        while (heard.size() < 23) {
            coax::received_fds got = co_await pair.second.recv_fds(100'000, 4);
            for (coax::unique_handle& each : got.fds) {
                places.push_back(heard.size() + got.data.size());
                handles.push_back(std::move(each));
            }
            heard += got.data.text();
        }
        CHECK(heard == "beforefirstsecondbehind");
        REQUIRE(handles.size() == 2);
        CHECK(first.is_other_end(handles[0]));
        CHECK(second.is_other_end(handles[1]));
        // Each in the receive in which its own bytes ended; Linux lets what stands before come with it.
        CHECK(places == std::vector<std::size_t>{11, 17});
    });
}

TEST_CASE("descriptors go with the first byte of what is sent in parts, once") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        pair.first.setsockopt(coax::option::send_buffer_size, 4096);
        const token one;
        const std::string large = support::pattern(1 << 20);
        std::string heard;
        std::size_t passed = 0;
        std::size_t at = 1;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            const auto send = [&]() -> coax::task<> { co_await pair.first.send_fds(large, one.handle()); };
            group.spawn(send);
            while (heard.size() < large.size()) {
                const coax::received_fds got = co_await pair.second.recv_fds(10'000, 4);
                if (!got.fds.empty()) {
                    passed += got.fds.size();
                    at = heard.size();
                    CHECK(one.is_other_end(got.fds[0]));
                }
                heard += got.data.text();
            }
        };
        co_await coax::with_task_group(body);
        CHECK(heard == large);
        CHECK(passed == 1);
        CHECK(at == 0);
    });
}

TEST_CASE("a send of descriptors that is cut short says how much went") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const token one;
        const std::string large(1 << 20, 'x');
        const auto cut = co_await coax::as_result(coax::with_timeout(5ms, pair.first.send_fds(large, one.handle())));
        REQUIRE_FALSE(cut);
        CHECK(cut.error().transferred() > 0);
        CHECK(cut.error().transferred() < large.size());
        const coax::received_fds got = co_await pair.second.recv_fds(10, 4);
        CHECK(got.fds.size() == 1);
        // The buffer is full: nothing goes, and no descriptor.
        const auto nothing =
            co_await coax::as_result(coax::with_timeout(1ms, pair.first.send_fds(large, one.handle())));
        CHECK_FALSE(nothing);
    });
}

TEST_CASE("descriptors without a byte are a datagram, and refused on a stream") {
    support::run([]() -> coax::task<> {
        const token one;
        coax::socket_pair stream = coax::socketpair();
        const auto refused = co_await coax::as_result(stream.first.send_fds("", one.handle()));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::invalid_argument);
        coax::socket_pair datagrams = coax::socketpair(kind::datagram);
        co_await datagrams.first.send_fds("", one.handle());
        const coax::received_fds got = co_await datagrams.second.recv_fds(10, 1);
        CHECK(got.data);
        CHECK(got.data.empty());
        REQUIRE(got.fds.size() == 1);
        CHECK(one.is_other_end(got.fds[0]));
    });
}

TEST_CASE("a receive of descriptors that completed is never lost to its limit") {
    const kind which = any_kind();
    support::run([&]() -> coax::task<> {
        const support::timers_first first;
        coax::socket_pair pair = coax::socketpair(which);
        const token one;
        const int before = support::open_descriptors();
        std::size_t passed = 0;
        constexpr std::size_t rounds = 300;
        for (std::size_t round = 0; round < rounds; ++round) {
            const auto body = [&](coax::task_group& group) -> coax::task<> {
                const auto send = [&]() -> coax::task<> {
                    if (round % 3 != 0)
                        co_await coax::sleep_for(std::chrono::microseconds(round % 50));
                    co_await pair.first.send_fds("x", one.handle());
                };
                group.spawn(send);
                auto got = co_await coax::as_result(
                    coax::with_timeout(std::chrono::microseconds(round % 60), pair.second.recv_fds(1, 1)));
                if (got) {
                    CHECK(got->fds.size() == 1);
                    passed += got->fds.size();
                }
            };
            co_await coax::with_task_group(body);
        }
        pair.first.close();
        while (true) {
            auto rest = co_await coax::as_result(coax::with_timeout(10ms, pair.second.recv_fds(1, 1)));
            if (!rest || !rest->data)
                break;
            CHECK(rest->fds.size() == 1);
            passed += rest->fds.size();
        }
        CHECK(passed == rounds);
        pair.second.close();
        CHECK(support::open_descriptors() == before - 2);
    });
}

TEST_CASE("descriptors for a receive that was destroyed go to the next one, or are closed by a plain one") {
    const kind which = any_kind();
    const int then = GENERATE(0, 1, 2, 3, 4);
    const bool pooled = GENERATE(true, false);
    CAPTURE(static_cast<int>(which), then, pooled);
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(which);
        const token one;
        const int before = support::open_descriptors();
        std::string buffer(10, '\0');
        {
            destructible victim = pooled ? awaiting([&] { return pair.second.recv_fds(10, 2); })
                                         : awaiting([&] { return pair.second.recvmsg(buffer, {.descriptors = 2}); });
            co_await support::round_trip();
            co_await pair.first.send_fds("abc", one.handle());
            if (victim.done())
                co_return; // it was faster
            victim.destroy();
        }
        if (then == 0) { // the next receive of messages, of less than there is
            const coax::received_fds got = co_await pair.second.recv_fds(2, 1);
            CHECK(got.data.text() == "ab");
            REQUIRE(got.fds.size() == 1);
            CHECK(one.is_other_end(got.fds[0]));
            if (which == kind::stream) {
                const coax::received_fds rest = co_await pair.second.recv_fds(2, 1);
                CHECK(rest.data.text() == "c");
                CHECK(rest.fds.empty());
            }
        } else if (then == 1) { // a look, then a receive of all
            const coax::message look =
                co_await pair.second.recvmsg(10, {.descriptors = 1, .flags = coax::message_flags::peek});
            CHECK(look.data.text() == "abc");
            const coax::message got = co_await pair.second.recvmsg(10, {.descriptors = 1});
            CHECK(got.data.text() == "abc");
            CHECK(got.control.descriptors.size() == 1);
        } else if (then == 2) { // a plain receive
            const coax::chunk got = co_await pair.second.recv(2);
            CHECK(got.text() == "ab");
            CHECK(support::open_descriptors() == before);
        } else if (then == 3) { // one that does not want them
            const coax::message got = co_await pair.second.recvmsg(10);
            CHECK(got.data.text() == "abc");
            CHECK(got.control.descriptors.empty());
            CHECK(got.control.truncated);
        } // else nobody
        pair.second.close();
        pair.first.close();
        CHECK(support::open_descriptors() == before - 2);
    });
}

namespace {

destructible destroy_on(coax::socket& trigger, std::optional<destructible>& victim) {
    static_cast<void>(co_await trigger.recv(1));
    victim.reset();
}

} // namespace

TEST_CASE("descriptors of a receive that had completed when it was destroyed have an owner still") {
    const kind which = any_kind();
    const int then = GENERATE(0, 1, 2);
    CAPTURE(static_cast<int>(which), then);
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        coax::socket_pair trigger = coax::socketpair();
        coax::socket_pair pair = coax::socketpair(which);
        const token one;
        // What waits longer, and for what comes first, resumes first.
        std::optional<destructible> victim;
        const destructible destroyer = destroy_on(trigger.second, victim);
        victim.emplace(awaiting([&] { return pair.second.recv_fds(10, 2); }));
        co_await support::round_trip();
        REQUIRE(support::send_raw(trigger.first.fileno(), "x", 1) == 1);
        co_await pair.first.send_fds("abc", one.handle());
        co_await support::round_trip();
        if (then == 0) {
            const coax::received_fds got = co_await coax::with_timeout(5s, pair.second.recv_fds(10, 1));
            CHECK(got.data.text() == "abc");
            REQUIRE(got.fds.size() == 1);
            CHECK(one.is_other_end(got.fds[0]));
        } else if (then == 1) {
            const coax::chunk got = co_await coax::with_timeout(5s, pair.second.recv(10));
            CHECK(got.text() == "abc");
        }
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("no descriptor is left after ten thousand that were passed, taken or not") {
    const kind which = any_kind();
    support::run([&]() -> coax::task<> {
        const token one;
        const int before = support::open_descriptors();
        coax::socket_pair pair = coax::socketpair(which);
        for (int round = 0; round < 10'000; ++round) {
            switch (round % 8) {
            case 0: { // taken
                co_await pair.first.send_fds("x", one.handle());
                const coax::received_fds got = co_await pair.second.recv_fds(1, 1);
                CHECK(got.fds.size() == 1);
                break;
            }
            case 1: { // not asked for
                co_await pair.first.send_fds("x", one.handle());
                static_cast<void>(co_await pair.second.recvmsg(1));
                break;
            }
            case 2: { // by a plain receive
                co_await pair.first.send_fds("x", one.handle());
                static_cast<void>(co_await pair.second.recv(1));
                break;
            }
            case 3: { // more than there is room for
                const int three[] = {one.handle(), one.handle(), one.handle()};
                co_await pair.first.send_fds("x", three);
                static_cast<void>(co_await pair.second.recv_fds(1, 2));
                break;
            }
            case 4:
            case 5: { // for a receive that is destroyed
                {
                    destructible victim = awaiting([&] { return pair.second.recv_fds(1, 1); });
                    if (round % 16 < 8)
                        co_await coax::yield();
                    co_await pair.first.send_fds("x", one.handle());
                    if (round % 32 < 16)
                        co_await coax::yield();
                    if (victim.done())
                        break;
                }
                if (round % 8 == 4)
                    static_cast<void>(co_await pair.second.recv(1));
                else
                    static_cast<void>(co_await pair.second.recv_fds(1, 1));
                break;
            }
            case 6: { // looked at
                co_await pair.first.send_fds("x", one.handle());
                static_cast<void>(
                    co_await pair.second.recvmsg(1, {.descriptors = 1, .flags = coax::message_flags::peek}));
                static_cast<void>(co_await pair.second.recv_fds(1, 1));
                break;
            }
            default: // closed with them in it
                if (round % 80 == 7) {
                    co_await pair.first.send_fds("x", one.handle());
                    pair.second.close();
                    pair.first.close();
                    pair = coax::socketpair(which);
                }
            }
        }
        pair.first.close();
        pair.second.close();
        // The loop of io_uring may have a descriptor of its own.
        CHECK(support::open_descriptors() == before);
    });
}

namespace {

/// Descriptors to receives that wait and that do not, over a connection whose buffer gets full.
coax::task<> passing_session() {
    coax::socket_pair pair = coax::socketpair();
    pair.first.setsockopt(coax::option::send_buffer_size, 4096);
    const token one;
    const std::string large(1 << 16, 'l');
    std::size_t heard = 0;
    std::size_t passed = 0;
    const auto send = [&]() -> coax::task<> {
        co_await pair.first.send_fds("x", one.handle());
        co_await pair.first.send_fds(large, one.handle());
        pair.first.shutdown(coax::shutdown_how::write);
    };
    const auto body = [&](coax::task_group& group) -> coax::task<> {
        group.spawn(send);
        for (bool more = true; more;) {
            const coax::received_fds got = co_await pair.second.recv_fds(10'000, 1);
            heard += got.data.size();
            passed += got.fds.size();
            more = static_cast<bool>(got.data);
        }
    };
    co_await coax::with_task_group(body);
    CHECK(heard == large.size() + 1);
    CHECK(passed == 2);
}

} // namespace

#ifdef COAX_LINUX_EXTENSIONS
TEST_CASE("the descriptor of the sender's process is owned as others are") {
    support::run([]() -> coax::task<> {
        constexpr int pass_pidfd = 76; // SO_PASSPIDFD, Linux 6.5
        coax::socket_pair pair = coax::socketpair(kind::datagram);
        const int on = 1;
        if (::setsockopt(pair.second.fileno(), SOL_SOCKET, pass_pidfd, &on, sizeof on) != 0)
            co_return;
        const int before = support::open_descriptors();
        for (int round = 0; round < 10; ++round) {
            co_await pair.first.send("x");
            static_cast<void>(co_await pair.second.recvmsg(1));
        }
        CHECK(support::open_descriptors() == before);
        co_await pair.first.send("x");
        const coax::message got = co_await pair.second.recvmsg(1, {.descriptors = 1});
        CHECK(got.control.descriptors.size() == 1);
    });
}
#endif

TEST_CASE("a session that passes descriptors can be cancelled at every checkpoint") {
    const auto when = GENERATE(support::strike::before, support::strike::after);
    CHECK(support::cancel_at_every_checkpoint([] { return passing_session(); }, when) > 8);
}

TEST_CASE("a socket goes to somebody else and works there") {
    support::run([]() -> coax::task<> {
        coax::socket_pair channel = coax::socketpair();
        coax::socket listener = support::listening(coax::family::inet);
        const coax::address name = listener.getsockname();
        co_await channel.first.send_fds("listener", listener.fileno());
        coax::received_fds passed = co_await channel.second.recv_fds(64, 1);
        REQUIRE(passed.fds.size() == 1);
        listener.close();
        coax::socket same = coax::socket::adopt(std::move(passed.fds[0]));
        CHECK_FALSE(passed.fds[0]);
        CHECK(same.getsockname() == name);
        coax::socket client(coax::family::inet);
        co_await client.connect(name);
        coax::accepted taken = co_await same.accept();
        co_await client.sendall("hello");
        const std::string heard = co_await support::read(taken.conn, 5);
        CHECK(heard == "hello");

        const token one;
        co_await channel.first.send_fds("a pipe", one.handle());
        passed = co_await channel.second.recv_fds(64, 1);
        REQUIRE(passed.fds.size() == 1);
        CHECK_THROWS_AS(coax::socket::adopt(std::move(passed.fds[0])), coax::io_error);
        CHECK(one.is_other_end(passed.fds[0])); // it is still there
    });
}

TEST_CASE("the credentials of a sender come with what it sent") {
    const kind which = any_kind();
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(which);
        try {
            pair.second.setsockopt(coax::option::pass_credentials, true);
        } catch (const coax::io_error& error) {
            CHECK(error.code() == std::errc::no_protocol_option);
            co_return;
        }
        const coax::credentials mine(::getpid(), ::getuid(), ::getgid());
        const token one;
        co_await pair.first.send_fds("x", one.handle());
        const coax::message got = co_await pair.second.recvmsg(1, {.descriptors = 1});
        CHECK(got.control.sender == mine);
        CHECK(got.control.descriptors.size() == 1);
        co_await pair.first.sendmsg({.sender = mine}, "y");
        const coax::message said = co_await pair.second.recvmsg(1);
        CHECK(said.control.sender == mine);
        if (::getuid() != 0) {
            const auto lie = co_await coax::as_result(pair.first.sendmsg({.sender = coax::credentials(1, 0, 0)}, "z"));
            REQUIRE_FALSE(lie);
            CHECK(lie.error().code() == std::errc::operation_not_permitted);
        }
    });
}

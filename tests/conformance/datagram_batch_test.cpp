// Batches of datagrams: what one receive gives and what one send takes.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

coax::socket datagrams(coax::family family) { return support::bound(family, coax::kind::datagram); }

/// The texts of a batch.
std::vector<std::string> texts(const coax::datagram_batch& batch) {
    std::vector<std::string> all;
    for (const coax::datagram_entry& each : batch)
        all.emplace_back(each.text());
    return all;
}

using strings = std::vector<std::string>;

/// The families in which this system has datagrams.
std::vector<coax::family> with_datagrams() {
    std::vector<coax::family> found;
    for (const coax::family each : support::families()) {
        try {
            datagrams(each);
            found.push_back(each);
        } catch (const coax::io_error&) { // Windows has streams only
        }
    }
    return found;
}

} // namespace

TEST_CASE("a batch receives all that has come, in order, with who sent it, and goes back to them") {
    const coax::family family = GENERATE(from_range(with_datagrams()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams(family);
        coax::socket one = datagrams(family);
        coax::socket other = datagrams(family);
        const coax::address name = server.getsockname();
        coax::datagram_batch batch(8, 100);
        for (int round = 0; round < 3; ++round) {
            co_await one.sendto("first", name);
            co_await other.sendto("second", name);
            co_await one.sendto("", name);
            co_await one.sendto("fourth", name);
            const std::size_t count = co_await server.recvfrom(batch);
            REQUIRE(count == 4);
            CHECK(batch.size() == 4);
            CHECK(texts(batch) == strings{"first", "second", "", "fourth"});
            CHECK(batch[0].peer == one.getsockname());
            CHECK(batch[1].peer == other.getsockname());
            CHECK(batch[2].peer == one.getsockname());
            for (const coax::datagram_entry& each : batch) {
                CHECK_FALSE(each.truncated);
                CHECK(each.segment_size == 0);
                CHECK(each.local.is_unnamed());
            }
            const std::size_t sent = co_await server.sendto(batch);
            CHECK(sent == 4);
            for (const char* expected : {"first", "", "fourth"}) {
                const coax::datagram echo = co_await one.recvfrom(100);
                CHECK(echo.data.text() == expected);
                CHECK(echo.peer == name);
            }
            const coax::datagram echo = co_await other.recvfrom(100);
            CHECK(echo.data.text() == "second");
        }
    });
}

TEST_CASE("a batch takes no more than it has room for, and the next one takes the rest") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams(coax::family::inet);
        coax::socket client = datagrams(coax::family::inet);
        coax::datagram_batch sent(10, 8);
        for (int i = 0; i < 10; ++i)
            sent.add(std::to_string(i), server.getsockname());
        const std::size_t out = co_await client.sendto(sent);
        CHECK(out == 10);
        coax::datagram_batch batch(4, 8);
        std::size_t count = co_await server.recvfrom(batch);
        CHECK(count == 4);
        CHECK(texts(batch) == strings{"0", "1", "2", "3"});
        count = co_await server.recvfrom(batch);
        CHECK(texts(batch) == strings{"4", "5", "6", "7"});
        count = co_await server.recvfrom(batch);
        CHECK(count == 2);
        CHECK(texts(batch) == strings{"8", "9"});
    });
}

TEST_CASE("a batch waits for the first datagram, however often") {
    const coax::family family = GENERATE(from_range(with_datagrams()));
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams(family);
        coax::socket client = datagrams(family);
        const coax::address name = server.getsockname();
        strings heard;
        coax::datagram_batch batch(4, 8);
        const auto reader = [&]() -> coax::task<> {
            for (int i = 0; i < 3; ++i) {
                const std::size_t count = co_await server.recvfrom(batch);
                CHECK(count == 1);
                heard.emplace_back(batch[0].text());
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            for (const char* text : {"a", "b", "c"}) {
                co_await support::round_trip();
                co_await client.sendto(text, name);
            }
        });
        CHECK(heard == strings{"a", "b", "c"});
    });
}

TEST_CASE("a datagram that is too long for its entry is cut, and says so, and its neighbours are whole") {
    const coax::family family = GENERATE(from_range(with_datagrams()));
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams(family);
        coax::socket client = datagrams(family);
        const coax::address name = server.getsockname();
        for (const char* text : {"1234", "12345", "", "123"})
            co_await client.sendto(text, name);
        coax::datagram_batch batch(8, 4);
        const std::size_t count = co_await server.recvfrom(batch);
        CHECK(count == 4);
        CHECK(texts(batch) == strings{"1234", "1234", "", "123"});
        CHECK_FALSE(batch[0].truncated);
        CHECK(batch[1].truncated);
        CHECK_FALSE(batch[2].truncated);
        CHECK_FALSE(batch[3].truncated);
        co_await client.sendto("x", name);
        const std::size_t again = co_await server.recvfrom(batch);
        CHECK(again == 1);
        CHECK_FALSE(batch[0].truncated); // nothing is left of what stood there
    });
}

TEST_CASE("an entry that cannot be sent says why, and the others go out") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams(coax::family::inet);
        coax::socket client = datagrams(coax::family::inet);
        const coax::address name = server.getsockname();
        coax::datagram_batch batch(8, 66000);
        batch.add("zero", name);
        batch.resize(2);
        batch[1].peer = name; // all of 66000 bytes
        batch.add("two", coax::address("::1", 9));
        batch.add("three", name);
        batch.add("four"); // to whom?
        batch.add("five", coax::address::unix_path("/nobody"));
        batch.add("six", name);
        for (int round = 0; round < 2; ++round) {
            const std::size_t out = co_await client.sendto(batch);
            CHECK(out == 3);
            CHECK_FALSE(batch[0].error);
            CHECK(batch[1].error == std::errc::message_size);
            CHECK(batch[2].error);
            CHECK_FALSE(batch[3].error);
            CHECK(batch[4].error == std::errc::destination_address_required);
            CHECK(batch[5].error);
            CHECK_FALSE(batch[6].error);
            coax::datagram_batch got(8, 10);
            std::size_t count = co_await server.recvfrom(got);
            CHECK(count == 3);
            CHECK(texts(got) == strings{"zero", "three", "six"});
        }
        batch.clear();
        batch.add("a", coax::address("::1", 9));
        const std::size_t none = co_await client.sendto(batch);
        CHECK(none == 0);
        CHECK(batch[0].error);
        batch[0].peer = name;
        const std::size_t one = co_await client.sendto(batch);
        CHECK(one == 1);
        CHECK_FALSE(batch[0].error);
    });
}

TEST_CASE("a UNIX path without a socket fails its entry alone", "[unix]") {
    if (with_datagrams().back() != coax::family::local)
        return;
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams(coax::family::local);
        coax::socket client = datagrams(coax::family::local);
        coax::datagram_batch batch(3, 10);
        batch.add("a", server.getsockname());
        batch.add("b", coax::address::unix_path(support::fresh_path()));
        batch.add("c", server.getsockname());
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 2);
        CHECK(batch[1].error == std::errc::no_such_file_or_directory);
        const std::size_t count = co_await server.recvfrom(batch);
        CHECK(count == 2);
        CHECK(texts(batch) == strings{"a", "c"});
    });
}

TEST_CASE("entries without a peer go to the one that is connected, and a placeholder takes the socket's family") {
    const coax::family family = GENERATE(from_range(support::internet()));
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams(family);
        coax::socket client(family, coax::kind::datagram);
        coax::datagram_batch batch(3, 10);
        batch.add("named", coax::address("localhost", server.getsockname().port()));
        std::size_t out = co_await client.sendto(batch);
        CHECK(out == 1);
        co_await client.connect(server.getsockname());
        batch.clear();
        batch.add("connected");
        batch.add("both", server.getsockname());
        out = co_await client.sendto(batch);
        CHECK(out == 2);
        const std::size_t count = co_await server.recvfrom(batch);
        CHECK(count == 3);
        CHECK(texts(batch) == strings{"named", "connected", "both"});
        const std::size_t back = co_await server.sendto(batch);
        CHECK(back == 3);
        const std::size_t heard = co_await client.recvfrom(batch);
        CHECK(heard == 3);
        CHECK(batch[0].peer == server.getsockname());
    });
}

TEST_CASE("an IPv6 socket receives from both families into one batch, and answers both", "[posix]") {
    if (support::internet().size() < 2)
        return;
    support::run([]() -> coax::task<> {
        coax::socket server(coax::family::inet6, coax::kind::datagram);
        server.setsockopt(coax::option::v6_only, false);
        server.bind({"::", 0});
        const int port = server.getsockname().port();
        coax::socket four = datagrams(coax::family::inet);
        coax::socket six = datagrams(coax::family::inet6);
        co_await four.sendto("four", {"127.0.0.1", port});
        co_await six.sendto("six", {"::1", port});
        co_await four.sendto("more", {"127.0.0.1", port});
        coax::datagram_batch batch(4, 10);
        const std::size_t count = co_await server.recvfrom(batch);
        REQUIRE(count == 3);
        CHECK(texts(batch) == strings{"four", "six", "more"});
        CHECK(batch[0].peer == coax::address("::ffff:127.0.0.1", four.getsockname().port()));
        CHECK(batch[1].peer == six.getsockname());
        const std::size_t out = co_await server.sendto(batch);
        CHECK(out == 3);
        const coax::datagram first = co_await four.recvfrom(10);
        CHECK(first.data.text() == "four");
        const coax::datagram second = co_await six.recvfrom(10);
        CHECK(second.data.text() == "six");
    });
}

TEST_CASE("a batch of the largest datagrams goes both ways", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams(coax::family::inet);
        server.setsockopt(coax::option::receive_buffer_size, 1 << 20);
        coax::socket client = datagrams(coax::family::inet);
        const std::string large = support::pattern(65507);
        coax::datagram_batch batch(2, 65507);
        batch.add(large, server.getsockname());
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 1);
        const std::size_t count = co_await server.recvfrom(batch);
        REQUIRE(count == 1);
        CHECK(batch[0].text() == large);
        CHECK_FALSE(batch[0].truncated);
    });
}

TEST_CASE("what is sent may lie outside of the batch") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams(coax::family::inet);
        coax::socket client = datagrams(coax::family::inet);
        std::string text = "elsewhere";
        coax::datagram_batch batch(1, 0);
        batch.resize(1);
        batch[0].data = support::writable(text);
        batch[0].peer = server.getsockname();
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 1);
        const coax::datagram got = co_await server.recvfrom(100);
        CHECK(got.data.text() == "elsewhere");
    });
}

TEST_CASE("entries of a batch can be added to it, as when some are left out") {
    coax::datagram_batch batch(3, 10);
    batch.add("leave", {"127.0.0.1", 1});
    batch.add("keep", {"127.0.0.1", 2});
    batch.add("too", {"127.0.0.1", 3});
    batch.clear();
    for (const std::size_t kept : {std::size_t{1}, std::size_t{2}}) {
        const coax::datagram_entry& entry = batch.begin()[kept];
        batch.add(entry.data, entry.peer);
    }
    batch.add(batch[1].data, batch[1].peer);
    REQUIRE(batch.size() == 3);
    CHECK(batch[0].text() == "keep");
    CHECK(batch[0].peer == coax::address("127.0.0.1", 2));
    CHECK(batch[1].text() == "too");
    CHECK(batch[1].peer == coax::address("127.0.0.1", 3));
    CHECK(batch[2].text() == "too");
    CHECK(batch[2].peer == coax::address("127.0.0.1", 3));
}

TEST_CASE("an empty batch sends nothing, and a moved one receives nothing") {
    support::run([]() -> coax::task<> {
        coax::socket socket = datagrams(coax::family::inet);
        coax::datagram_batch batch(2, 10);
        std::size_t out = co_await socket.sendto(batch);
        CHECK(out == 0);
        const coax::datagram_batch taken(std::move(batch));
        out = co_await socket.sendto(batch);
        CHECK(out == 0);
        const auto received = co_await coax::as_result(socket.recvfrom(batch));
        CHECK(support::code_of(received) == std::errc::invalid_argument);
    });
}

TEST_CASE("batches are for datagrams: a stream refuses them") {
    support::run([]() -> coax::task<> {
        support::connection both = co_await support::connected(coax::family::inet);
        coax::datagram_batch batch(2, 10);
        const auto received = co_await coax::as_result(both.client.recvfrom(batch));
        CHECK(support::code_of(received) == std::errc::invalid_argument);
        batch.add("x");
        const auto sent = co_await coax::as_result(both.client.sendto(batch));
        CHECK(support::code_of(sent) == std::errc::invalid_argument);
        CHECK(batch[0].error == std::errc::invalid_argument);
        coax::socket none;
        const auto nothing = co_await coax::as_result(none.recvfrom(batch));
        CHECK(support::code_of(nothing) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a batch can be moved while an operation uses it") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams(coax::family::inet);
        coax::socket client = datagrams(coax::family::inet);
        coax::datagram_batch batch(2, 10);
        coax::datagram_batch later;
        const auto reader = [&]() -> coax::task<> {
            const std::size_t count = co_await server.recvfrom(batch);
            CHECK(count == 1);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            later = std::move(batch);
            co_await client.sendto("moved", server.getsockname());
        });
        REQUIRE(later.size() == 1);
        CHECK(later[0].text() == "moved");
    });
}

TEST_CASE("entries say to which address and interface they were sent, and answer from there", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    support::run([&]() -> coax::task<> {
        coax::socket server(family, coax::kind::datagram);
        server.bind({"", 0});
        server.setsockopt(coax::option::receive_packet_info, true);
        server.setsockopt(coax::option::receive_time, true);
        server.setsockopt(coax::option::receive_ecn, true);
        coax::socket client = datagrams(family);
        // Linux answers on all of 127.0.0.0/8, and elsewhere there is one address.
        std::string host = family == coax::family::inet ? "127.0.0.2" : "::1";
        const auto reached = co_await coax::as_result(client.sendto("x", {host, server.getsockname().port()}));
        if (!reached) {
            host = "127.0.0.1";
            co_await client.sendto("x", {host, server.getsockname().port()});
        }
        coax::datagram_batch batch(4, 10);
        const std::size_t count = co_await server.recvfrom(batch);
        REQUIRE(count == 1);
        CHECK(batch[0].local == coax::address(host, 0));
        CHECK(batch[0].interface_index != 0);
        CHECK(batch[0].ecn == coax::ecn::not_capable);
        const auto age = std::chrono::system_clock::now() - batch[0].time;
        CHECK(age >= -1h); // the clock may be set
        CHECK(age < 1h);
        const std::size_t out = co_await server.sendto(batch);
        CHECK(out == 1);
        const coax::datagram echo = co_await client.recvfrom(10);
        CHECK(echo.peer == coax::address(host, server.getsockname().port()));
        // What is not asked for any more is not said any more.
        server.setsockopt(coax::option::receive_packet_info, false);
        server.setsockopt(coax::option::receive_time, false);
        co_await client.sendto("x", {host, server.getsockname().port()});
        const std::size_t again = co_await server.recvfrom(batch);
        REQUIRE(again == 1);
        CHECK(batch[0].local.is_unnamed());
        CHECK(batch[0].interface_index == 0);
        CHECK(batch[0].time == std::chrono::system_clock::time_point());
    });
}

TEST_CASE("a batch is as good as new for each receive, on whichever socket", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::datagram_batch batch(4, 10);
        // Back and forth, so that a longer name comes after a shorter one, and what was not asked for after what was.
        for (int round = 0; round < 2; ++round) {
            for (const coax::family family : with_datagrams()) {
                INFO(support::name_of(family));
                coax::socket server = datagrams(family);
                coax::socket client = datagrams(family);
                if (family != coax::family::local)
                    server.setsockopt(coax::option::receive_packet_info, true);
                const strings sent = family == coax::family::local ? strings{"12345"} : strings{"1", "22", "333", ""};
                for (int i = 0; i < 2; ++i) {
                    for (const std::string& text : sent)
                        co_await client.sendto(text, server.getsockname());
                    const std::size_t count = co_await server.recvfrom(batch);
                    CHECK(count == sent.size());
                    CHECK(texts(batch) == sent);
                    for (const coax::datagram_entry& entry : batch) {
                        CHECK(entry.peer == client.getsockname());
                        CHECK(entry.local.is_unnamed() == (family == coax::family::local));
                        CHECK_FALSE(entry.truncated);
                    }
                }
            }
        }
    });
}

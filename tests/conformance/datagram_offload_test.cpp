// Runs of datagrams: an entry of a batch that is sent as several, and several that are received as one. Whether the system does that or the
// library, the datagrams are the same.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace {

using strings = std::vector<std::string>;

coax::socket datagrams(coax::family family = coax::family::inet) {
    return support::bound(family, coax::kind::datagram);
}

coax::socket offloading(coax::family family = coax::family::inet) {
    coax::socket made = datagrams(family);
    made.setsockopt(coax::option::receive_buffer_size, 1 << 20);
    made.setsockopt(coax::option::receive_offload, true);
    return made;
}

/// What a run of `text` has to arrive as.
strings cut(std::string_view text, std::size_t size) {
    strings parts;
    for (; text.size() > size; text.remove_prefix(size))
        parts.emplace_back(text.substr(0, size));
    parts.emplace_back(text);
    return parts;
}

/// Sends `text` as datagrams of `size` bytes.
coax::task<> send_run(coax::socket& from, const coax::address& to, std::string_view text, std::uint16_t size) {
    coax::datagram_batch batch(1, text.size());
    batch.add(text, to).segment_size = size;
    const std::size_t out = co_await from.sendto(batch);
    CHECK(out == 1);
    CHECK_FALSE(batch[0].error);
}

/// All datagrams of a batch.
void append(strings& to, const coax::datagram_batch& batch) {
    for (const coax::datagram_entry& entry : batch)
        for (const std::span<std::byte> each : entry.segments())
            to.emplace_back(support::text_of(each));
}

/// Whether nothing more is there.
coax::task<bool> is_empty(coax::socket& socket) {
    socket.settimeout(0s);
    const auto more = co_await coax::as_result(socket.recvfrom(10));
    socket.settimeout(std::nullopt);
    co_return support::code_of(more) == std::errc::operation_would_block;
}

} // namespace

TEST_CASE("an entry with segments goes out as so many datagrams", "[posix]") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams(family);
        coax::socket client = datagrams(family);
        const std::string text = support::pattern(1000);
        for (const std::uint16_t size : std::initializer_list<std::uint16_t>{100, 300, 999, 1000, 2000}) {
            INFO(size);
            co_await send_run(client, server.getsockname(), text, size);
            for (const std::string& expected : cut(text, size)) {
                const coax::datagram got = co_await server.recvfrom(2000);
                CHECK(got.data.text() == expected);
                CHECK(got.peer == client.getsockname());
            }
            const bool empty = co_await is_empty(server);
            CHECK(empty);
        }
    });
}

TEST_CASE("runs and single datagrams in one batch keep their order", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        coax::datagram_batch batch(6, 16);
        batch.add("a", server.getsockname());
        batch.add("bbccd", server.getsockname()).segment_size = 2;
        batch.add("", server.getsockname()).segment_size = 2;
        batch.add("e", server.getsockname()).segment_size = 2;
        batch.add("ff", coax::address("::1", 9)).segment_size = 1;
        batch.add("ghi", server.getsockname()).segment_size = 1;
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 5);
        CHECK(batch[4].error);
        coax::datagram_batch got(16, 16);
        strings heard;
        while (heard.size() < 9) {
            const std::size_t some = co_await server.recvfrom(got);
            CHECK(some > 0);
            append(heard, got);
        }
        CHECK(heard == strings{"a", "bb", "cc", "d", "", "e", "g", "h", "i"});
    });
}

TEST_CASE("a run of more segments than the system takes at once is sent all the same; one that is too long is not",
          "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    support::run([&]() -> coax::task<> {
        coax::socket server = datagrams(family);
        server.setsockopt(coax::option::receive_buffer_size, 1 << 22);
        coax::socket client = datagrams(family);
        const std::string text = support::pattern(200);
        co_await send_run(client, server.getsockname(), text, 1);
        strings heard;
        coax::datagram_batch got(300, 4);
        while (heard.size() < text.size()) {
            const std::size_t some = co_await server.recvfrom(got);
            CHECK(some > 0);
            append(heard, got);
        }
        CHECK(heard == cut(text, 1));
        coax::datagram_batch batch(2, 66000);
        batch.resize(1);
        batch[0].peer = server.getsockname();
        batch[0].segment_size = 1500;
        batch.add("next", server.getsockname());
        const std::size_t out = co_await client.sendto(batch);
        CHECK(out == 1);
        CHECK(batch[0].error == std::errc::message_size);
        const coax::datagram next = co_await server.recvfrom(10);
        CHECK(next.data.text() == "next");
    });
}

TEST_CASE("a batch with large entries receives runs whole, and they go back as they came", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    support::run([&]() -> coax::task<> {
        coax::socket server = offloading(family);
        coax::socket client = datagrams(family);
        const std::string text = support::pattern(10'050);
        co_await send_run(client, server.getsockname(), text, 1000);
        coax::datagram_batch batch(16, coax::datagram_batch::largest_run);
        strings heard;
        while (heard.size() < 11) {
            const std::size_t some = co_await server.recvfrom(batch);
            append(heard, batch);
            if (server.getsockopt(coax::option::receive_offload)) {
                CHECK(some == 1);
                CHECK(batch[0].segment_size == 1000);
            }
            CHECK(batch[0].peer == client.getsockname());
            const std::size_t out = co_await server.sendto(batch);
            CHECK(out == some);
        }
        CHECK(heard == cut(text, 1000));
        for (const std::string& expected : cut(text, 1000)) {
            const coax::datagram echo = co_await client.recvfrom(2000);
            CHECK(echo.data.text() == expected);
        }
        // Nothing is left of the run in the entry that it stood in.
        co_await client.sendto("single", server.getsockname());
        const std::size_t one = co_await server.recvfrom(batch);
        CHECK(one == 1);
        CHECK(batch[0].segment_size == 0);
        CHECK(batch[0].text() == "single");
    });
}

TEST_CASE("every other receive of a socket with receive_offload gives single datagrams, and none is lost", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    const bool waits = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::socket server = offloading(family);
        server.setsockopt(coax::option::receive_packet_info, true);
        coax::socket client = datagrams(family);
        const coax::address peer = client.getsockname();
        const std::string text = support::pattern(980);
        const strings parts = cut(text, 100);
        const auto receiver = [&]() -> coax::task<> {
            const coax::datagram first = co_await server.recvfrom(200);
            CHECK(first.data.text() == parts[0]);
            CHECK(first.peer == peer);
            CHECK_FALSE(first.truncated);
            std::string own(200, '\0');
            const coax::received second = co_await server.recvfrom(support::writable(own));
            CHECK(std::string_view(own).substr(0, second.size) == parts[1]);
            CHECK(second.peer == peer);
            const coax::chunk peeked = co_await server.recv(200, coax::message_flags::peek);
            CHECK(peeked.text() == parts[2]);
            const coax::chunk third = co_await server.recv(200);
            CHECK(third.text() == parts[2]);
            const coax::datagram fourth = co_await server.recvfrom(30);
            CHECK(fourth.data.text() == parts[3].substr(0, 30));
            CHECK(fourth.truncated);
            const std::size_t fifth = co_await server.recv(support::writable(own));
            CHECK(std::string_view(own).substr(0, fifth) == parts[4]);
            // Entries that are too small for the run get as much of it as they have room for.
            coax::datagram_batch batch(2, 250);
            strings heard;
            while (heard.size() < 4) {
                const std::size_t some = co_await server.recvfrom(batch);
                CHECK(some > 0);
                CHECK(batch[0].peer == peer);
                CHECK(batch[0].local == coax::address(server.getsockname().host(), 0));
                CHECK_FALSE(batch[0].truncated);
                append(heard, batch);
            }
            CHECK(heard == strings{parts[5], parts[6], parts[7], parts[8]});
            coax::datagram_batch tiny(2, 10);
            const std::size_t last = co_await server.recvfrom(tiny);
            CHECK(last == 1);
            CHECK(tiny[0].text() == parts[9].substr(0, 10));
            CHECK(tiny[0].truncated);
            CHECK(tiny[0].segment_size == 0);
        };
        const auto sender = [&]() -> coax::task<> {
            if (waits)
                co_await support::round_trip();
            co_await send_run(client, server.getsockname(), text, 100);
            // So that the ends of the run are told from each other.
            if (!waits)
                co_await receiver();
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            if (waits)
                group.spawn(receiver());
            group.spawn(sender());
            co_return;
        });
        const bool empty = co_await is_empty(server);
        CHECK(empty);
    });
}

TEST_CASE("recvmsg from a socket with receive_offload gives single datagrams with what came beside them", "[posix]") {
    const coax::family family = GENERATE(from_range(support::internet()));
    support::run([&]() -> coax::task<> {
        coax::socket server = offloading(family);
        server.setsockopt(coax::option::receive_packet_info, true);
        server.setsockopt(coax::option::receive_hop_limit, true);
        coax::socket client = datagrams(family);
        const std::string text = support::pattern(3000);
        const strings parts = cut(text, 1000);
        co_await send_run(client, server.getsockname(), text, 1000);
        const coax::message first = co_await server.recvmsg(1500);
        CHECK(first.data.text() == parts[0]);
        CHECK_FALSE(first.truncated);
        const coax::datagram second = co_await server.recvfrom(1500);
        CHECK(second.data.text() == parts[1]);
        const coax::message third = co_await server.recvmsg(1500);
        CHECK(third.data.text() == parts[2]);
        for (const coax::message* each : {&first, &third}) {
            CHECK(each->peer == client.getsockname());
            REQUIRE(each->control.packet);
            CHECK(each->control.packet->local == coax::address(server.getsockname().host(), 0));
            CHECK(each->control.hop_limit);
            CHECK_FALSE(each->control.segment_size);
            CHECK_FALSE(each->control.truncated);
        }
        const bool empty = co_await is_empty(server);
        CHECK(empty);
    });
}

TEST_CASE("a receive that waits already when receive_offload is set gets a single datagram", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        const std::string text = support::pattern(500);
        const strings parts = cut(text, 100);
        const auto reader = [&]() -> coax::task<> {
            for (const std::string& part : parts) {
                const coax::datagram got = co_await server.recvfrom(1000);
                CHECK(got.data.text() == part);
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(reader());
            co_await support::round_trip();
            server.setsockopt(coax::option::receive_offload, true);
            co_await send_run(client, server.getsockname(), text, 100);
        });
    });
}

TEST_CASE("what is left of a run is received after the option was taken back, and after shutdown", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server = offloading();
        coax::socket client = datagrams();
        co_await send_run(client, server.getsockname(), "aabbccdd", 2);
        coax::datagram got = co_await server.recvfrom(10);
        CHECK(got.data.text() == "aa");
        server.setsockopt(coax::option::receive_offload, false);
        CHECK_FALSE(server.getsockopt(coax::option::receive_offload));
        got = co_await server.recvfrom(10);
        CHECK(got.data.text() == "bb");
        server.shutdown(coax::shutdown_how::read);
        got = co_await server.recvfrom(10);
        CHECK(got.data.text() == "cc");
        coax::datagram_batch batch(2, 10);
        std::size_t count = co_await server.recvfrom(batch);
        CHECK(count == 1);
        CHECK(batch[0].text() == "dd");
        count = co_await server.recvfrom(batch);
        CHECK(count == 0);
    });
}

TEST_CASE("where the system refuses to cut a run, for this socket, it is cut all the same", "[posix]") {
    support::run([]() -> coax::task<> {
        coax::socket server = datagrams();
        coax::socket client = datagrams();
        constexpr int no_checksum = 11; // SO_NO_CHECK of Linux, without which nothing is segmented
        static_cast<void>(support::code_thrown_by([&] { client.setsockopt(1, no_checksum, 1); }));
        for (int round = 0; round < 3; ++round) {
            coax::datagram_batch batch(4, 100);
            batch.add("1", server.getsockname());
            batch.add("22334", server.getsockname()).segment_size = 2;
            batch.add("5", server.getsockname());
            batch.add("667", server.getsockname()).segment_size = 2;
            const std::size_t out = co_await client.sendto(batch);
            CHECK(out == 4);
            for (const char* expected : {"1", "22", "33", "4", "5", "66", "7"}) {
                const coax::datagram got = co_await server.recvfrom(10);
                CHECK(got.data.text() == expected);
            }
        }
    });
}

TEST_CASE("receive_offload is an option of datagram sockets, and none that can fail there") {
    coax::socket socket = datagrams();
    CHECK_FALSE(socket.getsockopt(coax::option::receive_offload));
    CHECK_NOTHROW(socket.setsockopt(coax::option::receive_offload, true));
    CHECK_NOTHROW(socket.getsockopt(coax::option::receive_offload));
    CHECK_NOTHROW(socket.setsockopt(coax::option::receive_offload, false));
    CHECK_FALSE(socket.getsockopt(coax::option::receive_offload));
    coax::socket stream = support::bound(coax::family::inet, coax::kind::stream);
    CHECK_THROWS_AS(stream.setsockopt(coax::option::receive_offload, true), coax::io_error);
    if (support::families().back() == coax::family::local) {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        CHECK_NOTHROW(pair.first.setsockopt(coax::option::receive_offload, true));
        CHECK_FALSE(pair.first.getsockopt(coax::option::receive_offload));
    }
}

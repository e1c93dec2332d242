// Many datagrams with numbers, in batches and one by one, with time limits in between: none is invented, and none comes twice.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t count = 1'000'000;

/// What is sent; the rest of the datagram repeats it.
std::uint64_t number_of(std::span<const std::byte> bytes) {
    std::uint64_t number = count;
    if (bytes.size() < sizeof number)
        return number;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
}

class tally {
public:
    void take(std::span<const std::byte> bytes, std::size_t expected_size) {
        const std::uint64_t number = number_of(bytes);
        if (number >= count || bytes.size() != expected_size)
            ++invented;
        else if (seen_[number])
            ++repeated;
        else
            seen_[number] = true;
        received += 1;
        last_ = number > last_ && number < count ? number : last_;
    }
    std::uint64_t last() const { return last_; }

    std::uint64_t received = 0;
    std::uint64_t invented = 0;
    std::uint64_t repeated = 0;

private:
    std::vector<bool> seen_ = std::vector<bool>(count);
    std::uint64_t last_ = 0;
};

} // namespace

TEST_CASE("of a million numbered datagrams none is invented and none comes twice") {
    const bool offload = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::socket server = support::bound(coax::family::inet, coax::kind::datagram);
        coax::socket client = support::bound(coax::family::inet, coax::kind::datagram);
        server.setsockopt(coax::option::receive_buffer_size, 1 << 20);
        server.setsockopt(coax::option::receive_offload, offload);
        const coax::address name = server.getsockname();
        constexpr std::size_t size = 40;
        constexpr std::size_t segments = 20;
        tally all;
        bool over = false;

        const auto receiver = [&]() -> coax::task<> {
            coax::datagram_batch large(32, coax::datagram_batch::largest_run);
            coax::datagram_batch small(32, 100);
            unsigned round = 0;
            while (!over) {
                ++round;
                // Now and then a receive is given up, and others take over: of another kind, and another size.
                server.settimeout(round % 7 == 0 ? 20us : 1s);
                if (round % 5 == 0) {
                    const auto one = co_await coax::as_result(server.recvfrom(100));
                    if (one)
                        all.take({one->data.data(), one->data.size()}, size);
                    continue;
                }
                coax::datagram_batch& batch = round % 3 == 0 ? small : large;
                const auto got = co_await coax::as_result(server.recvfrom(batch));
                if (!got)
                    continue;
                for (const coax::datagram_entry& entry : batch)
                    for (const std::span<std::byte> each : entry.segments())
                        all.take(each, size);
            }
        };
        const auto sender = [&]() -> coax::task<> {
            coax::datagram_batch batch(16, size * segments);
            std::uint64_t next = 0;
            while (next < count) {
                batch.clear();
                while (batch.size() < batch.capacity() && next < count) {
                    batch.resize(batch.size() + 1);
                    coax::datagram_entry& entry = batch[batch.size() - 1];
                    const std::size_t many = offload ? std::min<std::uint64_t>(segments, count - next) : 1;
                    entry.data = entry.data.first(many * size);
                    entry.segment_size = offload ? size : 0;
                    entry.peer = name;
                    for (std::size_t i = 0; i < many; ++i, ++next)
                        std::memcpy(entry.data.data() + i * size, &next, sizeof next);
                }
                const std::size_t out = co_await client.sendto(batch);
                if (out != batch.size())
                    co_return;
                // So that not too many are lost: what has come is taken in between.
                if (next % 1024 < 16)
                    co_await coax::yield();
            }
            // The last ones may have been lost.
            for (int i = 0; i < 50; ++i)
                co_await support::round_trip();
            over = true;
            std::byte last[size] = {};
            const std::uint64_t end = count;
            std::memcpy(last, &end, sizeof end);
            co_await client.sendto(std::span(last), name);
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(receiver());
            group.spawn(sender());
            co_return;
        });
        INFO("received " << all.received);
        CHECK(over);
        CHECK(all.repeated == 0);
        CHECK(all.invented <= 1);          // the one that ends it
        CHECK(all.received > count / 100); // how many are lost is a matter of speed
        CHECK(all.last() > count * 9 / 10);
    });
}

// Numbered messages, each receive under a limit of random length: no byte is lost and none comes twice.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t messages = 200'000;

coax::task<> send_numbers(coax::socket to) {
    std::mt19937 random(1);
    std::vector<std::uint32_t> batch;
    for (std::uint32_t next = 0; next < messages;) {
        batch.clear();
        for (auto size = 1 + random() % 8; size != 0 && next < messages; --size)
            batch.push_back(next++);
        co_await to.sendall(std::as_bytes(std::span(batch)));
        if (random() % 32 == 0)
            co_await coax::sleep_for(std::chrono::microseconds(50 + random() % 50));
    }
}

/// Puts the numbers together again from pieces of any size.
class checker {
public:
    void hear(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes) {
            partial_[have_++] = byte;
            if (have_ != sizeof partial_)
                continue;
            have_ = 0;
            std::uint32_t number = 0;
            std::memcpy(&number, partial_, sizeof number);
            in_order_ = in_order_ && number == next_;
            ++next_;
        }
    }
    bool whole() const { return in_order_ && have_ == 0 && next_ == messages; }

private:
    std::byte partial_[sizeof(std::uint32_t)];
    std::size_t have_ = 0;
    std::uint32_t next_ = 0;
    bool in_order_ = true;
};

} // namespace

TEST_CASE("messages arrive whole although every receive may be cut short") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        checker heard;
        std::size_t cut = 0;
        std::size_t got = 0;
        const auto receive = [&]() -> coax::task<> {
            std::mt19937 random(2);
            std::byte buffer[64];
            for (bool open = true; open;) {
                const auto limit = std::chrono::nanoseconds(random() % 30'000);
                const std::size_t size = 1 + random() % sizeof buffer;
                if (random() % 2 == 0) {
                    const auto data = co_await coax::as_result(coax::with_timeout(limit, pair.server.recv(size)));
                    if (data) {
                        heard.hear(*data);
                        open = static_cast<bool>(*data);
                    }
                    data ? ++got : ++cut;
                } else {
                    const auto data = co_await coax::as_result(
                        coax::with_timeout(limit, pair.server.recv(std::span(buffer).first(size))));
                    if (data) {
                        heard.hear(std::span(buffer).first(*data));
                        open = *data != 0;
                    }
                    data ? ++got : ++cut;
                }
            }
        };
        co_await coax::when_all(send_numbers(std::move(pair.client)), receive());
        CHECK(heard.whole());
        CHECK(got > 1000);
        CHECK(cut > 20); // hundreds at least, but how many is a matter of speed
    });
}

// Numbered messages, each receive under a limit of random length, by one way or by any: no byte is lost and none comes twice.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t messages = 250'000; // of four bytes

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
    /// Whether these are the bytes that come next.
    bool foresees(std::span<const std::byte> bytes) const {
        checker ahead = *this;
        ahead.hear(bytes);
        return ahead.in_order_;
    }
    bool whole() const { return in_order_ && have_ == 0 && next_ == messages; }

private:
    std::byte partial_[sizeof(std::uint32_t)];
    std::size_t have_ = 0;
    std::uint32_t next_ = 0;
    bool in_order_ = true;
};

/// Receives in one way after the other, each a few times.
class receiver {
public:
    explicit receiver(coax::socket&& from) : socket_(std::move(from)) {}

    coax::task<> until_end() {
        while (open_) {
            const auto way = random_() % 6;
            for (auto times = 1 + random_() % 8; times != 0 && open_; --times)
                co_await receive(way);
            move_on(random_() % 16);
        }
    }

    checker heard;
    bool peeked_well = true;
    std::size_t cut = 0;
    std::size_t got = 0;

private:
    coax::task<> receive(std::uint_fast32_t way) {
        const auto limit = std::chrono::nanoseconds(random_() % 30'000);
        const std::size_t size = 1 + random_() % sizeof buffer_;
        const std::span<std::byte> room = std::span(buffer_).first(size);
        switch (way) {
        case 0:
            take(co_await coax::as_result(coax::with_timeout(limit, socket_.recv(size))));
            break;
        case 1:
            take(co_await coax::as_result(coax::with_timeout(limit, socket_.recv(room))));
            break;
        case 2:
            take(
                co_await coax::as_result(coax::with_timeout(limit, socket_.recv(room, coax::message_flags::wait_all))));
            break;
        case 3: {
            const auto seen =
                co_await coax::as_result(coax::with_timeout(limit, socket_.recv(size, coax::message_flags::peek)));
            peeked_well = peeked_well && (!seen || heard.foresees(*seen));
            break;
        }
        case 4:
            socket_.settimeout(0s);
            take(co_await coax::as_result(socket_.recv(size)));
            socket_.settimeout(std::nullopt);
            break;
        default:
            take(co_await coax::as_result(coax::with_timeout(limit, socket_.recv(16 << 10))));
        }
    }

    void take(const coax::result<coax::chunk>& data) {
        data ? ++got : ++cut;
        if (!data)
            return;
        heard.hear(*data);
        open_ = static_cast<bool>(*data);
    }
    void take(const coax::result<std::size_t>& count) {
        count ? ++got : ++cut;
        if (!count)
            return;
        heard.hear(std::span(buffer_).first(*count));
        open_ = *count != 0;
    }

    /// What may be done with a socket between two receives, the whole of it less often.
    void move_on(std::uint_fast32_t what) {
        if (what == 0) {
            const coax::detached given = socket_.detach();
            heard.hear(given.unread);
            socket_ = coax::socket::adopt(given.handle);
        } else if (what == 1) {
            socket_.unbind();
        } else if (what == 2) {
            static_cast<void>(socket_.fileno());
        } else if (what < 6) {
            coax::socket elsewhere = std::move(socket_);
            socket_ = std::move(elsewhere);
        }
    }

    coax::socket socket_;
    std::mt19937 random_{3};
    std::byte buffer_[256];
    bool open_ = true;
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

TEST_CASE("they arrive whole whatever way they are received, and whatever is done with the socket in between") {
    support::run([]() -> coax::task<> {
        support::connection pair = co_await support::connected(coax::family::inet);
        receiver there(std::move(pair.server));
        co_await coax::when_all(send_numbers(std::move(pair.client)), there.until_end());
        CHECK(there.heard.whole());
        CHECK(there.peeked_well);
        CHECK(there.got > 1000);
        CHECK(there.cut > 20);
    });
}

// Cancellation against completion, ten thousand times each: there is one outcome, and nothing is lost or had twice.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using support::ending;

namespace {

constexpr int rounds = 10'000;
constexpr std::size_t expected = rounds;

/// Reads a stream in which every byte is one more than the byte before.
class counted_stream {
public:
    void hear(std::string_view bytes) {
        for (const char c : bytes)
            in_order_ = in_order_ && static_cast<unsigned char>(c) == static_cast<unsigned char>(heard_++);
    }
    std::size_t heard() const { return heard_; }
    bool in_order() const { return in_order_; }

private:
    std::size_t heard_ = 0;
    bool in_order_ = true;
};

/// Writes the next byte, by a direct call. On another thread it may have to wait for room.
void write_next(coax::native_handle to, std::size_t& written) {
    const auto byte = static_cast<unsigned char>(written++);
    while (support::send_raw(to, &byte, 1) != 1)
        std::this_thread::yield();
}

/// A thread that does something once for each number it is given.
class partner {
public:
    template <class Act>
    explicit partner(Act act)
        : thread_([this, act] {
              for (int done = 0; done < rounds; ++done) {
                  while (asked_.load(std::memory_order_acquire) <= done) {
                      if (over_.load(std::memory_order_relaxed))
                          return;
                      std::this_thread::yield();
                  }
                  act(done);
                  done_.store(done + 1, std::memory_order_release);
              }
          }) {}
    ~partner() {
        over_ = true;
        thread_.join();
    }
    void ask() { asked_.fetch_add(1, std::memory_order_release); }
    bool has_done(int count) const { return done_.load(std::memory_order_acquire) >= count; }

private:
    std::atomic<int> asked_{0};
    std::atomic<int> done_{0};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

} // namespace

TEST_CASE("a receive cancelled on this thread while its byte arrives loses none and has none twice") {
    const bool clock_first = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        const support::timers_first hook(clock_first);
        coax::socket_pair pair = coax::socketpair();
        counted_stream stream;
        std::size_t written = 0;
        int values = 0;
        std::byte buffer[4];
        for (int round = 0; round < rounds; ++round) {
            const auto receive = [&]() -> coax::task<> {
                if (round % 2 == 0) {
                    const coax::chunk data = co_await pair.second.recv(4);
                    stream.hear(data.text());
                } else {
                    const std::size_t size = co_await pair.second.recv(buffer);
                    stream.hear(support::text_of(std::span(buffer).first(size)));
                }
                ++values;
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(receive());
                // Write and cancel in both orders, with and without a turn of the loop in between or before.
                if (round % 3 == 0)
                    co_await coax::yield();
                const bool cancel_first = round % 5 == 0;
                if (cancel_first)
                    group.cancel();
                write_next(pair.first.fileno(), written);
                if (round % 7 == 0)
                    co_await coax::shield(coax::yield());
                if (round % 11 == 0)
                    co_await coax::shield(support::round_trip());
                group.cancel();
            });
        }
        pair.first.close();
        stream.hear(co_await support::read_to_end(pair.second));
        CHECK(stream.in_order());
        CHECK(stream.heard() == written);
        CHECK(written == expected);
        CHECK(values > 0);
    });
}

TEST_CASE("a receive cancelled by another thread while its byte arrives loses none and has none twice") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        counted_stream stream;
        std::size_t written = 0;
        std::stop_source source;
        int empty = 0;
        const coax::native_handle to = pair.first.fileno();
        {
            partner other([&](int round) {
                if (round % 2 == 0) {
                    write_next(to, written);
                    source.request_stop();
                } else {
                    source.request_stop();
                    write_next(to, written);
                }
            });
            for (int round = 0; round < rounds; ++round) {
                source = std::stop_source();
                const std::stop_token token = source.get_token();
                other.ask();
                try {
                    const coax::chunk data = co_await coax::with_stop_token(token, pair.second.recv(4));
                    stream.hear(data.text());
                    empty += data ? 0 : 1;
                } catch (const coax::cancelled&) {
                }
                while (!other.has_done(round + 1))
                    std::this_thread::yield();
                // Where the other thread is always faster, every receive is refused; its writes must not run out of room.
                while (written - stream.heard() > 64) {
                    const coax::chunk data = co_await pair.second.recv(64);
                    stream.hear(data.text());
                }
            }
        }
        // None took the cancellation for the end of the stream.
        CHECK(empty == 0);
        pair.first.close();
        stream.hear(co_await support::read_to_end(pair.second));
        CHECK(stream.in_order());
        CHECK(stream.heard() == expected);
    });
}

TEST_CASE("a receive whose limit passes while its byte arrives loses none and has none twice") {
    const bool clock_first = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        const support::timers_first hook(clock_first);
        coax::socket_pair pair = coax::socketpair();
        counted_stream stream;
        std::size_t written = 0;
        std::mt19937 random(12);
        const coax::native_handle to = pair.first.fileno();
        int values = 0;
        {
            partner other([&](int) { write_next(to, written); });
            for (int round = 0; round < rounds; ++round) {
                other.ask();
                const auto limit = std::chrono::nanoseconds(random() % 20'000);
                const auto data = co_await coax::as_result(coax::with_timeout(limit, pair.second.recv(4)));
                if (data) {
                    stream.hear(data->text());
                    ++values;
                }
            }
            // The other thread writes on until it has done all, and must not run out of room.
            while (stream.heard() != expected) {
                const coax::chunk data = co_await pair.second.recv(64);
                stream.hear(data.text());
            }
        }
        pair.first.close();
        stream.hear(co_await support::read_to_end(pair.second));
        CHECK(stream.in_order());
        CHECK(stream.heard() == written);
        CHECK(values > 0);
    });
}

TEST_CASE("a datagram that arrives while its receive is cancelled is received once") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair(coax::kind::datagram);
        counted_stream stream;
        std::size_t written = 0;
        for (int round = 0; round < rounds; ++round) {
            const auto receive = [&]() -> coax::task<> {
                const coax::datagram message = co_await pair.second.recvfrom(4);
                stream.hear(message.data.text());
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(receive());
                if (round % 2 == 0)
                    co_await coax::yield();
                write_next(pair.first.fileno(), written);
                if (round % 3 == 0)
                    co_await coax::shield(coax::yield());
                group.cancel();
            });
            // The queue of a datagram socket is short.
            while (written - stream.heard() > 5) {
                const coax::datagram message = co_await pair.second.recvfrom(4);
                stream.hear(message.data.text());
            }
        }
        while (stream.heard() != written) {
            const coax::datagram message = co_await pair.second.recvfrom(4);
            stream.hear(message.data.text());
        }
        CHECK(stream.in_order());
    });
}

TEST_CASE("a connection that arrives while its accept is cancelled goes to the next one", "[unix]") {
    const bool clock_first = GENERATE(false, true);
    const int before = support::open_descriptors();
    support::run([&]() -> coax::task<> {
        const support::timers_first hook(clock_first);
        coax::socket listener = support::listening(coax::family::local);
        const coax::address name = listener.getsockname();
        std::size_t taken = 0;
        const auto take = [&](coax::accepted got) -> coax::task<> {
            std::byte byte[1];
            const std::size_t size = co_await got.conn.recv(byte);
            CHECK(size == 1);
            CHECK(std::to_integer<unsigned char>(byte[0]) == static_cast<unsigned char>(taken));
            ++taken;
        };
        for (int round = 0; round < rounds; ++round) {
            std::optional<coax::accepted> got;
            const auto accept = [&]() -> coax::task<> { got.emplace(co_await listener.accept()); };
            coax::socket client(coax::family::local);
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(accept());
                if (round % 3 == 0)
                    co_await coax::yield();
                if (round % 5 == 0)
                    group.cancel();
                co_await coax::shield(client.connect(name));
                if (round % 2 == 0)
                    co_await coax::shield(coax::yield());
                group.cancel();
            });
            const auto number = static_cast<char>(static_cast<unsigned char>(round));
            co_await client.sendall(std::string_view(&number, 1));
            if (got)
                co_await take(std::move(*got));
            else
                co_await take(co_await listener.accept());
        }
        CHECK(taken == expected);
    });
    CHECK(support::open_descriptors() == before);
}

TEST_CASE("bytes of a send that races with its cancellation went out, or did not, as it says") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::size_t sent = 0;
        counted_stream stream;
        for (int round = 0; round < rounds; ++round) {
            const char next = static_cast<char>(static_cast<unsigned char>(sent));
            const auto send = [&]() -> coax::task<> {
                co_await pair.first.sendall(std::string_view(&next, 1));
                ++sent;
            };
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                if (round % 7 == 0)
                    group.cancel();
                group.spawn(send());
                if (round % 2 == 0)
                    co_await coax::shield(coax::yield());
                group.cancel();
            });
            if (round % 64 == 0 && stream.heard() != sent) {
                const coax::chunk data = co_await pair.second.recv(4096);
                stream.hear(data.text());
            }
        }
        pair.first.close();
        stream.hear(co_await support::read_to_end(pair.second));
        CHECK(stream.in_order());
        CHECK(stream.heard() == sent);
    });
}

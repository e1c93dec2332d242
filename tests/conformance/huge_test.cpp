// Sizes beyond what the system's interfaces can express: the call does what it can, as with any other size.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <system_error>

#include <sys/mman.h>

using namespace std::chrono_literals;

namespace {

/// Address space without memory behind it, until it is written to.
class vast_buffer {
public:
    explicit vast_buffer(std::size_t size) : size_(size) {
        void* const found =
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(found != MAP_FAILED);
        data_ = static_cast<std::byte*>(found);
    }
    vast_buffer(const vast_buffer&) = delete;
    vast_buffer& operator=(const vast_buffer&) = delete;
    ~vast_buffer() { munmap(data_, size_); }

    std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

private:
    std::byte* data_ = nullptr;
    std::size_t size_;
};

// 32 bits of it are zero: cut off there it would be nothing.
constexpr std::size_t vast = std::size_t{1} << 32;

} // namespace

TEST_CASE("a buffer of four gibibytes receives what is there") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    const vast_buffer buffer(vast);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        co_await made.client.sendall("here");
        const std::size_t got = co_await made.server.recv(buffer.bytes());
        CHECK(support::text_of(buffer.bytes().first(got)) == "here");
        co_await made.client.sendall("there");
        const coax::received more = co_await made.server.recvfrom(buffer.bytes());
        CHECK(support::text_of(buffer.bytes().first(more.size)) == "there");
    });
}

TEST_CASE("a buffer of four gibibytes receives a datagram") {
    const vast_buffer buffer(vast);
    support::run([&]() -> coax::task<> {
        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        co_await socket.sendto("one", socket.getsockname());
        const coax::received got = co_await socket.recvfrom(buffer.bytes());
        CHECK(got.size == 3);
        CHECK_FALSE(got.truncated);
    });
}

TEST_CASE("a send of four gibibytes takes some of them") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    const vast_buffer buffer(vast);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        made.client.settimeout(200ms);
        const auto sent = co_await coax::as_result(made.client.send(buffer.bytes()));
        REQUIRE(sent);
        CHECK(*sent > 0);
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == *sent);
    });
}

TEST_CASE("a sendall of four gibibytes that times out says how much went out") {
    const bool in_pieces = GENERATE(false, true);
    const vast_buffer buffer(vast);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.settimeout(50ms);
        const auto attempt = [&]() -> coax::task<> {
            if (in_pieces)
                co_await made.client.sendall("x", buffer.bytes());
            else
                co_await made.client.sendall(buffer.bytes());
        };
        const auto outcome = co_await coax::as_result(attempt());
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error() == std::errc::timed_out);
        CHECK(outcome.error().transferred() > 0);
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == outcome.error().transferred());
    });
}

TEST_CASE("a pooled receive of any size gives what is there, or says that there is no memory for so much") {
    const std::size_t size = GENERATE(as<std::size_t>{}, vast, vast + 1, std::numeric_limits<std::size_t>::max(),
                                      std::numeric_limits<std::size_t>::max() - 16);
    CAPTURE(size);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        co_await made.client.sendall("modest");
        const auto data = co_await coax::as_result(made.server.recv(size));
        if (data)
            CHECK(data->text() == "modest");
        else
            CHECK(data.error() == std::errc::not_enough_memory);

        coax::socket socket = support::bound(coax::family::inet, coax::kind::datagram);
        co_await socket.sendto("modest", socket.getsockname());
        const auto message = co_await coax::as_result(socket.recvfrom(size));
        if (message)
            CHECK(message->data.text() == "modest");
        else
            CHECK(message.error() == std::errc::not_enough_memory);
    });
}

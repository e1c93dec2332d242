// What is announced costs nothing: memory is used for bytes that have arrived.
#include "support/catch.hpp"
#include "support/framing.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_literals;
using coax::framed;
using coax::stream_errc;
using support::prefixed;

namespace {

/// The size of this process's memory, used or not, in pages; 0 where it does not say.
std::size_t pages() {
    std::size_t size = 0;
    std::ifstream("/proc/self/statm") >> size;
    return size;
}

/// These bytes are too many under the default limit.
template <class Codec>
coax::task<> check_too_long(Codec codec, std::string bytes) {
    coax::socket_pair pair = coax::socketpair();
    framed messages(std::move(pair.second), std::move(codec));
    co_await pair.first.sendall(bytes);
    const std::optional<coax::io_error> error = co_await support::recv_error(messages);
    REQUIRE(error);
    CHECK(error->code() == stream_errc::frame_too_long);
    CHECK(messages.stream().buffered().text() == bytes); // it stays there
}

} // namespace

TEST_CASE("frames are too long as soon as they are announced") {
    support::run([]() -> coax::task<> {
        using u64 = coax::length_prefix<std::uint64_t>;
        co_await check_too_long(prefixed(), "\xff\xff\xff\xff"s);
        co_await check_too_long(u64(), "\0\0\0\x01\0\0\0\0"s);
        co_await check_too_long(u64(), std::string(8, '\xff'));
        co_await check_too_long(coax::varint_prefix(), std::string(9, '\xff') + '\x01');
        co_await check_too_long(coax::octet_count(), "4294967296");
        co_await check_too_long(coax::fixed_size(std::size_t{1} << 32), "x");
        co_await check_too_long(prefixed(), "\0\x10\0\x01"s);
    });
}

TEST_CASE("frames of four gigabytes that are allowed and announced take no memory") {
    if (pages() == 0)
        return;
    support::run([]() -> coax::task<> {
        std::vector<coax::socket> peers;
        std::vector<std::unique_ptr<framed<prefixed>>> all;
        for (int index = 0; index < 16; ++index) {
            coax::socket_pair pair = coax::socketpair();
            peers.push_back(std::move(pair.first));
            all.push_back(std::make_unique<framed<prefixed>>(std::move(pair.second), prefixed(),
                                                             coax::framed_options{.max_frame = std::size_t{1} << 32}));
        }
        const std::size_t before = pages();
        for (std::size_t index = 0; index < all.size(); ++index) {
            co_await peers[index].sendall("\xff\xff\xff\xffhello"s);
            const support::ending how =
                co_await support::ending_of([&] { return coax::with_timeout(0s, all[index]->recv()); });
            CHECK(how == support::ending::timeout);
            CHECK(all[index]->stream().buffered().size() == 9);
        }
        // A single one would be a million pages of 4096 bytes.
        CHECK(pages() - before < 20'000);
    });
}

TEST_CASE("a frame that no memory could hold is waited for, as far as it comes") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<coax::length_prefix<std::uint64_t>> messages(std::move(pair.second), {},
                                                            {.max_frame = std::size_t{0} - 1});
        const std::string text = support::pattern(100'000);
        const auto send = [&]() -> coax::task<> {
            co_await pair.first.sendall("\x7f\xff\xff\xff\xff\xff\xff\xff"s, text);
            pair.first.close();
        };
        std::optional<coax::io_error> error;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(send());
            error = co_await support::recv_error(messages);
        });
        REQUIRE(error);
        CHECK(error->code() == stream_errc::frame_truncated);
        CHECK(messages.stream().buffered().text().substr(8) == text);
    });
}

TEST_CASE("a frame as long as the limit arrives, and one byte more does not") {
    support::run([]() -> coax::task<> {
        const std::string longest = support::pattern(std::size_t{1} << 20);
        for (const std::size_t more : {std::size_t{0}, std::size_t{1}}) {
            support::connection made = co_await support::connected(coax::family::inet);
            framed<prefixed> sender(std::move(made.client), {}, {.max_frame = std::size_t{2} << 20});
            framed<prefixed> receiver(std::move(made.server));
            const std::string body = longest + std::string(more, 'm');
            const auto send = [&]() -> coax::task<> {
                // A receiver that closes resets it.
                static_cast<void>(co_await coax::as_result(sender.send(body)));
            };
            std::error_code code;
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(send());
                try {
                    const std::optional<coax::frame> got = co_await receiver.recv();
                    REQUIRE(got);
                    CHECK(support::same_up_to(got->text(), body) == body.size());
                } catch (const coax::frame_error& error) {
                    code = error.code();
                    receiver.close();
                }
            });
            CHECK(code == (more == 0 ? std::error_code() : make_error_code(stream_errc::frame_too_long)));
        }
    });
}

// Both directions of a connection at once, in pieces of any size.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t total = 1 << 20;

std::size_t any_size(std::mt19937& random) {
    // Small ones often, large ones now and then, buffers' borders in particular.
    switch (random() % 4) {
    case 0:
        return 1 + random() % 16;
    case 1:
        return 4095 + random() % 3;
    default:
        return 1 + random() % 50'000;
    }
}

/// Sends everything in pieces, by whichever call the dice say.
coax::task<> send_in_pieces(coax::socket& to, std::string_view text, std::uint32_t seed) {
    std::mt19937 random(seed);
    while (!text.empty()) {
        const std::string_view piece = text.substr(0, any_size(random));
        std::size_t went = piece.size();
        switch (random() % 3) {
        case 0:
            went = co_await to.send(piece);
            break;
        case 1:
            co_await to.sendall(piece);
            break;
        default: {
            const std::size_t cut = random() % (piece.size() + 1);
            co_await to.sendall(piece.substr(0, cut), piece.substr(cut));
        }
        }
        text.remove_prefix(went);
    }
    to.shutdown(coax::shutdown_how::write);
}

/// Receives everything in pieces, by whichever call the dice say.
coax::task<> receive_in_pieces(coax::socket& from, std::string& text, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::string buffer(60'000, '\0');
    for (;;) {
        const std::size_t size = any_size(random);
        if (random() % 2 == 0) {
            const coax::chunk data = co_await from.recv(size);
            CHECK(data.size() <= size);
            if (!data)
                break;
            text += data.text();
        } else {
            const auto into = support::writable(buffer).first(size);
            const std::size_t got = co_await from.recv(into);
            if (got == 0)
                break;
            text += support::text_of(into.first(got));
        }
    }
}

} // namespace

TEST_CASE("a mebibyte each way at once arrives whole, whatever the pieces") {
    const coax::family family = GENERATE(from_range(support::families()));
    const std::uint32_t seed = GENERATE(1U, 2U, 3U, 4U);
    INFO(support::name_of(family) << ", seed " << seed);
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        if (seed % 2 == 0) {
            // Little room in the kernel: most calls have to wait.
            for (coax::socket* const end : {&pair.client, &pair.server})
                end->setsockopt(coax::option::send_buffer_size, 16384);
        }
        const std::string up = support::pattern(total, seed);
        const std::string down = support::pattern(total, seed + 100);
        std::string got_up;
        std::string got_down;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(send_in_pieces(pair.client, up, seed));
            group.spawn(receive_in_pieces(pair.server, got_up, seed + 1));
            group.spawn(send_in_pieces(pair.server, down, seed + 2));
            group.spawn(receive_in_pieces(pair.client, got_down, seed + 3));
            co_return;
        });
        CHECK(got_up.size() == total);
        CHECK(support::same_up_to(got_up, up) == total);
        CHECK(got_down.size() == total);
        CHECK(support::same_up_to(got_down, down) == total);
    });
}

TEST_CASE("a reader that waits does not hold up the writer, nor the writer the reader") {
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family));
    support::run([&]() -> coax::task<> {
        support::connection pair = co_await support::connected(family);
        const std::string large = support::pattern(8 << 20);
        std::string heard;
        bool sent = false;
        const auto hear = [&]() -> coax::task<> { heard = co_await support::read(pair.server, 4); };
        const auto send = [&]() -> coax::task<> {
            co_await pair.server.sendall(large);
            sent = true;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(hear());
            group.spawn(send());
            co_await support::round_trip();
            CHECK_FALSE(sent);
            CHECK(heard.empty());
            // The server's writer is stuck; its reader is not.
            co_await pair.client.sendall("ping");
            co_await support::until([&] { return heard == "ping"; });
            CHECK_FALSE(sent);
            group.spawn(hear());
            const std::string all = co_await support::read(pair.client, large.size());
            CHECK(support::same_up_to(all, large) == large.size());
            co_await support::until([&] { return sent; });
            heard.clear();
            co_await pair.client.sendall("pong");
        });
        CHECK(heard == "pong");
    });
}

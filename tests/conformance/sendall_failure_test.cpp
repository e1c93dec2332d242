// A sendall that does not come to its end says how much went out: exactly that much reaches the peer.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;

namespace {

const std::string& large() {
    static const std::string text = support::pattern(12 << 20);
    return text;
}

/// Sends all of it, as one piece or as several.
coax::task<> send(coax::socket& to, std::string_view text, bool in_pieces) {
    if (in_pieces)
        co_await to.sendall(text.substr(0, 100), text.substr(100, text.size() / 2), text.substr(100 + text.size() / 2));
    else
        co_await to.sendall(text);
}

/// More than any buffer takes.
coax::task<> send_too_much(coax::socket& to, bool in_pieces) { return send(to, large(), in_pieces); }

} // namespace

TEST_CASE("a sendall that times out says how much went out, and the peer receives exactly that") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool in_pieces = GENERATE(false, true);
    INFO(support::name_of(family) << (in_pieces ? ", in pieces" : ", in one piece"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        made.client.settimeout(20ms);
        const std::optional<coax::io_error> error = co_await support::error_of(send_too_much(made.client, in_pieces));
        REQUIRE(error);
        CHECK(error->reason().why() == coax::failure::cause::timeout);
        CHECK(error->operation() == coax::operation_name::sendall);
        CHECK(error->transferred() > 0);
        CHECK(error->transferred() < large().size());
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == error->transferred());
        CHECK(support::same_up_to(heard, large()) == error->transferred());
    });
}

TEST_CASE("a sendall that goes out in part at once, and then has to wait, says how much went out") {
    const bool in_pieces = GENERATE(false, true);
    const bool reset = GENERATE(false, true);
    INFO((in_pieces ? "in pieces" : "in one piece") << (reset ? ", reset" : ", timed out"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.setsockopt(coax::option::send_buffer_size, 4096);
        made.server.setsockopt(coax::option::receive_buffer_size, 4096);
        const std::string_view text = std::string_view(large()).substr(0, 200'000);
        std::optional<coax::io_error> error;
        const auto writer = [&]() -> coax::task<> {
            error = co_await support::error_of(send(made.client, text, in_pieces));
        };
        std::string heard;
        // On a ring what is sent first after a rest is a call, and the rest of it a submission.
        co_await coax::sleep_for(1ms);
        if (reset) {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(writer());
                co_await support::round_trip();
                heard = co_await support::read(made.server, 1000);
                made.server.close();
            });
        } else {
            made.client.settimeout(20ms);
            co_await writer();
            made.client.close();
            heard = co_await support::read_to_end(made.server);
        }
        REQUIRE(error);
        CHECK(support::same_up_to(heard, large()) == heard.size());
        CHECK(error->transferred() > 0);
        CHECK(error->transferred() < text.size());
        if (reset) {
            const bool gone = error->code() == std::errc::connection_reset || error->code() == std::errc::broken_pipe;
            CHECK(gone);
            CHECK(error->transferred() >= heard.size());
        } else {
            CHECK(heard.size() == error->transferred());
        }
    });
}

TEST_CASE("what waits behind a sendall that goes out in part at once comes behind all of it") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.setsockopt(coax::option::send_buffer_size, 4096);
        const std::string_view text = std::string_view(large()).substr(0, 400'000);
        co_await coax::sleep_for(1ms); // as above
        std::string heard;
        const auto reader = [&]() -> coax::task<> { heard = co_await support::read(made.server, text.size()); };
        co_await coax::when_all(made.client.sendall(text.substr(0, 200'000)), made.client.sendall(text.substr(200'000)),
                                reader());
        CHECK(support::same_up_to(heard, large()) == text.size());
    });
}

TEST_CASE("a sendall with a limit of zero says how much went out at once") {
    const bool in_pieces = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        made.client.settimeout(0s);
        const std::optional<coax::io_error> error = co_await support::error_of(send_too_much(made.client, in_pieces));
        REQUIRE(error);
        CHECK(error->code() == std::errc::operation_would_block);
        CHECK(error->transferred() > 0);
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == error->transferred());
    });
}

TEST_CASE("a cancelled sendall says how much went out, and the peer receives exactly that") {
    const bool in_pieces = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::optional<std::size_t> transferred;
        const auto writer = [&]() -> coax::task<> {
            try {
                co_await send_too_much(made.client, in_pieces);
            } catch (const coax::cancelled& reason) {
                transferred = reason.transferred();
                throw;
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            co_await support::round_trip();
            co_await support::round_trip();
            group.cancel();
        });
        REQUIRE(transferred);
        CHECK(*transferred < large().size());
        made.client.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == *transferred);
        CHECK(support::same_up_to(heard, large()) == *transferred);
    });
}

TEST_CASE("a sendall to a peer that goes away fails with a reset and says how much went out") {
    const coax::family family = GENERATE(from_range(support::families()));
    const bool in_pieces = GENERATE(false, true);
    INFO(support::name_of(family) << (in_pieces ? ", in pieces" : ", in one piece"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        std::optional<coax::io_error> error;
        std::string heard;
        const auto writer = [&]() -> coax::task<> {
            error = co_await support::error_of(send_too_much(made.client, in_pieces));
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(writer());
            heard = co_await support::read(made.server, 100'000);
            made.server.close();
        });
        REQUIRE(error);
        const bool gone = error->code() == std::errc::connection_reset || error->code() == std::errc::broken_pipe;
        CAPTURE(error->code());
        CHECK(gone);
        CHECK(error->operation() == coax::operation_name::sendall);
        CHECK(error->transferred() >= heard.size());
        CHECK(error->transferred() < large().size());
    });
}

TEST_CASE("closing or destroying a socket in mid-send ends the send with bad_file_descriptor") {
    const bool destroy = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        std::optional<coax::io_error> error;
        const auto writer = [&error](coax::socket& to) -> coax::task<> {
            error = co_await support::error_of(send_too_much(to, false));
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            coax::socket doomed = std::move(made.client);
            group.spawn(writer(doomed));
            co_await support::round_trip();
            CHECK_FALSE(error);
            if (!destroy)
                doomed.close();
        });
        REQUIRE(error);
        CHECK(error->code() == std::errc::bad_file_descriptor);
        CHECK(error->transferred() > 0);
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(heard.size() == error->transferred());
    });
}

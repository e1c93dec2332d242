// cancel_at_every_checkpoint, as programs use it in their tests.
#include "support/cancel_sweep.hpp"
#include "support/catch.hpp"

#include <coax/cancel_sweep.hpp>

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>
#include <string_view>

using namespace std::chrono_literals;

namespace {

coax::task<> three_yields() {
    for (int i = 0; i < 3; ++i)
        co_await coax::yield();
}

coax::task<> conversation() {
    auto [one, other] = coax::socketpair();
    co_await one.sendall("ping");
    const auto data = co_await other.recv(100);
    co_await other.sendall(data);
    const auto echo = co_await one.recv(100);
}

/// What the call throws says all of that.
template <class Call>
bool complains(Call call, std::initializer_list<std::string_view> words) {
    try {
        call();
    } catch (const std::runtime_error& error) {
        const std::string_view said = error.what();
        for (const std::string_view each : words)
            if (said.find(each) == said.npos)
                return false;
        return true;
    }
    return false;
}

} // namespace

TEST_CASE("a sweep cancels before and after each checkpoint, and once not at all") {
    int runs = 0;
    int whole = 0;
    const auto session = [&]() -> coax::task<> {
        ++runs;
        co_await three_yields();
        ++whole;
    };
    int checks = 0;
    CHECK(coax::cancel_at_every_checkpoint(session, [&] { ++checks; }) == 3);
    CHECK(runs == 8);
    CHECK(checks == 8);
    // After the last checkpoint the scope may be left before the cancellation comes.
    CHECK(whole >= 2);
}

TEST_CASE("a sweep of a conversation finds nothing, and as many checkpoints as the library's own") {
    const std::size_t checkpoints = coax::cancel_at_every_checkpoint(conversation);
    CHECK(checkpoints == support::cancel_at_every_checkpoint(conversation, support::strike::before));
    CHECK(checkpoints >= 4);
}

TEST_CASE("a sweep says at which checkpoint something is left behind") {
    coax::chunk kept;
    const auto session = [&]() -> coax::task<> {
        kept = coax::chunk();
        auto [one, other] = coax::socketpair();
        co_await one.sendall("ping");
        kept = co_await other.recv(100);
        co_await coax::yield();
    };
    CHECK(complains([&] { coax::cancel_at_every_checkpoint(session); }, {"before checkpoint", "1 buffers"}));
    kept = coax::chunk();
}

TEST_CASE("a sweep ends with what the session, the check or the limit says") {
    const auto fails = []() -> coax::task<> {
        co_await coax::yield();
        throw std::domain_error("of its own");
    };
    CHECK_THROWS_AS(coax::cancel_at_every_checkpoint(fails), std::domain_error);
    CHECK_THROWS_AS(coax::cancel_at_every_checkpoint(three_yields, [] { throw std::range_error("broken promise"); }),
                    std::range_error);
    const auto hangs = []() -> coax::task<> { co_await coax::sleep_for(1h); };
    const auto nothing = [] {};
    CHECK(complains([&] { coax::cancel_at_every_checkpoint(hangs, nothing, {.limit = 5ms}); }, {"in time"}));
    CHECK(complains([&] { coax::cancel_at_every_checkpoint(three_yields, nothing, {.most = 2}); }, {"more than 2"}));
}

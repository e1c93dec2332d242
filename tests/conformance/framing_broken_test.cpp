// A frame that was cut off is the last one; one of which nothing went out is not.
#include "support/catch.hpp"
#include "support/framing.hpp"
#include "support/hooks.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;
using coax::framed;
using coax::stream_errc;
using support::ending;
using support::prefixed;
using support::with_prefix;

namespace {

constexpr coax::framed_options roomy{.max_frame = 64 << 20};

/// Longer than any buffers between two ends.
const std::string& large() {
    static const std::string text = support::pattern(12 << 20);
    return text;
}

template <class Framed>
coax::task<> send_for_a_while(Framed& to, std::string_view body, support::send_outcome& out) {
    try {
        co_await coax::with_timeout(20ms, to.send(body));
        out.how = ending::value;
    } catch (const coax::timeout_error& error) {
        out = {ending::timeout, error.code(), error.transferred()};
    }
}

template <class Framed>
coax::task<> check_broken(Framed& to) {
    try {
        co_await to.send("more");
        FAIL("a frame went out behind one that was cut off");
    } catch (const coax::frame_error& error) {
        CHECK(error.code() == stream_errc::broken_stream);
        CHECK(error.operation() == coax::operation_name::frame_send);
        CHECK(error.peer() == to.getpeername());
        CHECK(error.transferred() == 0);
    }
}

/// All that the peer hears is the beginning of the large frame.
coax::task<> check_cut_off(framed<prefixed>& from, coax::socket& peer, std::size_t transferred) {
    CHECK(transferred > 0);
    CHECK(transferred < large().size());
    from.close();
    const std::string heard = co_await support::read_to_end(peer);
    CHECK(heard.size() == transferred);
    CHECK(support::same_up_to(heard, with_prefix(large())) == transferred);
}

} // namespace

TEST_CASE("nothing goes out behind a frame that timed out in the middle") {
    const bool timers_first = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        const support::timers_first order(timers_first);
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.client), {}, roomy);
        support::send_outcome out;
        co_await send_for_a_while(messages, large(), out);
        CHECK(out.how == ending::timeout);
        co_await check_broken(messages);
        co_await check_broken(messages);
        co_await check_cut_off(messages, made.server, out.transferred);
    });
}

TEST_CASE("nothing goes out behind a frame that the socket's own limit cut off") {
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.client), {}, roomy);
        messages.source().settimeout(20ms);
        support::send_outcome out;
        co_await support::note_send(messages, large(), out);
        CHECK(out.how == ending::timeout);
        co_await check_broken(messages);
        co_await check_cut_off(messages, made.server, out.transferred);
    });
}

TEST_CASE("those who wait behind a frame that is cut off send nothing") {
    const bool timeout = GENERATE(false, true);
    const coax::family family = GENERATE(from_range(support::families()));
    INFO(support::name_of(family) << (timeout ? ", timeout" : ", cancellation"));
    support::run([&]() -> coax::task<> {
        support::connection made = co_await support::connected(family);
        framed<prefixed> messages(std::move(made.client), {}, roomy);
        support::send_outcome first;
        support::send_outcome behind[5];
        coax::cancel_scope* scope = nullptr;
        const auto cut_off = [&]() -> coax::task<> {
            if (timeout) {
                co_await send_for_a_while(messages, large(), first);
            } else {
                const auto body = [&](coax::cancel_scope& opened) -> coax::task<> {
                    scope = &opened;
                    co_await support::note_send(messages, large(), first);
                };
                co_await coax::with_cancel_scope(body);
            }
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(cut_off());
            for (support::send_outcome& each : behind)
                group.spawn(support::note_send(messages, "behind", each));
            co_await support::round_trip();
            co_await support::round_trip();
            if (!timeout)
                scope->cancel();
        });
        CHECK(first.how == (timeout ? ending::timeout : ending::cancelled));
        for (const support::send_outcome& each : behind) {
            CHECK(each.how == ending::error);
            CHECK(each.code == stream_errc::broken_stream);
        }
        co_await check_broken(messages);
        co_await check_cut_off(messages, made.server, first.transferred);
    });
}

TEST_CASE("those who wait behind a frame that is destroyed in the middle send nothing") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.client), {}, roomy);
        support::send_outcome behind;
        const auto send_large = [&]() -> support::destructible { co_await messages.send(large()); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            support::destructible first = send_large();
            group.spawn(support::note_send(messages, "behind", behind));
            co_await support::round_trip();
            CHECK_FALSE(first.done());
            first.destroy();
        });
        CHECK(behind.how == ending::error);
        CHECK(behind.code == stream_errc::broken_stream);
        co_await check_broken(messages);
        messages.close();
        const std::string heard = co_await support::read_to_end(made.server);
        CHECK(support::same_up_to(heard, with_prefix(large())) == heard.size());
    });
}

TEST_CASE("nothing goes out behind a frame in which the peer went away") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.client), {}, roomy);
        support::send_outcome first;
        support::send_outcome behind;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note_send(messages, large(), first));
            group.spawn(support::note_send(messages, "behind", behind));
            co_await support::read(made.server, 100'000);
            made.server.close();
        });
        CHECK(first.how == ending::error);
        CHECK(first.transferred > 0);
        CHECK(behind.code == stream_errc::broken_stream);
        support::send_outcome last;
        co_await support::note_send(messages, "more", last);
        CHECK(last.code == stream_errc::broken_stream);
    });
}

TEST_CASE("a send of which nothing went out does no harm") {
    const bool cancel = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        framed<prefixed> messages(std::move(pair.first));
        const std::size_t before = co_await support::fill(messages.source());
        support::send_outcome first;
        if (cancel) {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note_send(messages, "first", first));
                co_await support::round_trip();
                group.cancel();
            });
            CHECK(first.how == ending::cancelled);
        } else {
            co_await send_for_a_while(messages, "first", first);
            CHECK(first.how == ending::timeout);
        }
        CHECK(first.transferred == 0);
        co_await support::read(pair.second, before);
        co_await messages.send("second");
        messages.close();
        co_await support::expect_bytes(pair.second, with_prefix("second"));
    });
}

TEST_CASE("one who waits for its turn can give up without harm to the others") {
    support::run([]() -> coax::task<> {
        support::connection made = co_await support::connected(coax::family::inet);
        framed<prefixed> messages(std::move(made.client), {}, roomy);
        framed<prefixed> other(std::move(made.server), {}, roomy);
        support::send_outcome first;
        support::send_outcome second;
        support::send_outcome third;
        const auto give_up = [&]() -> coax::task<> { co_await send_for_a_while(messages, "second", second); };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note_send(messages, large(), first));
            group.spawn(give_up());
            group.spawn(support::note_send(messages, "third", third));
            co_await support::until([&] { return second.how != ending::none; });
            co_await support::expect_frame(other, large());
            co_await support::expect_frame(other, "third");
        });
        CHECK(first.how == ending::value);
        CHECK(second.how == ending::timeout);
        CHECK(second.transferred == 0);
        CHECK(third.how == ending::value);
    });
}

// Waits on channels that are cut short: the item stays with its sender or goes to a receiver, never anywhere else.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::destructible;
using support::ending;
using support::waiting;

TEST_CASE("a wait on a channel is refused, limited and cut short, and the sender keeps its item") {
    support::run([]() -> coax::task<> {
        for (const std::size_t capacity : {0U, 1U}) {
            coax::channel<std::string> items(capacity);
            std::string mine = "mine";
            co_await support::check_refused([&] { return items.send(std::move(mine)); });
            co_await support::check_refused([&] { return items.recv(); });
            co_await support::check_limited([&] { return items.recv(); });
            co_await support::check_cut_short([&] { return items.recv(); });
            CHECK(items.size() == 0);
            CHECK(mine == "mine");
            if (capacity == 1)
                co_await items.send("first");
            co_await support::check_refused([&] { return items.send(std::move(mine)); });
            co_await support::check_refused([&] { return items.send(std::as_const(mine)); });
            co_await support::check_limited([&] { return items.send(std::move(mine)); });
            co_await support::check_limited([&] { return items.send(std::as_const(mine)); });
            co_await support::check_cut_short([&] { return items.send(std::move(mine)); });
            co_await support::check_cut_short([&] { return items.send(std::as_const(mine)); });
            CHECK(mine == "mine");
            // Refused, it takes nothing.
            co_await support::check_refused([&] { return items.recv(); });
            CHECK(items.size() == capacity);
            items.close();
            co_await support::check_refused([&] { return items.send(std::move(mine)); });
            if (capacity == 1)
                CHECK(items.try_recv() == "first");
            co_await support::check_refused([&] { return items.recv(); });
        }
    });
}

TEST_CASE("a limit that does not pass gives the item through") {
    support::run([]() -> coax::task<> {
        coax::channel<std::string> items(1);
        co_await coax::with_timeout(10s, items.send("word"));
        const auto got = co_await coax::with_timeout(10s, items.recv());
        CHECK(got == "word");
        co_await coax::with_timeout(0s, items.send("word"));
        const auto again = co_await coax::as_result(coax::with_timeout(0s, items.recv()));
        CHECK(**again == "word");
    });
}

TEST_CASE("one who waits to receive is cancelled or destroyed, the others get the items in their order") {
    const bool destroyed = GENERATE(false, true);
    const std::size_t victim = GENERATE(0U, 1U, 2U);
    support::run([&]() -> coax::task<> {
        coax::channel<int> items(0);
        std::string log;
        const auto receive = [&](char name) -> coax::task<> {
            const std::optional<int> got = co_await items.recv();
            log += name + std::to_string(got.value_or(-1));
        };
        coax::cancel_scope* scope = nullptr;
        ending how = ending::none;
        std::vector<destructible> doomed;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const std::size_t index : {0U, 1U, 2U}) {
                if (index != victim)
                    group.spawn(receive(static_cast<char>('a' + index)));
                else if (destroyed)
                    doomed.push_back(support::awaiting([&] { return items.recv(); }));
                else
                    group.spawn(support::note_in_scope(scope, [&] { return items.recv(); }, how));
            }
            if (destroyed)
                doomed.clear();
            else
                scope->cancel();
            CHECK(waiting() == 2);
            co_await items.send(1);
            co_await items.send(2);
        };
        co_await coax::with_task_group(body);
        const char* const expected[] = {"b1c2", "a1c2", "a1b2"};
        CHECK(log == expected[victim]);
        CHECK(how == (destroyed ? ending::none : ending::cancelled));
    });
}

TEST_CASE("one who waits to send is cancelled or destroyed, the items of the others come in their order") {
    const std::size_t capacity = GENERATE(0U, 1U);
    const bool destroyed = GENERATE(false, true);
    const std::size_t victim = GENERATE(0U, 1U, 2U);
    support::run([&]() -> coax::task<> {
        coax::channel<std::string> items(capacity);
        if (capacity == 1)
            co_await items.send("-");
        coax::cancel_scope* scope = nullptr;
        ending how[3] = {};
        std::string words[] = {"a", "b", "c"};
        std::vector<destructible> doomed;
        const auto send = [&](std::size_t index) { return items.send(std::move(words[index])); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const std::size_t index : {0U, 1U, 2U}) {
                if (index != victim)
                    group.spawn(support::note([&, index] { return send(index); }, how[index]));
                else if (destroyed)
                    doomed.push_back(support::awaiting([&, index] { return send(index); }));
                else
                    group.spawn(support::note_in_scope(scope, [&, index] { return send(index); }, how[index]));
            }
            if (destroyed)
                doomed.clear();
            else
                scope->cancel();
            CHECK(waiting() == 2);
            std::string got;
            while (const std::optional<std::string> next = items.try_recv())
                got += *next;
            const char* const expected[] = {"bc", "ac", "ab"};
            CHECK(got == (capacity == 1 ? "-" : "") + std::string(expected[victim]));
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(words[victim] == std::string(1, static_cast<char>('a' + victim)));
        CHECK(how[victim] == (destroyed ? ending::none : ending::cancelled));
    });
}

TEST_CASE("what was handed over is not lost to a cancellation in the same turn, on neither side") {
    support::run([]() -> coax::task<> {
        for (const std::size_t capacity : {0U, 1U}) {
            coax::channel<std::string> items(capacity);
            coax::cancel_scope* scope = nullptr;
            std::optional<std::string> got;
            ending how = ending::none;
            const auto receive = [&]() -> coax::task<> { got = co_await items.recv(); };
            const auto receiving = [&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note_in_scope(scope, receive, how));
                co_await items.send("word");
                scope->cancel();
            };
            co_await coax::with_task_group(receiving);
            CHECK(how == ending::value);
            CHECK(got == "word");
            CHECK(items.size() == 0);

            if (capacity == 1)
                co_await items.send("first");
            std::string mine = "mine";
            how = ending::none;
            const auto sending = [&](coax::task_group& group) -> coax::task<> {
                group.spawn(support::note_in_scope(scope, [&] { return items.send(std::move(mine)); }, how));
                got = co_await items.recv();
                scope->cancel();
            };
            co_await coax::with_task_group(sending);
            CHECK(how == ending::value);
            if (capacity == 1)
                got = items.try_recv();
            CHECK(got == "mine");
            CHECK(mine != "mine");
        }
    });
}

TEST_CASE("an item whose receiver is destroyed before it looked goes to the receiver that waits") {
    support::run([]() -> coax::task<> {
        coax::channel<std::string> items(0);
        std::optional<std::string> got;
        const auto receive = [&]() -> coax::task<> { got = co_await items.recv(); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            destructible first = support::awaiting([&] { return items.recv(); });
            destructible second = support::awaiting([&] { return items.recv(); });
            group.spawn(receive());
            co_await items.send("word");
            first.destroy();
            second.destroy();
        };
        co_await coax::with_task_group(body);
        CHECK(got == "word");
        CHECK(items.size() == 0);
    });
}

TEST_CASE("items whose receivers are destroyed before they looked are received first, in their order") {
    const std::size_t capacity = GENERATE(0U, 1U, 3U);
    const bool backwards = GENERATE(false, true);
    support::run([&]() -> coax::task<> {
        coax::channel<std::string> items(capacity);
        for (int round = 0; round < 2; ++round) {
            std::vector<destructible> doomed;
            for (int index = 0; index < 3; ++index)
                doomed.push_back(support::awaiting([&] { return items.recv(); }));
            for (const char* const word : {"1", "2", "3"}) {
                std::string sent = word;
                CHECK(items.try_send(std::move(sent)));
            }
            for (std::size_t filled = 0; filled < capacity; ++filled)
                CHECK(items.try_send(std::to_string(4 + filled)));
            CHECK(items.size() == capacity);
            for (std::size_t index = 0; index < 3; ++index)
                doomed[backwards ? 2 - index : index].destroy();
            CHECK(items.size() == capacity + 3);
            std::string late = "late";
            CHECK_FALSE(items.try_send(std::move(late)));

            // Those that get them now and are destroyed as well change nothing.
            co_await support::spend_budget();
            destructible again = support::awaiting([&] { return items.recv(); });
            destructible too = support::awaiting([&] { return items.recv(); });
            CHECK_FALSE(too.done());
            CHECK(items.size() == capacity + 1);
            if (backwards)
                too.destroy();
            again.destroy();
            too.destroy();
            std::string got;
            while (const std::optional<std::string> next = items.try_recv())
                got += *next;
            CHECK(got == std::string("123456").substr(0, 3 + capacity));
        }
        // Left in the channel they are destroyed with it.
        destructible last = support::awaiting([&] { return items.recv(); });
        CHECK(items.try_send(std::string(100, 'x')));
        last.destroy();
        CHECK(items.size() == 1);
    });
}

TEST_CASE("an item keeps its place among others on its way through several receivers that are destroyed") {
    support::run([]() -> coax::task<> {
        coax::channel<int> items(2);
        destructible first = support::awaiting([&] { return items.recv(); });
        destructible second = support::awaiting([&] { return items.recv(); });
        destructible third = support::awaiting([&] { return items.recv(); });
        co_await items.send(1);
        co_await items.send(2);
        second.destroy(); // its item goes to the third
        first.destroy();
        third.destroy();
        CHECK(items.try_recv() == 1);
        CHECK(items.try_recv() == 2);
    });
}

TEST_CASE("items that are given back are not lost to a closed channel, and senders wait until they are gone") {
    support::run([]() -> coax::task<> {
        coax::channel<int> items(1);
        ending sender = ending::none;
        const int third = 3;
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            destructible victim = support::awaiting([&] { return items.recv(); });
            co_await items.send(1);
            co_await items.send(2);
            group.spawn(support::note([&] { return items.send(third); }, sender));
            victim.destroy();
            CHECK(items.size() == 2);
            CHECK(items.try_recv() == 1);
            CHECK(items.size() == 1);
            CHECK(waiting() == 1);
            CHECK(items.try_recv() == 2);
            CHECK(waiting() == 0);
        };
        co_await coax::with_task_group(body);
        CHECK(sender == ending::value);
        CHECK(items.try_recv() == 3);

        destructible victim = support::awaiting([&] { return items.recv(); });
        co_await items.send(4);
        items.close();
        victim.destroy();
        const std::optional<int> got = co_await items.recv();
        CHECK(got == 4);
        const std::optional<int> end = co_await items.recv();
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("those who wait on a channel at the end of a run are cancelled") {
    coax::channel<int> empty(1);
    coax::channel<int> full(0);
    const auto receive = [&]() -> support::fire_and_forget { static_cast<void>(co_await empty.recv()); };
    const auto send = [&]() -> support::fire_and_forget { co_await full.send(1); };
    support::run([&]() -> coax::task<> {
        receive();
        send();
        CHECK(waiting() == 2);
        co_return;
    });
    CHECK_FALSE(full.try_recv());
}

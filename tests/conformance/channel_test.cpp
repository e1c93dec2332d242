// Channels: each item reaches one receiver, in order, whatever is closed, cancelled or destroyed on the way.
#include "support/catch.hpp"
#include "support/many.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
#include "support/sync.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using support::destructible;
using support::ending;
using support::waiting;

namespace {

struct item {
    int producer = 0;
    int number = 0;
};

} // namespace

TEST_CASE("each item of many senders reaches one of many receivers, those of one sender in their order") {
    const std::size_t capacity = GENERATE(0U, 1U, 2U, 7U, 1000U);
    const int receivers = GENERATE(1, 3);
    support::run([&]() -> coax::task<> {
        constexpr int producers = 4;
        constexpr int each = 500;
        coax::channel<item> items(capacity);
        std::vector<int> seen(producers * each, 0);
        int disorder = 0;
        std::size_t most = 0;
        int running = producers;
        const auto produce = [&](int name) -> coax::task<> {
            for (int number = 0; number < each; ++number) {
                co_await items.send(item{name, number});
                most = std::max(most, items.size());
                if ((number + name) % 7 == 0)
                    co_await coax::yield();
            }
            if (--running == 0)
                items.close();
        };
        const auto consume = [&](int name) -> coax::task<> {
            std::vector<int> last(producers, -1);
            while (const std::optional<item> got = co_await items.recv()) {
                ++seen[static_cast<std::size_t>(got->producer * each + got->number)];
                int& before = last[static_cast<std::size_t>(got->producer)];
                disorder += got->number > before ? 0 : 1;
                before = got->number;
                if ((got->number + name) % 5 == 0)
                    co_await coax::yield();
            }
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (int name = 0; name < receivers; ++name)
                group.spawn(consume(name));
            for (int name = 0; name < producers; ++name)
                group.spawn(produce(name));
            co_return;
        };
        co_await coax::with_task_group(body);
        int mistakes = 0;
        for (const int count : seen)
            mistakes += count == 1 ? 0 : 1;
        CHECK(mistakes == 0);
        CHECK(disorder == 0);
        CHECK(most <= capacity);
        CHECK(items.size() == 0);
    });
}

TEST_CASE("a sender waits while the channel is full, with capacity 0 until its item is taken") {
    support::run([]() -> coax::task<> {
        for (const std::size_t capacity : {0U, 1U, 3U}) {
            coax::channel<int> items(capacity);
            CHECK(items.capacity() == capacity);
            std::size_t sent = 0;
            const auto produce = [&]() -> coax::task<> {
                for (int number = 0; number < 10; ++number) {
                    co_await items.send(number);
                    ++sent;
                }
            };
            const auto body = [&](coax::task_group& group) -> coax::task<> {
                group.spawn(produce());
                co_await support::round_trip();
                CHECK(sent == capacity);
                CHECK(items.size() == capacity);
                for (int number = 0; number < 10; ++number) {
                    const std::optional<int> got = co_await items.recv();
                    CHECK(got == number);
                    co_await support::round_trip();
                    CHECK(sent == std::min<std::size_t>(10, capacity + static_cast<std::size_t>(number) + 1));
                }
            };
            co_await coax::with_task_group(body);
        }
    });
}

TEST_CASE("receivers and senders are served first come, first served, and nobody overtakes") {
    support::run([]() -> coax::task<> {
        coax::channel<int> items(1);
        std::string log;
        const auto receive = [&](char name) -> coax::task<> {
            const std::optional<int> got = co_await items.recv();
            log += name + std::to_string(got.value_or(-1));
        };
        const auto send = [&](int number) -> coax::task<> { co_await items.send(std::move(number)); };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (const char name : {'a', 'b', 'c'})
                group.spawn(receive(name));
            for (int number = 1; number <= 3; ++number) {
                int copy = number;
                CHECK(items.try_send(std::move(copy)));
            }
            // All three are handed over before any of them has run.
            CHECK(items.size() == 0);
            CHECK_FALSE(items.try_recv());
            co_await coax::yield();
            CHECK(log == "a1b2c3");

            for (int number = 4; number <= 6; ++number)
                group.spawn(send(number));
            CHECK(waiting() == 2);
            int late = 7;
            CHECK_FALSE(items.try_send(std::move(late)));
            CHECK(items.try_recv() == 4);
            // The freed place belongs to the sender that waits.
            CHECK_FALSE(items.try_send(std::move(late)));
            CHECK(items.try_recv() == 5);
            CHECK(items.try_recv() == 6);
            CHECK(waiting() == 0);
        };
        co_await coax::with_task_group(body);
    });
}

TEST_CASE("items need not be copyable nor have a default, and are destroyed once") {
    int alive = 0;
    {
        struct token {
            explicit token(int& count) : self(count), payload(std::make_unique<int>(5)) {}
            support::counted self; // those that were moved from count as well
            std::unique_ptr<int> payload;
        };
        coax::channel<token> items(3);
        support::run([&]() -> coax::task<> {
            for (int number = 0; number < 3; ++number)
                co_await items.send(token(alive));
            CHECK(alive == 3);
            std::optional<token> got = co_await items.recv();
            CHECK(alive == 3);
            CHECK(*got->payload == 5);
            got.reset();
            CHECK(alive == 2);
            CHECK(items.try_recv().has_value());
            CHECK(alive == 1);
        });
        CHECK(items.size() == 1);
    }
    CHECK(alive == 0);
}

TEST_CASE("of what stays with the sender a copy is sent, made when send is called") {
    support::run([]() -> coax::task<> {
        coax::channel<std::string> items(0);
        std::string word(100, 'w');
        const std::string original = word;
        const auto send = [&]() -> coax::task<> {
            auto sending = items.send(word);
            word = "changed";
            co_await sending;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(send());
            const std::optional<std::string> got = co_await items.recv();
            CHECK(got == original);
        };
        co_await coax::with_task_group(body);
        CHECK(word == "changed");
    });
}

TEST_CASE("items stand where their alignment wants them") {
    struct probe {
        explicit probe(bool& place) : good(&place) {}
        probe(probe&& other) noexcept : good(other.good) {
            *good = *good && reinterpret_cast<std::uintptr_t>(this) % alignof(probe) == 0;
        }
        alignas(std::max_align_t) bool* good;
        char odd = 0;
    };
    support::run([]() -> coax::task<> {
        bool good = true;
        coax::channel<probe> items(3);
        for (int round = 0; round < 5; ++round) {
            destructible victim = support::awaiting([&] { return items.recv(); });
            for (int number = 0; number < 3; ++number)
                CHECK(items.try_send(probe(good)));
            victim.destroy();
            for (int number = 0; number < 3; ++number)
                CHECK(items.try_recv().has_value());
        }
        CHECK(good);
        co_return;
    });
}

TEST_CASE("a capacity beyond all memory is refused") {
    CHECK_THROWS_AS(coax::channel<int>(std::numeric_limits<std::size_t>::max() / 2), std::bad_alloc);
    CHECK_THROWS_AS(coax::channel<std::string>(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
}

TEST_CASE("a closed channel refuses items and gives those that it has") {
    support::run([]() -> coax::task<> {
        coax::channel<std::string> items(2);
        co_await items.send("a");
        co_await items.send("b");
        ending sender = ending::none;
        std::string kept = "kept";
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note([&] { return items.send(std::move(kept)); }, sender));
            CHECK_FALSE(items.closed());
            items.close();
            items.close();
            CHECK(items.closed());
            CHECK(waiting() == 0);
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(sender == ending::error);
        CHECK(kept == "kept");
        try {
            co_await items.send(std::move(kept));
            CHECK(false);
        } catch (const coax::io_error& error) {
            CHECK(error.code() == std::errc::broken_pipe);
            CHECK(error.operation() == coax::operation_name::channel_send);
        }
        const auto outcome = co_await coax::as_result(items.send(std::move(kept)));
        CHECK_FALSE(outcome.has_value());
        CHECK(outcome.error() == std::errc::broken_pipe);
        CHECK_FALSE(items.try_send(std::move(kept)));
        CHECK(kept == "kept");
        const std::optional<std::string> first = co_await items.recv();
        CHECK(first == "a");
        CHECK(items.try_recv() == "b");
        const std::optional<std::string> end = co_await items.recv();
        CHECK_FALSE(end.has_value());
        const auto ended = co_await coax::as_result(items.recv());
        CHECK(ended.has_value());
        CHECK_FALSE(ended->has_value());
        CHECK_FALSE(items.try_recv());
        CHECK_FALSE(items.try_send(std::move(kept)));
        CHECK(kept == "kept");
    });
}

TEST_CASE("closing a channel ends those who wait to receive") {
    support::run([]() -> coax::task<> {
        const std::size_t capacity = 1;
        coax::channel<int> items(capacity);
        int empty = 0;
        std::optional<int> handed;
        const auto receive = [&]() -> coax::task<> {
            const std::optional<int> got = co_await items.recv();
            if (got)
                handed = got;
            else
                ++empty;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            for (int index = 0; index < 3; ++index)
                group.spawn(receive());
            // What was handed over before is not taken away.
            int number = 5;
            CHECK(items.try_send(std::move(number)));
            items.close();
            CHECK(waiting() == 0);
            co_return;
        };
        co_await coax::with_task_group(body);
        CHECK(handed == 5);
        CHECK(empty == 2);
    });
}

TEST_CASE("a million items that need no waiting neither nest nor keep others from running") {
    support::run([]() -> coax::task<> {
        coax::channel<int> items(1);
        const auto pass = [&]() -> coax::task<> {
            co_await items.send(1);
            static_cast<void>(co_await items.recv());
        };
        co_await support::check_runs_on(pass);
        items.close();
        co_await support::check_runs_on([&] { return items.recv(); });
    });
}

TEST_CASE("a million items are handed over between two tasks") {
    const std::size_t capacity = GENERATE(0U, 1U, 100U);
    support::run([&]() -> coax::task<> {
        coax::channel<int> items(capacity);
        constexpr int count = support::many(1'000'000);
        int next = 0;
        const auto consume = [&]() -> coax::task<> {
            while (const std::optional<int> got = co_await items.recv())
                next += *got == next ? 1 : 0;
        };
        const auto body = [&](coax::task_group& group) -> coax::task<> {
            group.spawn(consume());
            for (int number = 0; number < count; ++number)
                co_await items.send(number);
            items.close();
        };
        co_await coax::with_task_group(body);
        CHECK(next == count);
    });
}

TEST_CASE("try_send copies what has a name, and only if there is room") {
    support::run([]() -> coax::task<> {
        struct item {
            explicit item(int& copied) noexcept : copies(&copied) {}
            item(const item& other) : copies(other.copies) { ++*copies; }
            item(item&& other) noexcept = default;
            item& operator=(const item&) = default;
            ~item() = default;
            int* copies;
        };
        int copies = 0;
        const item original(copies);
        coax::channel<item> items(1);
        CHECK(items.try_send(original));
        CHECK(copies == 1);
        CHECK_FALSE(items.try_send(original));
        CHECK(copies == 1);
        CHECK(items.try_recv().has_value());
        items.close();
        CHECK_FALSE(items.try_send(original));
        CHECK(copies == 1);
        // Straight to a receiver that waits.
        coax::channel<std::string> words(0);
        std::string heard;
        const auto listen = [&]() -> coax::task<> {
            const auto word = co_await words.recv();
            heard = word.value_or("nothing");
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            const std::string word = "word";
            CHECK_FALSE(words.try_send(word));
            group.spawn(listen());
            CHECK(words.try_send(word));
            CHECK(word == "word");
            co_return;
        });
        CHECK(heard == "word");
    });
}

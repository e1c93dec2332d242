// Awaiting several things at the same time.
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/many.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

namespace {

coax::task<int> after(coax::clock::duration time, int value) {
    co_await coax::sleep_for(time);
    co_return value;
}

coax::task<int> failing_after(coax::clock::duration time, std::string what) {
    co_await coax::sleep_for(time);
    throw std::runtime_error(what);
}

coax::task<int> now(int value) { co_return value; }

} // namespace

TEST_CASE("when_all gives the values of all, in the order in which they are written") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        int target = 0;
        const auto reference = [&]() -> coax::task<int&> { co_return target; };
        const auto unique = []() -> coax::task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
        auto all = co_await coax::when_all(after(2ms, 1), pair.second.recv(10), reference(), unique(),
                                           pair.first.sendall("hello"), coax::sleep_for(1ms));
        static_assert(
            std::is_same_v<decltype(all),
                           std::tuple<int, coax::chunk, int&, std::unique_ptr<int>, std::monostate, std::monostate>>);
        CHECK(std::get<0>(all) == 1);
        CHECK(std::get<1>(all).text() == "hello");
        CHECK(&std::get<2>(all) == &target);
        CHECK(*std::get<3>(all) == 3);
    });
}

TEST_CASE("when_all of a vector gives a vector") {
    support::run([]() -> coax::task<> {
        std::vector<coax::task<int>> tasks;
        for (int index = 0; index < 1000; ++index)
            tasks.push_back(after(std::chrono::microseconds(1000 - index), index));
        const std::vector<int> all = co_await coax::when_all(std::move(tasks));
        REQUIRE(all.size() == 1000);
        for (int index = 0; index < 1000; ++index)
            REQUIRE(all[static_cast<std::size_t>(index)] == index);
        const std::vector<int> none = co_await coax::when_all(std::vector<coax::task<int>>());
        CHECK(none.empty());
        int ended = 0;
        const auto count = [&]() -> coax::task<> {
            co_await coax::yield();
            ++ended;
        };
        std::vector<coax::task<>> without_value;
        for (int index = 0; index < 10; ++index)
            without_value.push_back(count());
        co_await coax::when_all(std::move(without_value));
        CHECK(ended == 10);
    });
}

TEST_CASE("branches run at the same time") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto ask = [&]() -> coax::task<> {
            co_await pair.first.sendall("ask");
            co_await support::read(pair.first, 6);
        };
        const auto answer = [&]() -> coax::task<> {
            co_await support::read(pair.second, 3);
            co_await pair.second.sendall("answer");
        };
        co_await coax::when_all(ask(), answer());
        CHECK(coax::scheduler::current().stats().waiting == 0);
    });
}

TEST_CASE("what a branch owned is gone when the branch has ended, not when all have") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto send = [](coax::socket to) -> coax::task<> { co_await to.sendall("last words"); };
        const auto [heard, sent] =
            co_await coax::when_all(support::read_to_end(pair.second), send(std::move(pair.first)));
        CHECK(heard == "last words");
        coax::socket_pair other = coax::socketpair();
        std::vector<coax::task<>> tasks;
        const auto receive = [&]() -> coax::task<> {
            const std::string text = co_await support::read_to_end(other.second);
            CHECK(text == "last words");
        };
        tasks.push_back(receive());
        tasks.push_back(send(std::move(other.first)));
        co_await coax::when_all(std::move(tasks));
    });
}

TEST_CASE("the first failure of when_all cancels the others and is thrown unchanged; further ones are reported") {
    std::vector<std::string> reported;
    const auto note = [&](std::exception_ptr error) {
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::exception& e) {
            reported.emplace_back(e.what());
        }
    };
    coax::scheduler_options options;
    options.on_suppressed = note;
    support::run(
        [&]() -> coax::task<> {
            const auto fails_unwinding = []() -> coax::task<> {
                try {
                    co_await coax::sleep_for(1h);
                } catch (const coax::cancelled&) {
                    throw std::runtime_error("second");
                }
            };
            std::string what;
            try {
                co_await coax::when_all(after(1h, 1), failing_after(1ms, "first"), fails_unwinding());
            } catch (const std::runtime_error& error) {
                what = error.what();
            }
            CHECK(what == "first");
            CHECK(coax::scheduler::current().stats().timers == 0);
        },
        options);
    CHECK(reported == std::vector<std::string>{"second"});
}

TEST_CASE("when_all of results fails nobody") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::socket closed;
        co_await pair.first.sendall("kept");
        auto [data, error] =
            co_await coax::when_all(coax::as_result(pair.second.recv(10)), coax::as_result(closed.recv(10)));
        REQUIRE(data);
        CHECK(data->text() == "kept");
        CHECK(error.error() == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("when_any is over with the first to end, and the others are cancelled and waited for") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        bool unwound = false;
        const auto slow = [&]() -> coax::task<> {
            const auto cleanup = [&]() -> coax::task<> {
                co_await coax::sleep_for(2ms);
                unwound = true;
            };
            const auto wait = [&]() -> coax::task<> { static_cast<void>(co_await pair.first.recv(1)); };
            co_await coax::finally(wait(), cleanup);
        };
        const auto outcome = co_await coax::when_any(slow(), after(1ms, 9));
        CHECK(outcome.index == 1);
        CHECK(unwound);
        CHECK(*std::get<1>(outcome.slots) == 9);
        CHECK(std::get<0>(outcome.slots).error().why() == coax::failure::cause::cancelled);
    });
}

TEST_CASE("when_any is over with the first to fail as well, and throws nothing") {
    support::run([]() -> coax::task<> {
        const auto outcome = co_await coax::when_any(after(1h, 1), failing_after(1ms, "boom"));
        CHECK(outcome.index == 1);
        std::string what;
        try {
            std::get<1>(outcome.slots).value();
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        CHECK(what == "boom");
    });
}

TEST_CASE("after a branch that ends at once the others do no I/O") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto outcome = co_await coax::when_any(now(1), pair.first.sendall("never"), now(2));
        CHECK(outcome.index == 0);
        CHECK(std::get<1>(outcome.slots).error().why() == coax::failure::cause::cancelled);
        // A task without a checkpoint has nothing to be refused at.
        CHECK(*std::get<2>(outcome.slots) == 2);
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.empty());
    });
}

TEST_CASE("what a loser had completed is in its slot") {
    for (int pairs = 0; pairs < 20; ++pairs) {
        support::run([]() -> coax::task<> {
            coax::socket_pair one = coax::socketpair();
            coax::socket_pair other = coax::socketpair();
            std::size_t heard = 0;
            // As often as the same receive may win at once, without that what the other's peer sends finds no more room.
            constexpr std::size_t rounds = 100;
            for (std::size_t round = 0; round < rounds; ++round) {
                const auto feed = [&]() -> coax::task<> {
                    // Both in the same turn of the loop, mostly: one of the two receives wins.
                    co_await one.first.sendall("x");
                    co_await other.first.sendall("y");
                };
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(feed());
                    auto outcome = co_await coax::when_any(one.second.recv(8), other.second.recv(8));
                    if (std::get<0>(outcome.slots))
                        heard += std::get<0>(outcome.slots)->size();
                    if (std::get<1>(outcome.slots))
                        heard += std::get<1>(outcome.slots)->size();
                });
            }
            one.first.close();
            other.first.close();
            const std::string left =
                co_await support::read_to_end(one.second) + co_await support::read_to_end(other.second);
            CHECK(heard + left.size() == 2 * rounds);
        });
    }
}

TEST_CASE("a branch that cannot begin fails with the reason, and is no cancellation") {
    support::run([]() -> coax::task<> {
        coax::task<int> taken = now(1);
        coax::task<int> other = std::move(taken);
        CHECK_THROWS_AS(co_await coax::when_all(std::move(taken), now(2)), std::logic_error);
        const auto outcome = co_await coax::when_any(std::move(taken), coax::sleep_for(1h));
        CHECK(outcome.index == 0);
        CHECK(std::get<0>(outcome.slots).error().why() == coax::failure::cause::exception);
        const int value = co_await std::move(other);
        CHECK(value == 1);
    });
}

TEST_CASE("a value whose move throws is a failure, wherever on its way it throws") {
    struct heavy {
        explicit heavy(int& left) : moves_left(&left) {}
        heavy(heavy&& from) : moves_left(from.moves_left) {
            if (--*moves_left == 0)
                throw std::runtime_error("too heavy");
        }
        int* moves_left;
    };
    support::run([]() -> coax::task<> {
        const auto make = [](int& left) -> coax::task<heavy> { co_return heavy(left); };
        int thrown = 0;
        for (int moves = 1; moves < 12; ++moves) {
            for (const bool all : {true, false}) {
                int left = moves;
                std::string what;
                try {
                    if (all) {
                        const auto both = co_await coax::when_all(make(left), coax::yield());
                        static_cast<void>(both);
                    } else {
                        auto outcome = co_await coax::when_any(make(left), coax::sleep_for(1h));
                        if (!std::get<0>(outcome.slots))
                            std::get<0>(outcome.slots).error().raise();
                    }
                } catch (const std::runtime_error& error) {
                    what = error.what();
                }
                if (left <= 0) {
                    CHECK(what == "too heavy");
                    ++thrown;
                } else {
                    CHECK(what.empty());
                }
            }
        }
        CHECK(thrown > 4);
    });
}

TEST_CASE("when_any of a vector, and of nothing") {
    support::run([]() -> coax::task<> {
        std::vector<coax::task<int>> tasks;
        for (int index = 0; index < 100; ++index)
            tasks.push_back(after(index == 42 ? 1ms : 1h, index));
        const auto outcome = co_await coax::when_any(std::move(tasks));
        CHECK(outcome.index == 42);
        REQUIRE(outcome.slots.size() == 100);
        CHECK(*outcome.slots[42] == 42);
        CHECK(outcome.slots[41].error().why() == coax::failure::cause::cancelled);
        CHECK_THROWS_AS(coax::when_any(std::vector<coax::task<int>>()), std::invalid_argument);
    });
}

TEST_CASE("a cancellation from outside cancels the branches and is thrown when nothing had completed") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        ending all = ending::none;
        ending any = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(
                [&]() -> coax::task<> { co_await coax::when_all(pair.first.recv(1), coax::sleep_for(1h)); }, all));
            group.spawn(support::note(
                [&]() -> coax::task<> { co_await coax::when_any(pair.first.recv(1), coax::sleep_for(1h)); }, any));
            co_await support::until_waiting(4);
            group.cancel();
        });
        CHECK(all == ending::cancelled);
        CHECK(any == ending::cancelled);
        const ending limited = co_await support::ending_of([&]() -> coax::task<> {
            co_await coax::with_timeout(1ms, coax::when_any(pair.first.recv(1), coax::sleep_for(1h)));
        });
        CHECK(limited == ending::timeout);
    });
}

TEST_CASE("a branch that fails while a cancellation from outside unwinds is heard, as in a group") {
    support::run([]() -> coax::task<> {
        const auto fails_unwinding = []() -> coax::task<> {
            try {
                co_await coax::sleep_for(1h);
            } catch (const coax::cancelled&) {
                throw std::runtime_error("unwinding");
            }
        };
        std::string what;
        try {
            co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
                scope.cancel();
                co_await coax::when_all(coax::sleep_for(1h), fails_unwinding(), coax::sleep_for(1h));
            });
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        CHECK(what == "unwinding");
    });
}

TEST_CASE("a branch that completes although the cancellation came first is not lost") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        // It ends with a value because of the cancellation.
        const auto stubborn = [&]() -> coax::task<int> {
            try {
                static_cast<void>(co_await pair.first.recv(1));
            } catch (const coax::cancelled&) {
            }
            co_return 3;
        };
        int kept = 0;
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            scope.cancel();
            const auto outcome = co_await coax::when_any(pair.first.recv(1), stubborn());
            kept = *std::get<1>(outcome.slots);
            co_await coax::yield();
        });
        CHECK(cut);
        CHECK(kept == 3);
    });
}

TEST_CASE("branches nest, and a million of them in a loop need no stack") {
    support::run([]() -> coax::task<> {
        const auto inner =
            co_await coax::when_all(coax::when_all(now(1), after(1ms, 2)), coax::when_any(after(1h, 3), after(1ms, 4)));
        CHECK(std::get<1>(std::get<0>(inner)) == 2);
        CHECK(std::get<1>(inner).index == 1);
        constexpr int rounds = support::many(300'000);
        int sum = 0;
        for (int round = 0; round < rounds; ++round) {
            const auto [a, b] = co_await coax::when_all(now(1), now(2));
            sum += a + b;
        }
        CHECK(sum == 3 * rounds);
    });
}

TEST_CASE("a coroutine that is destroyed while its branches run takes them along") {
    int alive = 0;
    support::run([&]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto branch = [&]() -> coax::task<> {
            const support::counted frame(alive);
            static_cast<void>(co_await pair.first.recv(1));
        };
        const auto all = [&]() -> support::destructible {
            co_await coax::with_timeout(1h, coax::when_all(branch(), coax::when_any(branch(), pair.second.recv(1))));
        };
        const auto grouped = [&]() -> support::destructible {
            co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                group.spawn(branch());
                group.spawn(branch());
                co_await branch();
            });
        };
        for (int round = 0; round < 3; ++round) {
            {
                const support::destructible victim = all();
                const support::destructible other = grouped();
                CHECK(alive == 5);
                if (round != 0)
                    co_await support::round_trip();
                if (round == 2) {
                    // The branches are ready to go on, and have not yet.
                    pair.first.close();
                    pair.second.close();
                }
            }
            CHECK(alive == 0);
            CHECK(coax::scheduler::current().stats().waiting == 0);
            CHECK(coax::scheduler::current().stats().timers == 0);
        }
    });
}

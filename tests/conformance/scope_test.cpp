// Cancel scopes, shields and clean-up.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::ending;

TEST_CASE("a scope absorbs its own cancellation and says so") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        bool reached = false;
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            CHECK_FALSE(scope.cancelled());
            scope.cancel();
            CHECK(scope.cancelled());
            static_cast<void>(co_await pair.first.recv(1));
            reached = true;
        });
        CHECK(cut);
        CHECK_FALSE(reached);
        // Outside of it everything goes on.
        co_await pair.first.sendall("x");
        const coax::chunk data = co_await pair.second.recv(1);
        CHECK(data.size() == 1);
    });
}

TEST_CASE("a scope that is not cancelled, or too late, says that nothing was cut short") {
    support::run([]() -> coax::task<> {
        const bool untouched =
            co_await coax::with_cancel_scope([](coax::cancel_scope&) -> coax::task<> { co_await coax::yield(); });
        CHECK_FALSE(untouched);
        const bool too_late = co_await coax::with_cancel_scope([](coax::cancel_scope& scope) -> coax::task<> {
            co_await coax::yield();
            scope.cancel();
        });
        CHECK_FALSE(too_late);
    });
}

TEST_CASE("a scope is cancelled from a task beside it, and everything below it ends") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        coax::cancel_scope* opened = nullptr;
        bool cut = false;
        int ended = 0;
        const auto worker = [&]() -> coax::task<> {
            try {
                static_cast<void>(co_await coax::with_timeout(1h, pair.first.recv(1)));
            } catch (const coax::cancelled&) {
                ++ended;
                throw;
            }
        };
        const auto work = [&]() -> coax::task<> {
            cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
                opened = &scope;
                co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
                    group.spawn(worker());
                    group.spawn(worker());
                    co_await worker();
                });
            });
            opened = nullptr;
        };
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(work());
            co_await support::until_waiting(3);
            opened->cancel();
            opened->cancel();
        });
        CHECK(cut);
        CHECK(ended == 3);
    });
}

TEST_CASE("cancellation is level-triggered until the scope is left") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        int refused = 0;
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            scope.cancel();
            for (int round = 0; round < 5; ++round) {
                try {
                    co_await pair.first.sendall("never");
                } catch (const coax::cancelled&) {
                    ++refused;
                }
            }
            co_await coax::sleep_for(0s);
        });
        CHECK(cut);
        CHECK(refused == 5);
        pair.first.close();
        const std::string got = co_await support::read_to_end(pair.second);
        CHECK(got.empty());
    });
}

TEST_CASE("an outer cancellation passes through an inner scope, cancelled or not") {
    support::run([]() -> coax::task<> {
        for (const bool inner_too : {false, true}) {
            bool inner_absorbed = false;
            const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& outer) -> coax::task<> {
                co_await coax::with_cancel_scope([&](coax::cancel_scope& inner) -> coax::task<> {
                    if (inner_too)
                        inner.cancel();
                    outer.cancel();
                    co_await coax::yield();
                });
                inner_absorbed = true;
            });
            CHECK(cut);
            CHECK_FALSE(inner_absorbed);
        }
    });
}

TEST_CASE("an exception in a cancelled scope comes out of it") {
    support::run([]() -> coax::task<> {
        std::string what;
        try {
            co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
                scope.cancel();
                throw std::runtime_error("mine");
                co_return;
            });
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        CHECK(what == "mine");
    });
}

TEST_CASE("a shield holds a cancellation off until it is left") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        std::vector<std::string> steps;
        const auto inside = [&]() -> coax::task<> {
            co_await pair.first.sendall("shielded");
            co_await coax::sleep_for(2ms);
            steps.emplace_back("inside");
        };
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            scope.cancel();
            co_await coax::shield(inside());
            steps.emplace_back("left");
            co_await coax::yield();
            steps.emplace_back("never");
        });
        CHECK(cut);
        CHECK(steps == std::vector<std::string>{"inside", "left"});
        const std::string got = co_await support::read(pair.second, 8);
        CHECK(got == "shielded");
    });
}

TEST_CASE("a shielded operation that waits when the cancellation comes goes on waiting") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        ending how = ending::none;
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            group.spawn(support::note(
                [&]() -> coax::task<> { static_cast<void>(co_await coax::shield(pair.first.recv(1))); }, how));
            co_await support::round_trip();
            group.cancel();
            const auto late = [&]() -> coax::task<> {
                co_await coax::sleep_for(2ms);
                co_await pair.second.sendall("x");
            };
            co_await coax::shield(late());
        });
        CHECK(how == ending::value);
    });
}

TEST_CASE("a limit around a shield does not reach into it, a limit inside does") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        const auto work = [&]() -> coax::task<> {
            const auto inner = co_await coax::as_result(coax::shield(coax::with_timeout(5ms, pair.first.recv(1))));
            CHECK(inner.error().why() == coax::failure::cause::timeout);
            co_await coax::yield();
        };
        const coax::clock::time_point start = coax::clock::now();
        const ending how =
            co_await support::ending_of([&]() -> coax::task<> { co_await coax::with_timeout(1ms, work()); });
        CHECK(how == ending::timeout);
        CHECK(coax::clock::now() - start >= 5ms);
    });
}

TEST_CASE("the end of a run goes through shields") {
    coax::socket_pair pair = coax::socketpair();
    ending how = ending::none;
    const auto park = [&]() -> support::fire_and_forget {
        try {
            static_cast<void>(co_await coax::shield(coax::shield(pair.first.recv(1))));
            how = ending::value;
        } catch (const coax::cancelled&) {
            how = ending::cancelled;
        }
        try {
            static_cast<void>(co_await coax::shield(pair.first.recv(1)));
        } catch (const coax::cancelled&) {
            co_return;
        }
        how = ending::error;
    };
    support::run([&]() -> coax::task<> {
        park();
        co_await support::round_trip();
    });
    CHECK(how == ending::cancelled);
}

TEST_CASE("clean-up runs after a value, an exception and a cancellation") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        int cleaned = 0;
        const auto cleanup = [&]() -> coax::task<> {
            co_await coax::sleep_for(1ms);
            co_await pair.second.sendall("bye");
            ++cleaned;
        };
        const auto value = []() -> coax::task<int> { co_return 5; };
        const int got = co_await coax::finally(value(), cleanup);
        CHECK(got == 5);
        CHECK(cleaned == 1);

        const auto failing = []() -> coax::task<> {
            co_await coax::yield();
            throw std::runtime_error("work");
        };
        std::string what;
        try {
            co_await coax::finally(failing(), cleanup, 10s);
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        CHECK(what == "work");
        CHECK(cleaned == 2);

        const auto endless = []() -> coax::task<> { co_await coax::sleep_for(1h); };
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            scope.cancel();
            co_await coax::finally(endless(), cleanup);
        });
        CHECK(cut);
        CHECK(cleaned == 3);
        const std::string heard = co_await support::read(pair.first, 9);
        CHECK(heard == "byebyebye");
    });
}

TEST_CASE("when work and clean-up both fail, the work's exception is thrown and the other is reported") {
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
            const auto failing = [](std::string with) -> coax::task<> {
                throw std::runtime_error(with);
                co_return;
            };
            const auto fine = []() -> coax::task<> { co_return; };
            const auto broken = [&]() -> coax::task<> { return failing("clean-up"); };
            std::vector<std::string> thrown;
            for (const bool both : {false, true}) {
                try {
                    if (both)
                        co_await coax::finally(failing("work"), broken);
                    else
                        co_await coax::finally(fine(), broken);
                } catch (const std::runtime_error& error) {
                    thrown.emplace_back(error.what());
                }
            }
            CHECK(thrown == std::vector<std::string>{"clean-up", "work"});
        },
        options);
    CHECK(reported == std::vector<std::string>{"clean-up"});
}

TEST_CASE("clean-up that takes longer than its limit ends with a timeout_error") {
    support::run([]() -> coax::task<> {
        const auto work = []() -> coax::task<> { co_return; };
        const auto endless = []() -> coax::task<> { co_await coax::sleep_for(1h); };
        const ending how = co_await support::ending_of([&] { return coax::finally(work(), endless, 1ms); });
        CHECK(how == ending::timeout);
        CHECK_THROWS_AS(coax::finally(work(), endless, -1ms), std::invalid_argument);
    });
}

TEST_CASE("finally takes an operation, and a clean-up that gives one") {
    support::run([]() -> coax::task<> {
        coax::socket_pair pair = coax::socketpair();
        co_await pair.first.sendall("hello");
        const auto bye = [&] { return pair.second.sendall("bye"); };
        const coax::chunk data = co_await coax::finally(pair.second.recv(10), bye);
        CHECK(data.text() == "hello");
        const coax::chunk said = co_await pair.first.recv(10);
        CHECK(said.text() == "bye");
        // An adapter, with a limit for the clean-up; a failure is what the operation failed with.
        const auto late =
            co_await coax::as_result(coax::finally(coax::with_timeout(1ms, pair.second.recv(10)), bye, 5s));
        CHECK(late.error().why() == coax::failure::cause::timeout);
        const coax::chunk again = co_await pair.first.recv(10);
        CHECK(again.text() == "bye");
        // A cancellation runs it all the same.
        const bool cut = co_await coax::with_cancel_scope([&](coax::cancel_scope& scope) -> coax::task<> {
            scope.cancel();
            static_cast<void>(co_await coax::finally(pair.second.recv(10), bye));
        });
        CHECK(cut);
        const coax::chunk once_more = co_await pair.first.recv(10);
        CHECK(once_more.text() == "bye");
    });
}

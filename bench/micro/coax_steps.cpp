// What single steps cost in coax. Compare asio_steps.cpp: same names, same meaning.
#include <benchmark/benchmark.h>

#include <coax/scheduler.hpp>
#include <coax/socketpair.hpp>
#include <coax/sync/channel.hpp>
#include <coax/task_group.hpp>
#include <coax/time.hpp>
#include <coax/timeout.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <utility>

namespace {

coax::task<int> answer(int value) { co_return value; }

coax::task<int> nested(int depth) {
    if (depth == 0) {
        co_return 0; // not `?:`: GCC 12 awaits in the branch that is not taken, too
    }
    co_return 1 + co_await nested(depth - 1);
}

coax::task<> nothing() { co_return; }

coax::task<> wait_once() { co_await coax::yield(); }

// Awaiting a task that ends without waiting.
coax::task<> await_ready_task(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(co_await answer(42));
    }
}

// The same, through a chain of tasks; time for each of them.
coax::task<> await_chain(benchmark::State& state) {
    const auto depth = static_cast<int>(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(co_await nested(depth - 1));
    }
    state.SetItemsProcessed(state.iterations() * depth);
}

// Once round the ready queue.
coax::task<> yield(benchmark::State& state) {
    for (auto _ : state) {
        co_await coax::yield();
    }
}

coax::task<> sleep_long() { co_await coax::sleep_for(std::chrono::hours(1)); }

// Setting a time limit, doing nothing under it, and taking it away, while so many other deadlines are pending.
coax::task<> set_and_cancel_timer(benchmark::State& state) {
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            group.spawn(sleep_long());
        }
        for (auto _ : state) {
            co_await coax::with_timeout(std::chrono::seconds(30), nothing());
        }
        group.cancel();
    });
}

// Starting a number of tasks and joining them all; they end at once, or each waits once.
coax::task<> spawn_and_join(benchmark::State& state, coax::task<> (*child)()) {
    const auto count = state.range(0);
    for (auto _ : state) {
        co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
            for (std::int64_t i = 0; i < count; ++i) {
                group.spawn(child());
            }
            co_return;
        });
    }
    state.SetItemsProcessed(state.iterations() * count);
}

coax::task<> echo(coax::socket conn) {
    std::array<std::byte, 64> data;
    while (const auto size = co_await conn.recv(data)) {
        co_await conn.sendall(std::span(data).first(size));
    }
}

// A message of 64 bytes to another task of the same thread and back, over a pair of UNIX sockets.
coax::task<> round_trip(benchmark::State& state) {
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        auto [near, far] = coax::socketpair();
        group.spawn(echo(std::move(far)));
        std::array<std::byte, 64> data{};
        for (auto _ : state) {
            co_await near.sendall(data);
            benchmark::DoNotOptimize(co_await near.recv(data));
        }
    });
}

coax::task<> drain(coax::channel<std::int64_t>& items) {
    while (const auto item = co_await items.recv()) {
        benchmark::DoNotOptimize(*item);
    }
}

// An item to another task through a channel: of capacity 0, where the sender waits until it is taken, or 1.
coax::task<> channel_hand_over(benchmark::State& state) {
    coax::channel<std::int64_t> items(static_cast<std::size_t>(state.range(0)));
    co_await coax::with_task_group([&](coax::task_group& group) -> coax::task<> {
        group.spawn(drain(items));
        std::int64_t number = 0;
        for (auto _ : state) {
            co_await items.send(++number);
        }
        items.close();
    });
}

void round_trip_on(benchmark::State& state, const coax::scheduler_options& options) {
    coax::run(round_trip(state), options);
}

// A scheduler, made and destroyed with one task run on it. No equal in asio, whose reactor comes with the first socket.
void run_on(benchmark::State& state, const coax::scheduler_options& options) {
    for (auto _ : state) {
        coax::run(nothing(), options);
    }
}

// Not every machine has every backend.
void on_backend(benchmark::State& state, coax::backend_kind backend,
                void (*step)(benchmark::State&, const coax::scheduler_options&)) {
    coax::scheduler_options options;
    options.backend = backend;
    try {
        step(state, options);
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
    }
}

} // namespace

int main(int argc, char** argv) {
    using benchmark::RegisterBenchmark;
    using benchmark::State;
    RegisterBenchmark("await_ready_task", [](State& state) { coax::run(await_ready_task(state)); });
    RegisterBenchmark("await_chain", [](State& state) { coax::run(await_chain(state)); })->Arg(10)->Arg(1000);
    RegisterBenchmark("yield", [](State& state) { coax::run(yield(state)); });
    RegisterBenchmark("spawn_and_join/ready", [](State& state) { coax::run(spawn_and_join(state, nothing)); })
        ->Arg(1)
        ->Arg(1000);
    RegisterBenchmark("spawn_and_join/waiting", [](State& state) { coax::run(spawn_and_join(state, wait_once)); })
        ->Arg(1)
        ->Arg(1000);
    RegisterBenchmark("channel_hand_over", [](State& state) { coax::run(channel_hand_over(state)); })->Arg(0)->Arg(1);
    RegisterBenchmark("set_and_cancel_timer", [](State& state) { coax::run(set_and_cancel_timer(state)); })
        ->Arg(0)
        ->Arg(1000);
    for (const auto backend : {coax::backend_kind::io_uring, coax::backend_kind::epoll, coax::backend_kind::poll}) {
        const std::string name = coax::to_string(backend);
        RegisterBenchmark(("round_trip/" + name).c_str(), on_backend, backend, round_trip_on);
        RegisterBenchmark(("run/" + name).c_str(), on_backend, backend, run_on);
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
}

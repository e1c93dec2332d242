// What single steps cost in asio. Compare coax_steps.cpp: same names, same meaning.
#include <benchmark/benchmark.h>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/io_context.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using executor = asio::io_context::executor_type;
template <class T = void>
using task = asio::awaitable<T, executor>;
using local_socket = asio::basic_stream_socket<asio::local::stream_protocol, executor>;
constexpr asio::use_awaitable_t<executor> use_task;

void run(const auto& make_task) {
    asio::io_context context(1);
    asio::co_spawn(context.get_executor(), make_task(context.get_executor()), asio::detached);
    context.run();
}

task<int> answer(int value) { co_return value; }

task<int> nested(int depth) {
    if (depth == 0) {
        co_return 0; // not `?:`: GCC 12 awaits in the branch that is not taken, too
    }
    co_return 1 + co_await nested(depth - 1);
}

task<> nothing(executor) { co_return; }

task<> wait_once(executor on) { co_await asio::post(on, use_task); }

task<> await_ready_task(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(co_await answer(42));
    }
}

task<> await_chain(benchmark::State& state) {
    const auto depth = static_cast<int>(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(co_await nested(depth - 1));
    }
    state.SetItemsProcessed(state.iterations() * depth);
}

task<> yield(benchmark::State& state, executor on) {
    for (auto _ : state) {
        co_await asio::post(on, use_task);
    }
}

// The timer is set and waited for by a handler, then cancelled; the handler runs.
task<> set_and_cancel_timer(benchmark::State& state, executor on) {
    using timer =
        asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
    std::vector<timer> others;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        others.emplace_back(on, std::chrono::hours(1));
        others.back().async_wait([](const std::error_code&) {});
    }
    timer limit(on);
    for (auto _ : state) {
        limit.expires_after(std::chrono::seconds(30));
        limit.async_wait([](const std::error_code&) {});
        limit.cancel();
        co_await asio::post(on, use_task);
    }
}

// asio has no groups: the join is a count that the children bring down, awaited by going round the queue.
task<> spawn_and_join(benchmark::State& state, executor on, task<> (*child)(executor)) {
    const auto count = state.range(0);
    for (auto _ : state) {
        std::int64_t running = count;
        for (std::int64_t i = 0; i < count; ++i) {
            asio::co_spawn(on, child(on), [&](const std::exception_ptr&) { --running; });
        }
        while (running > 0) {
            co_await asio::post(on, use_task);
        }
    }
    state.SetItemsProcessed(state.iterations() * count);
}

using channel = asio::experimental::basic_channel<executor, asio::experimental::channel_traits<>,
                                                  void(std::error_code, std::int64_t)>;

task<> drain(channel& items) {
    try {
        for (;;) {
            benchmark::DoNotOptimize(co_await items.async_receive(use_task));
        }
    } catch (const std::system_error&) {
        // the channel is closed
    }
}

task<> channel_hand_over(benchmark::State& state, executor on) {
    channel items(on, static_cast<std::size_t>(state.range(0)));
    bool drained = false;
    asio::co_spawn(on, drain(items), [&](const std::exception_ptr&) { drained = true; });
    std::int64_t number = 0;
    for (auto _ : state) {
        co_await items.async_send(std::error_code(), ++number, use_task);
    }
    items.close();
    while (!drained) {
        co_await asio::post(on, use_task);
    }
}

task<> echo(local_socket conn) {
    std::array<std::byte, 64> data;
    try {
        for (;;) {
            const std::size_t size = co_await conn.async_read_some(asio::buffer(data), use_task);
            co_await asio::async_write(conn, asio::buffer(data, size), use_task);
        }
    } catch (const std::system_error&) {
        // the other end is closed
    }
}

task<> round_trip(benchmark::State& state, executor on) {
    local_socket near(on);
    local_socket far(on);
    asio::local::connect_pair(near, far);
    asio::co_spawn(on, echo(std::move(far)), asio::detached);
    std::array<std::byte, 64> data{};
    for (auto _ : state) {
        co_await asio::async_write(near, asio::buffer(data), use_task);
        benchmark::DoNotOptimize(co_await near.async_read_some(asio::buffer(data), use_task));
    }
}

} // namespace

int main(int argc, char** argv) {
    using benchmark::RegisterBenchmark;
    using benchmark::State;
    RegisterBenchmark("await_ready_task", [](State& state) { run([&](executor) { return await_ready_task(state); }); });
    RegisterBenchmark("await_chain", [](State& state) { run([&](executor) { return await_chain(state); }); })
        ->Arg(10)
        ->Arg(1000);
    RegisterBenchmark("yield", [](State& state) { run([&](executor on) { return yield(state, on); }); });
    RegisterBenchmark("spawn_and_join/ready",
                      [](State& state) { run([&](executor on) { return spawn_and_join(state, on, nothing); }); })
        ->Arg(1)
        ->Arg(1000);
    RegisterBenchmark("spawn_and_join/waiting",
                      [](State& state) { run([&](executor on) { return spawn_and_join(state, on, wait_once); }); })
        ->Arg(1)
        ->Arg(1000);
    RegisterBenchmark("channel_hand_over",
                      [](State& state) { run([&](executor on) { return channel_hand_over(state, on); }); })
        ->Arg(0)
        ->Arg(1);
    RegisterBenchmark("set_and_cancel_timer",
                      [](State& state) { run([&](executor on) { return set_and_cancel_timer(state, on); }); })
        ->Arg(0)
        ->Arg(1000);
    RegisterBenchmark("round_trip/epoll",
                      [](State& state) { run([&](executor on) { return round_trip(state, on); }); });
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
}

// The load of the echo scenario: warms the server up, measures for a while, ends every connection in order, and prints
// one line of JSON. The exit status is 0 only if every byte of every echo was right. Every phase is bounded in time.
#include "load_connections.hpp"
#include "load_options.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>

namespace {

using bench::load_clock;

clockid_t cpu_clock_of(pid_t process) {
    clockid_t clock{};
    if (const int error = clock_getcpuclockid(process, &clock); error != 0) {
        throw std::system_error(error, std::generic_category(), "the server's CPU clock");
    }
    return clock;
}

double read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct moment {
    load_clock::time_point time = load_clock::now();
    double own_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    double server_cpu = 0;
};

moment look(std::optional<clockid_t> server_clock) {
    moment result;
    if (server_clock) {
        result.server_cpu = read_clock(*server_clock);
    }
    return result;
}

int run(const bench::load_options& options) {
    std::optional<clockid_t> server_clock;
    if (options.server_pid > 0) {
        server_clock = cpu_clock_of(options.server_pid);
    }
    const auto seconds = [](double count) {
        return std::chrono::duration_cast<load_clock::duration>(std::chrono::duration<double>(count));
    };
    const auto connections = std::make_unique<bench::load_connections>(options); // too large for the stack's taste

    connections->start();
    connections->exchange(load_clock::now() + seconds(options.warmup), UINT64_MAX);
    const moment before = look(server_clock);
    connections->exchange(before.time + seconds(options.seconds), options.messages);
    const moment after = look(server_clock);
    const bench::histogram latencies = connections->latencies();
    const std::chrono::duration<double> idle = connections->idle();
    const double evenness = connections->evenness();
    connections->finish();

    const double elapsed = std::chrono::duration<double>(after.time - before.time).count();
    const auto microseconds = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; };
    std::printf("{\"connections\": %zu, \"size\": %zu, \"in_flight\": %zu, \"messages\": %llu, \"seconds\": %.6f, ",
                options.connections, options.size, options.in_flight,
                static_cast<unsigned long long>(latencies.total()), elapsed);
    std::printf("\"msg_per_s\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, ",
                static_cast<double>(latencies.total()) / elapsed, microseconds(latencies.quantile(0.50)),
                microseconds(latencies.quantile(0.99)), microseconds(latencies.max()));
    std::printf("\"evenness\": %.4f, ", evenness);
    // Spinning takes all the CPU time there is: then the turns that found nothing tell how much was left.
    const double own_cpu = after.own_cpu - before.own_cpu;
    const double busy = options.spin ? elapsed - idle.count() : own_cpu;
    std::printf("\"load_busy\": %.3f, \"load_cpu_s\": %.6f, ", busy / elapsed, own_cpu);
    if (server_clock) {
        std::printf("\"server_cpu_s\": %.6f, ", after.server_cpu - before.server_cpu);
    }
    std::printf("\"errors\": %llu}\n", static_cast<unsigned long long>(connections->errors()));
    return connections->errors() == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    bench::load_options options;
    if (const int status = options.parse(argc, argv); status >= 0) {
        return status;
    }
    try {
        return run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "load: %s\n", error.what());
        return 1;
    }
}

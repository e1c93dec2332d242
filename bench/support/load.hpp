// What all loads have in common: warm the server up, measure for a while, end in order, print one line of JSON. Every
// phase is bounded in time, and the exit status is 0 only if all that came back was right.
#pragma once

#include "cpu_clock.hpp"
#include "histogram.hpp"
#include "load_options.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>

namespace bench {

/// Keeps a fixed number of messages on their way, in one thread. What they are, a scenario says.
class load {
public:
    explicit load(const load_options& options) : options_(options) {}
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    virtual ~load() = default;

    /// Puts the first messages on their way.
    virtual void start() = 0;
    /// Waits for what is on its way, and notes an error if it does not come or if too much does.
    virtual void finish() = 0;

    /// Forgets the latencies and exchanges messages until the given time or until so many have come back; ends early,
    /// with an error noted, when nothing comes back for seconds.
    void exchange(load_clock::time_point until, std::uint64_t messages) {
        latencies_ = {};
        idle_ = {};
        forget();
        std::uint64_t seen = 0;
        auto time = load_clock::now();
        auto stalled_at = time + stall_limit;
        while (is_alive() && latencies_.total() < messages && time < until) {
            const bool idle =
                turn(options_.spin ? load_clock::duration::zero() : std::min(until, stalled_at) - time) == 0;
            const auto before = std::exchange(time, load_clock::now());
            idle_ += idle ? time - before : load_clock::duration::zero();
            if (latencies_.total() != seen) {
                seen = latencies_.total();
                stalled_at = time + stall_limit;
            } else if (time >= stalled_at) {
                note_error("nothing came back for seconds");
                return;
            }
        }
    }

    /// Of the last exchange: what the messages took, and the time that went into turns which found nothing to do.
    const histogram& latencies() const noexcept { return latencies_; }
    load_clock::duration idle() const noexcept { return idle_; }
    /// How evenly its messages fell to the connections (Jain's index): 1 for all alike, down to one in so many connections.
    virtual double evenness() const { return 1; }
    /// Messages that were sent again because they did not come back.
    virtual std::uint64_t resent() const { return 0; }
    std::uint64_t errors() const noexcept { return errors_; }

protected:
    static constexpr std::chrono::seconds stall_limit{5};

    /// Waits for events, at most so long, and handles them; gives how many there were.
    virtual int turn(load_clock::duration wait) = 0;
    /// An exchange begins: what was counted before does not count.
    virtual void forget() {}
    /// False when nothing can come back any more.
    virtual bool is_alive() const { return true; }

    static int check(int result, const char* what) {
        if (result < 0) {
            throw std::system_error(errno, std::generic_category(), what);
        }
        return result;
    }

    void record(load_clock::duration latency) { latencies_.record(static_cast<std::uint64_t>(latency.count())); }

    void note_error(const char* what) {
        if (++errors_ == 1) { // the first says enough
            std::fprintf(stderr, "load: %s\n", what);
        }
    }

    template <class Channels>
    static double jain_index(const Channels& channels) {
        double sum = 0;
        double squares = 0;
        for (const auto& channel : channels) {
            const auto count = static_cast<double>(channel.messages);
            sum += count;
            squares += count * count;
        }
        return squares == 0 ? 1 : sum * sum / (squares * static_cast<double>(channels.size()));
    }

    const load_options& options_;

private:
    histogram latencies_;
    load_clock::duration idle_{};
    std::uint64_t errors_ = 0;
};

/// The figures of a measurement, taken before the load ends what is on its way.
class load_report {
public:
    load_report(const load& done, const load_options& options, const cpu_clocks::moment& before,
                const cpu_clocks::moment& after)
        : options_(options), elapsed_(std::chrono::duration<double>(after.time - before.time).count()),
          own_cpu_(after.own - before.own), server_cpu_(after.server - before.server),
          idle_(std::chrono::duration<double>(done.idle()).count()), evenness_(done.evenness()),
          latencies_(done.latencies()) {}

    void print(const load& ended) const {
        const auto microseconds = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; };
        std::printf("{\"connections\": %zu, \"size\": %zu, \"in_flight\": %zu, \"messages\": %llu, \"seconds\": %.6f, ",
                    options_.connections, options_.size, options_.in_flight,
                    static_cast<unsigned long long>(latencies_.total()), elapsed_);
        std::printf("\"msg_per_s\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, ",
                    static_cast<double>(latencies_.total()) / elapsed_, microseconds(latencies_.quantile(0.50)),
                    microseconds(latencies_.quantile(0.99)), microseconds(latencies_.max()));
        // Spinning takes all the CPU time there is: then the turns that found nothing tell how much was left.
        const double busy = options_.spin ? elapsed_ - idle_ : own_cpu_;
        std::printf("\"evenness\": %.4f, \"load_busy\": %.3f, \"load_cpu_s\": %.6f, ", evenness_, busy / elapsed_,
                    own_cpu_);
        if (options_.server_pid > 0) {
            std::printf("\"server_cpu_s\": %.6f, ", server_cpu_);
        }
        std::printf("\"resent\": %llu, \"errors\": %llu}\n", static_cast<unsigned long long>(ended.resent()),
                    static_cast<unsigned long long>(ended.errors()));
    }

private:
    const load_options& options_;
    double elapsed_;
    double own_cpu_;
    double server_cpu_;
    double idle_;
    double evenness_;
    histogram latencies_;
};

/// The main function of a load: `Load` is made from the options.
template <class Load>
int load_main(const char* description, int argc, char** argv) {
    load_options options;
    if (const int status = options.parse(description, argc, argv); status >= 0) {
        return status;
    }
    try {
        const cpu_clocks clocks(options.server_pid);
        const auto seconds = [](double count) {
            return std::chrono::duration_cast<load_clock::duration>(std::chrono::duration<double>(count));
        };
        const auto work = std::make_unique<Load>(options); // too large for the stack's taste
        work->start();
        work->exchange(load_clock::now() + seconds(options.warmup), UINT64_MAX);
        const cpu_clocks::moment before = clocks.now();
        work->exchange(before.time + seconds(options.seconds), options.messages);
        const cpu_clocks::moment after = clocks.now();
        const load_report report(*work, options, before, after);
        work->finish();
        report.print(*work);
        return work->errors() == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "load: %s\n", error.what());
        return 1;
    }
}

} // namespace bench

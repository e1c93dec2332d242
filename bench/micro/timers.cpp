// Why the deadlines of a scheduler are in a heap: two workloads for it and for a hierarchical timing wheel.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "runtime/timer_heap.hpp"

namespace {

using coax::detail::timer;

constexpr std::int64_t second = 1'000'000'000;

struct owner : timer {
    owner() : timer(owner_kind::wait) {}
    owner* next = nullptr; // the wheel's lists
    owner** link = nullptr;
};

class heap {
public:
    void set(owner& t) {
        heap_.make_room();
        heap_.insert(t);
    }
    void cancel(owner& t) { heap_.remove(t); }
    bool expire(std::int64_t now) { return heap_.expire(now) != nullptr; }

private:
    coax::detail::timer_heap heap_;
};

/// Five wheels of 64 slots; the finest turns by milliseconds, so deadlines are rounded to them. It visits its slots tick by tick.
class wheel {
public:
    void set(owner& t) { put(t); }
    void cancel(owner& t) {
        *t.link = t.next;
        if (t.next != nullptr)
            t.next->link = t.link;
    }
    bool expire(std::int64_t now) {
        const std::int64_t until = now / tick;
        for (;;) {
            if (owner* t = slots_[0][static_cast<std::size_t>(time_ & 63)]) {
                cancel(*t);
                return true;
            }
            if (time_ >= until)
                return false;
            ++time_;
            for (std::size_t level = 1; level < levels && (time_ & ((std::int64_t{1} << (6 * level)) - 1)) == 0;
                 ++level)
                spread(slots_[level][static_cast<std::size_t>((time_ >> (6 * level)) & 63)]);
        }
    }

private:
    static constexpr std::int64_t tick = 1'000'000;
    static constexpr std::size_t levels = 5;

    void put(owner& t) {
        const std::int64_t when = std::max((t.deadline + tick - 1) / tick, time_);
        std::size_t level = 0;
        while (level + 1 < levels && (when - time_) >> (6 * (level + 1)) != 0)
            ++level;
        owner*& head = slots_[level][static_cast<std::size_t>((when >> (6 * level)) & 63)];
        t.next = head;
        t.link = &head;
        if (head != nullptr)
            head->link = &t.next;
        head = &t;
    }
    void spread(owner*& slot) {
        owner* t = slot;
        slot = nullptr;
        while (t != nullptr) {
            owner* next = t->next;
            put(*t);
            t = next;
        }
    }
    owner* slots_[levels][64] = {};
    std::int64_t time_ = 0;
};

/// Limits of half a minute that never pass: of so many connections one after the other ends its limit and sets the next.
template <class Timers>
void limits(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    std::deque<owner> owners(count);
    Timers timers;
    std::int64_t now = 0;
    for (owner& t : owners) {
        t.deadline = 30 * second + ++now;
        timers.set(t);
    }
    std::mt19937 random(1);
    for (auto _ : state) {
        owner& t = owners[random() % count];
        timers.cancel(t);
        now += 1000;
        t.deadline = now + 30 * second;
        timers.set(t);
        timers.expire(now);
    }
}

/// Sleeps of up to ten seconds that all pass; time for each.
template <class Timers>
void sleeps(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    std::deque<owner> owners(count);
    std::mt19937_64 random(1);
    for (auto _ : state) {
        Timers timers;
        for (owner& t : owners) {
            t.deadline = static_cast<std::int64_t>(random() % (10 * second));
            timers.set(t);
        }
        std::size_t expired = 0;
        for (std::int64_t now = 0; expired != count; now += second / 1000)
            while (timers.expire(now))
                ++expired;
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

} // namespace

BENCHMARK_TEMPLATE(limits, heap)->Arg(1)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(limits, wheel)->Arg(1)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(sleeps, heap)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(sleeps, wheel)->Arg(1000)->Arg(100'000)->Arg(1'000'000);

BENCHMARK_MAIN();

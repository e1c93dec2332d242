// The timers against a model: what expires, in which order, whatever is taken out in between.
#include "support/catch.hpp"
#include "support/many.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "runtime/timer_set.hpp"

using coax::detail::timer;
using coax::detail::timer_heap;
using coax::detail::timer_set;

namespace {

struct numbered : timer {
    numbered() : timer(owner_kind::wait) {}
    std::uint64_t order = 0;
};

} // namespace

TEST_CASE("timers expire by deadline, and equal ones in the order in which they were set") {
    std::mt19937 random(7);
    for (const std::size_t count : {1U, 5U, 64U, 1000U}) {
        timer_heap heap;
        std::deque<numbered> timers(count);
        std::set<std::tuple<std::int64_t, std::uint64_t, numbered*>> model;
        std::uint64_t order = 0;
        std::int64_t now = 0;
        for (int step = 0; step < support::many(40'000); ++step) {
            numbered& t = timers[random() % count];
            if (t.is_set()) {
                model.erase({t.deadline, t.order, &t});
                heap.remove(t);
                REQUIRE_FALSE(t.is_set());
            } else {
                t.deadline = now + static_cast<std::int64_t>(random() % 50);
                t.order = ++order;
                heap.make_room();
                heap.insert(t);
                model.insert({t.deadline, t.order, &t});
            }
            if (random() % 8 == 0)
                now += static_cast<std::int64_t>(random() % 20);
            while (timer* due = heap.expire(now)) {
                REQUIRE_FALSE(model.empty());
                REQUIRE(std::get<2>(*model.begin()) == due);
                REQUIRE(std::get<0>(*model.begin()) <= now);
                model.erase(model.begin());
            }
            REQUIRE(heap.size() == model.size());
            REQUIRE(heap.empty() == model.empty());
            REQUIRE(heap.nearest() == (model.empty() ? timer_heap::never : std::get<0>(*model.begin())));
            REQUIRE(heap.nearest() > now);
        }
    }
}

TEST_CASE("durations count from the end of the turn, and expire in the order in which they were set") {
    std::mt19937 random(8);
    for (const std::size_t count : {1U, 5U, 64U, 1000U}) {
        timer_set timers;
        std::deque<numbered> all(count);
        std::set<std::tuple<std::int64_t, std::uint64_t, numbered*>> model;
        std::vector<numbered*> fresh; // in order; model of the list
        std::uint64_t order = 0;
        std::int64_t now = 0;
        for (int turn = 0; turn < 5'000; ++turn) {
            for (std::size_t step = random() % 20; step != 0; --step) {
                numbered& t = all[random() % count];
                if (t.is_set()) {
                    model.erase({t.deadline, t.order, &t});
                    std::erase(fresh, &t);
                    timers.remove(t);
                    REQUIRE_FALSE(t.is_set());
                    continue;
                }
                t.deadline = static_cast<std::int64_t>(random() % 50);
                timers.make_room();
                if (random() % 2 == 0) {
                    timers.insert_fresh(t);
                    fresh.push_back(&t);
                } else {
                    t.deadline += now;
                    t.order = ++order;
                    timers.insert(t);
                    model.insert({t.deadline, t.order, &t});
                }
                REQUIRE(t.is_set());
                REQUIRE(timers.size() == model.size() + fresh.size());
            }
            now += static_cast<std::int64_t>(random() % 20);
            timers.end_turn(now);
            for (numbered* t : fresh) {
                t->order = ++order;
                model.insert({t->deadline, t->order, t});
                REQUIRE(t->deadline >= now);
            }
            fresh.clear();
            while (timer* due = timers.expire(now)) {
                REQUIRE_FALSE(model.empty());
                REQUIRE(std::get<2>(*model.begin()) == due);
                model.erase(model.begin());
            }
            REQUIRE(timers.size() == model.size());
            REQUIRE(timers.nearest() > now);
        }
    }
}

TEST_CASE("limits that are set and taken away in one turn take no room, and none is forgotten") {
    timer_set timers;
    std::deque<numbered> all(3);
    for (numbered& t : all)
        t.deadline = 10;
    // Never the last one first: the list is full of holes.
    for (int round = 0; round < support::many(1'000'000); ++round) {
        numbered& next = all[static_cast<std::size_t>(round) % 2];
        timers.make_room();
        timers.insert_fresh(next);
        if (round != 0)
            timers.remove(all[static_cast<std::size_t>(round + 1) % 2]);
    }
    REQUIRE(timers.size() == 1);
    timers.end_turn(100);
    REQUIRE(timers.nearest() == 110);
    REQUIRE(timers.expire(110) == &all[1]);
    REQUIRE(timers.empty());
}

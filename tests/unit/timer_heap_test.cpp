// The timers against a model: what expires, in which order, whatever is taken out in between.
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <tuple>

#include "runtime/timer_heap.hpp"

using coax::detail::timer;
using coax::detail::timer_heap;

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
        for (int step = 0; step < 40'000; ++step) {
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

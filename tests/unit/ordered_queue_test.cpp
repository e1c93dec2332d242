// The queue of what was kept: its order, and that no entry is moved again and again.
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/inbox.hpp"

namespace {

/// Counts how often one of its kind is moved.
struct entry {
    entry(std::uint32_t place, std::size_t& count) noexcept : order(place), moves(&count) {}
    entry(entry&& other) noexcept : order(other.order), moves(other.moves) { ++*moves; }
    entry& operator=(entry&& other) noexcept {
        order = other.order;
        moves = other.moves;
        ++*moves;
        return *this;
    }
    ~entry() = default;

    std::uint32_t order;
    std::size_t* moves;
};

using queue = coax::detail::ordered_queue<entry>;

constexpr std::uint32_t many = 10'000;
/// How often an entry is moved at the most, on average: in, as the memory grows, as those before it are gone, out.
constexpr std::size_t most_moves = 8;

} // namespace

TEST_CASE("an entry stands before the first that is later, also where the places wrap around") {
    std::size_t moves = 0;
    queue kept;
    const std::vector<std::uint32_t> places = {30, 10, 20, 0xffff'fff0, 40};
    for (const std::uint32_t place : places)
        kept.insert(entry(place, moves));
    CHECK(kept.front().order == 0xffff'fff0);
    CHECK(kept.take().order == 0xffff'fff0);
    CHECK(kept.take().order == 10);
    kept.insert(entry(20, moves)); // before what was left of the same one
    CHECK(kept.size() == 4);
    for (const std::uint32_t place : {20U, 20U, 30U, 40U})
        CHECK(kept.take().order == place);
    CHECK(kept.empty());
}

TEST_CASE("entries that are all put in and then all taken out are each moved a few times") {
    std::size_t moves = 0;
    queue kept;
    for (std::uint32_t place = 0; place < many; ++place)
        kept.insert(entry(place, moves));
    bool in_order = true;
    for (std::uint32_t place = 0; place < many; ++place)
        in_order = kept.take().order == place && in_order;
    CHECK(in_order);
    CHECK(kept.empty());
    CHECK(moves <= most_moves * many);
}

TEST_CASE("entries of a queue that never gets shorter are each moved a few times") {
    std::size_t moves = 0;
    queue kept;
    for (std::uint32_t place = 0; place < many / 10; ++place)
        kept.insert(entry(place, moves));
    bool in_order = true;
    for (std::uint32_t place = 0; place < many; ++place) {
        kept.insert(entry(place + many / 10, moves));
        in_order = kept.take().order == place && in_order;
    }
    CHECK(in_order);
    CHECK(kept.size() == many / 10);
    CHECK(moves <= most_moves * many);
}

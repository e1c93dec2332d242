// A batch of datagrams as a container, and the datagrams in a run of bytes.
#include "support/catch.hpp"

#include <coax/datagram.hpp>

#include <iterator>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

std::vector<std::size_t> sizes_of(std::span<std::byte> bytes, std::size_t segment_size) {
    std::vector<std::size_t> sizes;
    const coax::datagram_segments segments(bytes, segment_size);
    for (const std::span<std::byte> each : segments)
        sizes.push_back(each.size());
    CHECK(segments.size() == sizes.size());
    return sizes;
}

} // namespace

TEST_CASE("a run of bytes is as many datagrams as there are segments, and an empty one is one") {
    std::byte bytes[10];
    using sizes = std::vector<std::size_t>;
    CHECK(sizes_of(bytes, 0) == sizes{10});
    CHECK(sizes_of(bytes, 4) == sizes{4, 4, 2});
    CHECK(sizes_of(bytes, 5) == sizes{5, 5});
    CHECK(sizes_of(bytes, 10) == sizes{10});
    CHECK(sizes_of(bytes, 11) == sizes{10});
    CHECK(sizes_of({}, 0) == sizes{0});
    CHECK(sizes_of({}, 7) == sizes{0});
    CHECK((*std::next(coax::datagram_segments(bytes, 4).begin())).data() == bytes + 4);
    STATIC_REQUIRE(std::forward_iterator<coax::datagram_segments::iterator>);
}

TEST_CASE("a batch has the room that it was made with, and is empty") {
    coax::datagram_batch batch(3, 100);
    CHECK(batch.capacity() == 3);
    CHECK(batch.entry_size() == 100);
    CHECK(batch.empty());
    CHECK(batch.begin() == batch.end());
    CHECK_THROWS_AS(coax::datagram_batch(0, 100), std::invalid_argument);
    CHECK_THROWS_AS(coax::datagram_batch(static_cast<std::size_t>(-1) / 8, 1), std::bad_alloc);
    CHECK_THROWS_AS(coax::datagram_batch(1000, static_cast<std::size_t>(-1) / 8), std::bad_alloc);
    int negative = -1;
    CHECK_THROWS_AS(coax::datagram_batch(negative, 100), std::invalid_argument);
}

TEST_CASE("entries that are added hold copies of their bytes, each at its own place") {
    coax::datagram_batch batch(3, 8);
    const coax::address peer("192.0.2.1", 7);
    {
        std::string text = "one";
        batch.add(text, peer).segment_size = 2;
        text = "two";
        batch.add(text);
    }
    batch.add("");
    REQUIRE(batch.size() == 3);
    CHECK(batch[0].text() == "one");
    CHECK(batch[0].peer == peer);
    CHECK(batch[0].segment_size == 2);
    CHECK(batch[1].text() == "two");
    CHECK(batch[1].peer.is_unnamed());
    CHECK(batch[1].segment_size == 0);
    CHECK(batch[2].data.empty());
    CHECK_THROWS_AS(batch.add("x"), std::length_error);
    CHECK(batch.size() == 3);
    batch.clear();
    CHECK_THROWS_AS(batch.add("123456789"), std::length_error);
    CHECK(batch.empty());
    CHECK(batch.add("12345678").text() == "12345678");
    CHECK(batch[0].segment_size == 0); // nothing is left of the one that stood there
    CHECK(batch[0].peer.is_unnamed());
}

TEST_CASE("a batch that is made larger gets entries with all their room, and one made smaller keeps the first") {
    coax::datagram_batch batch(4, 16);
    batch.add("kept", coax::address("192.0.2.1", 7));
    batch.resize(4);
    CHECK(batch.size() == 4);
    CHECK(batch[0].text() == "kept");
    for (std::size_t i = 1; i < 4; ++i) {
        CHECK(batch[i].data.size() == 16);
        CHECK(batch[i].data.data() != batch[i - 1].data.data());
    }
    CHECK_THROWS_AS(batch.resize(5), std::length_error);
    batch.resize(1);
    CHECK(batch.size() == 1);
    CHECK(batch[0].text() == "kept");
    CHECK(std::as_const(batch)[0].text() == "kept");
    CHECK(std::as_const(batch).end() - std::as_const(batch).begin() == 1);
}

TEST_CASE("a batch can be moved, and what it was moved from has room for nothing") {
    coax::datagram_batch first(2, 8);
    first.add("one");
    const std::byte* const place = first[0].data.data();
    coax::datagram_batch second(std::move(first));
    CHECK(first.capacity() == 0);
    CHECK(first.size() == 0);
    CHECK(first.begin() == first.end());
    CHECK_THROWS_AS(first.add("x"), std::length_error);
    CHECK_NOTHROW(first.resize(0));
    first.clear();
    CHECK(second[0].text() == "one");
    CHECK(second[0].data.data() == place);
    coax::datagram_batch third(5, 5);
    third = std::move(second);
    CHECK(third.capacity() == 2);
    CHECK(second.capacity() == 0);
    CHECK(third[0].text() == "one");
    third.swap(first);
    CHECK(first[0].text() == "one");
    CHECK(third.capacity() == 0);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<coax::datagram_batch>);
}

TEST_CASE("a batch of entries without bytes is one") {
    coax::datagram_batch batch(2, 0);
    batch.add("");
    batch.resize(2);
    CHECK(batch[1].data.empty());
    CHECK_THROWS_AS((batch.clear(), batch.add("x")), std::length_error);
}

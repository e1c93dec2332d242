// Control data: what is built is taken apart again, and nothing that is malformed does harm.
#include "support/catch.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "native_sockets.hpp"
#include "os/control.hpp"
#include "unit/os_sockets.hpp"

using coax::credentials;
using coax::native_handle;
using coax::packet_info;
using namespace os_test;
using namespace std::chrono_literals;

namespace {

struct collected final : os::control_sink {
    void descriptor(native_handle owned) noexcept override { descriptors.push_back(owned); }
    void other(const os::control_message& message) noexcept override {
        types.push_back(message.type);
        bytes += message.data.size();
    }
    std::vector<native_handle> descriptors;
    std::vector<int> types;
    std::size_t bytes = 0;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Control data that a test builds, and may spoil.
struct list {
    std::array<std::byte, 512> room{};
    os::control_builder builder{room};

    list() = default;
    list(const list&) = delete;

    int parse(os::control_values& into, collected& sink, bool cut = false) {
        return os::parse_control(builder.bytes(), cut, into, &sink);
    }
    /// Of the message that begins there: its length, which every system has at the front.
    void set_length(std::size_t at, std::size_t length) {
        const auto native = static_cast<native_control_length>(length);
        std::memcpy(room.data() + at, &native, sizeof native);
    }
};

} // namespace

TEST_CASE("control data that are built say the same when they are taken apart") {
    list made;
    const packet_info from(address("2001:db8::1", 0), 7);
    REQUIRE(made.builder.add_source(family::inet6, from) == 0);
    REQUIRE(made.builder.add_traffic_class(family::inet6, 0x2e) == 0);
    REQUIRE(made.builder.add_hop_limit(family::inet6, 0xff) == 0);
    REQUIRE(made.builder.add(1234, 5, bytes_of("xyz")) == 0);
    os::control_values said;
    collected others;
    REQUIRE(made.parse(said, others) == 0);
    CHECK(said.packet == from);
    CHECK(said.traffic_class == 0x2e);
    CHECK(said.hop_limit == 0xff);
    CHECK_FALSE(said.time);
    CHECK_FALSE(said.segment_size);
    CHECK_FALSE(said.sender);
    CHECK(others.types == std::vector{5});
    CHECK(others.bytes == 3);
    CHECK(others.descriptors.empty());
}

TEST_CASE("an address of IPv4 is mapped for an IPv6 socket, and no other family is taken") {
    list made;
    REQUIRE(made.builder.add_source(family::inet6, packet_info(address("192.0.2.1", 0))) == 0);
    os::control_values said;
    collected others;
    REQUIRE(made.parse(said, others) == 0);
    CHECK(said.packet == packet_info(address("::ffff:192.0.2.1", 0)));
    const std::size_t size = made.builder.bytes().size();
    CHECK(made.builder.add_source(family::inet, packet_info(address("::1", 0))) == EINVAL);
    CHECK(made.builder.add_source(family::inet6, packet_info(address::unix_path("/x"))) == EINVAL);
    CHECK(made.builder.add_source(family::local, {}) == EINVAL);
    CHECK(made.builder.add_hop_limit(family::local, 1) == EINVAL);
    CHECK(made.builder.add_traffic_class(family::local, 1) == EINVAL);
    CHECK(made.builder.bytes().size() == size);
}

TEST_CASE("no address and an interface is a source too") {
    list made;
    REQUIRE(made.builder.add_source(family::inet6, packet_info({}, 3)) == 0);
    REQUIRE(made.builder.add_source(family::inet6, packet_info(address("", 0), 3)) == 0);
    os::control_values said;
    collected others;
    REQUIRE(made.parse(said, others) == 0);
    CHECK(said.packet == packet_info(address("::", 0), 3));
}

TEST_CASE("a link-local address comes with its interface") {
    list made;
    REQUIRE(made.builder.add_source(family::inet6, packet_info(address("fe80::1", 0), 3)) == 0);
    os::control_values said;
    collected others;
    REQUIRE(made.parse(said, others) == 0);
    CHECK(said.packet->local == address("fe80::1%3", 0));
}

TEST_CASE("control data need no more room than they are said to") {
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<std::byte> room(os::control_room(size));
        os::control_builder builder(room);
        CHECK(builder.add(1, 2, std::vector<std::byte>(size)) == 0);
        CHECK(builder.bytes().size() <= room.size());
    }
    std::array<std::byte, 8> little;
    os::control_builder builder(little);
    CHECK(builder.add(1, 2, {}) == ENOBUFS);
    CHECK(builder.add(1, 2, std::vector<std::byte>(10'000)) == ENOBUFS);
    CHECK(builder.bytes().empty());
}

TEST_CASE("control data with a length of nothing, too short or too long are an error, and the list ends there") {
    const auto error_with_length = [](std::size_t length, bool cut) {
        list made;
        REQUIRE(made.builder.add(1234, 1, bytes_of("12345678")) == 0);
        const std::size_t second = made.builder.bytes().size();
        REQUIRE(made.builder.add(1234, 2, bytes_of("12345678")) == 0);
        REQUIRE(made.builder.add(1234, 3, bytes_of("12345678")) == 0);
        made.set_length(second, length);
        os::control_values said;
        collected others;
        const int error = made.parse(said, others, cut);
        CHECK(others.types == std::vector{1});
        return error;
    };
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{11}, std::size_t{200},
                                     static_cast<std::size_t>(0xffff'fff0), static_cast<std::size_t>(0x7fff'ffff)}) {
        INFO(length);
        CHECK(error_with_length(length, false) == EBADMSG);
        CHECK(error_with_length(length, true) == (length < 12 ? EBADMSG : 0));
    }
}

TEST_CASE("every beginning of control data is an error or is whole, and nothing behind it is read") {
    list made;
    REQUIRE(made.builder.add(1234, 1, bytes_of("12345678")) == 0);
    const std::size_t first = made.builder.bytes().size();
    const std::size_t whole = 2 * first - 8 + sizeof(int);
    REQUIRE(made.builder.add_hop_limit(family::inet6, 3) == 0);
    const std::span<const std::byte> all = made.builder.bytes();
    for (std::size_t size = 0; size <= all.size(); ++size) {
        // A block of just this size, at an odd address.
        std::vector<std::byte> exact(size + 1);
        std::copy_n(all.begin(), size, exact.begin() + 1);
        os::control_values said;
        collected others;
        const int error = os::parse_control(std::span(exact).subspan(1), false, said, &others);
        CHECK(error == (size == 0 || size == first || size >= whole ? 0 : EBADMSG));
        CHECK(said.hop_limit.has_value() == (size >= whole));
        CHECK(os::parse_control(std::span(exact).subspan(1), true, said, &others) == 0);
    }
}

TEST_CASE("a value of the wrong size or out of its range is an error, and left out where control data were cut") {
    const int values[] = {-1, 256, 0x7fff'ffff};
    for (const int value : values) {
        list made;
        REQUIRE(made.builder.add(IPPROTO_IPV6, IPV6_HOPLIMIT, std::as_bytes(std::span(&value, 1))) == 0);
        os::control_values said;
        collected others;
        CHECK(made.parse(said, others) == EBADMSG);
        CHECK_FALSE(said.hop_limit);
    }
    for (const std::size_t size : {0U, 2U, 3U, 5U}) {
        list made;
        const std::vector<std::byte> some(size);
        REQUIRE(made.builder.add(IPPROTO_IPV6, IPV6_HOPLIMIT, some) == 0);
        REQUIRE(made.builder.add(IPPROTO_IPV6, IPV6_PKTINFO, some) == 0);
        os::control_values said;
        collected others;
        CHECK(made.parse(said, others) == EBADMSG);
        CHECK(made.parse(said, others, true) == 0);
        CHECK_FALSE(said.hop_limit);
        CHECK_FALSE(said.packet);
    }
}

TEST_CASE("descriptors are handed over from malformed control data too", "[posix]") {
    list made;
    const native_handle handles[] = {11, 12, 13};
    REQUIRE(made.builder.add_descriptors(handles) == 0);
    const std::size_t second = made.builder.bytes().size();
    REQUIRE(made.builder.add_descriptors(handles) == 0);
    made.set_length(second, 4096);
    os::control_values said;
    collected others;
    CHECK(made.parse(said, others) == EBADMSG);
    CHECK(others.descriptors.size() >= 6); // and what the padding may be
    CHECK(std::vector(others.descriptors.begin(), others.descriptors.begin() + 3) ==
          std::vector<native_handle>{11, 12, 13});
}

TEST_CASE("descriptors that nobody is there to take are closed", "[posix]") {
    list made;
    const native_handle handles[] = {static_cast<native_handle>(os::open(family::local, kind::stream, 0).value)};
    REQUIRE(made.builder.add_descriptors(handles) == 0);
    os::control_values said;
    CHECK(os::parse_control(made.builder.bytes(), false, said) == 0);
    CHECK(os::close(handles[0]) == EBADF);
}

TEST_CASE("the options of control data are read as they are set") {
    using id = coax::detail::option_id;
    for (const auto& [f, place] : loopback_places()) {
        const owned one = bound(f, kind::datagram, place);
        for (const id which : {id::receive_packet_info, id::receive_ecn, id::receive_hop_limit, id::receive_time}) {
            coax::detail::option_words words;
            const int error = os::set_option(one, which, {1, 0});
            if (error != 0) { // the system lacks it
                CHECK((error == ENOPROTOOPT || error == EINVAL || error == EOPNOTSUPP));
                continue;
            }
            CHECK(os::get_option(one, which, words) == 0);
            CHECK(words.first == 1);
            CHECK(os::set_option(one, which, {0, 0}) == 0);
            CHECK(os::get_option(one, which, words) == 0);
            CHECK(words.first == 0);
        }
        coax::detail::option_words words;
        CHECK(os::set_option(one, id::pass_credentials, {1, 0}) == ENOPROTOOPT);
        CHECK(os::get_option(one, id::pass_credentials, words) == ENOPROTOOPT);
    }
}

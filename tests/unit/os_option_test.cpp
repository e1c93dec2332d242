// Typed socket options: what is set reads back, whatever the system's own encoding is.
#include "support/catch.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <type_traits>

#include <coax/option.hpp>

#include "native_sockets.hpp"
#include "os/extensions.hpp"
#include "unit/os_sockets.hpp"

using coax::family;
using coax::kind;
using namespace std::chrono_literals;
namespace detail = coax::detail;
namespace option = coax::option;
namespace os = coax::os;

namespace {

class test_socket {
public:
    test_socket(family f, kind k) : handle_(f, k) {}

    template <class T>
    int set(option::of<T> which, std::type_identity_t<T> value) {
        return os::set_option(handle_, which.id, detail::option_codec<T>::encode(value));
    }

    template <class T>
    T get(option::readable<T> which) {
        detail::option_words words;
        REQUIRE(os::get_option(handle_, which.id, words) == 0);
        return detail::option_codec<T>::decode(words);
    }

    template <class T>
    void check_kept(option::of<T> which, std::type_identity_t<T> value) {
        CHECK(set(which, value) == 0);
        CHECK(get(which) == value);
    }

    coax::native_handle handle() const { return handle_; }

private:
    os_test::owned handle_;
};

template <class Option>
concept settable = requires(test_socket& s, Option o, typename Option::value_type v) { s.set(o, v); };

static_assert(settable<decltype(option::linger)>);
static_assert(!settable<decltype(option::error)> && !settable<decltype(option::type)> &&
              !settable<decltype(option::accepting)>);

} // namespace

TEST_CASE("options of a TCP socket read back what was set") {
    test_socket tcp(family::inet, kind::stream);
    for (const auto& flag : {option::keep_alive, option::no_delay, option::out_of_band_inline, option::broadcast}) {
        INFO(static_cast<int>(flag.id));
        tcp.check_kept(flag, true);
        tcp.check_kept(flag, false);
    }
    tcp.check_kept(option::linger, 5s);
    tcp.check_kept(option::linger, 0s);
    tcp.check_kept(option::linger, std::nullopt);
    tcp.check_kept(option::receive_buffer_size, 64 * 1024);
    tcp.check_kept(option::send_buffer_size, 48 * 1024);
}

// Windows has no reuse_port, and reuse_address is always on; Wine lacks some of what concerns keep-alive.
TEST_CASE("options that only POSIX systems have, or can change, read back", "[posix]") {
    test_socket tcp(family::inet, kind::stream);
    tcp.check_kept(option::keep_alive_idle, 120s);
    tcp.check_kept(option::keep_alive_interval, 7s);
    tcp.check_kept(option::keep_alive_count, 4);
    for (const auto& flag : {option::reuse_address, option::reuse_port}) {
        tcp.check_kept(flag, true);
        tcp.check_kept(flag, false);
    }
#ifdef COAX_LINUX_EXTENSIONS
    tcp.check_kept(option::user_timeout, 1500ms);
    tcp.check_kept(option::user_timeout, 2min);
    CHECK(tcp.set(option::quick_ack, true) == 0);
    CHECK(tcp.get(option::quick_ack));
#endif
}

TEST_CASE("durations are rounded by nobody: only whole units of an option are accepted") {
    static_assert(!std::is_convertible_v<std::chrono::milliseconds, decltype(option::keep_alive_idle)::value_type>);
    static_assert(std::is_convertible_v<std::chrono::minutes, decltype(option::keep_alive_idle)::value_type>);
}

TEST_CASE("an IPv6 socket can be told to leave IPv4 alone") {
    if (os_test::loopback_places().size() == 1)
        return; // a machine without IPv6
    test_socket tcp(family::inet6, kind::stream);
    tcp.check_kept(option::v6_only, true);
    tcp.check_kept(option::v6_only, false);
}

TEST_CASE("what only the kernel sets can be read") {
    test_socket tcp(family::inet, kind::stream);
    test_socket udp(family::inet, kind::datagram);
    CHECK(tcp.get(option::type) == kind::stream);
    CHECK(udp.get(option::type) == kind::datagram);
    CHECK_FALSE(tcp.get(option::error));
    CHECK_FALSE(tcp.get(option::accepting));
    REQUIRE(os::bind(tcp.handle(), coax::address("127.0.0.1", 0)) == 0);
    REQUIRE(os::listen(tcp.handle(), 1) == 0);
    CHECK(tcp.get(option::accepting));
}

// Windows does not tell a datagram socket that nobody is there.
TEST_CASE("a pending error is read once", "[posix]") {
    test_socket udp(family::inet, kind::datagram);
    coax::address nobody;
    {
        test_socket other(family::inet, kind::datagram);
        REQUIRE(os::bind(other.handle(), coax::address("127.0.0.1", 0)) == 0);
        REQUIRE(os::getsockname(other.handle(), nobody) == 0);
    }
    REQUIRE(os::connect(udp.handle(), nobody) == 0);
    REQUIRE(os::send(udp.handle(), "x", 1, {}).error == 0);
    // Over loopback the refusal is there when the send returns.
    CHECK(udp.get(option::error) == std::errc::connection_refused);
    CHECK_FALSE(udp.get(option::error));
}

TEST_CASE("values that the system's type cannot hold are refused, not cut") {
    test_socket tcp(family::inet, kind::stream);
    CHECK(tcp.set(option::keep_alive_idle, 3'000'000'000s) == EINVAL);
    CHECK(tcp.set(option::keep_alive_idle, -1s) == EINVAL);
    CHECK(tcp.set(option::linger, std::chrono::seconds::max()) == EINVAL);
    CHECK(tcp.set(option::linger, -1s) == EINVAL);
    CHECK(tcp.set(option::receive_buffer_size, -1) == EINVAL);
#ifdef COAX_LINUX_EXTENSIONS
    CHECK(tcp.set(option::user_timeout, std::chrono::milliseconds::max()) == EINVAL);
#endif
    CHECK_FALSE(tcp.get(option::linger).has_value());
}

TEST_CASE("an option that the socket does not have is an error") {
    test_socket udp(family::inet, kind::datagram);
    CHECK(udp.set(option::no_delay, true) != 0);
    const int error = os::set_option(-1, option::no_delay.id, {1, 0});
    CHECK((error == EBADF || error == ENOTSOCK)); // Windows has one error for both
}

TEST_CASE("raw options go by the system's numbers") {
    test_socket tcp(family::inet, kind::stream);
    const int on = 1;
    CHECK(os::set_option(tcp.handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    int value = 0;
    std::size_t size = sizeof value;
    CHECK(os::get_option(tcp.handle(), IPPROTO_TCP, TCP_NODELAY, &value, size) == 0);
    CHECK(size > 0); // Windows writes one byte
    CHECK(size <= sizeof value);
    CHECK(value != 0);
    CHECK(os::set_option(tcp.handle(), SOL_SOCKET, -1, &on, sizeof on) == ENOPROTOOPT);
    CHECK(os::get_option(tcp.handle(), SOL_SOCKET, -1, &value, size) == ENOPROTOOPT);
}

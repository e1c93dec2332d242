// What the tests of src/os share: handles that close themselves, and sockets in the state a test starts from.
#pragma once

#include "support/catch.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coax/address.hpp>

#include "os/poll.hpp"
#include "os/socket.hpp"
#include "support/system.hpp"

namespace os_test {

namespace os = coax::os;
using coax::address;
using coax::family;
using coax::kind;
using coax::message_flags;

// A handle that closes itself.
class owned {
public:
    explicit owned(coax::native_handle handle) : handle_(handle) {}
    explicit owned(os::outcome made) : handle_(static_cast<coax::native_handle>(made.value)) {
        REQUIRE(made.error == 0);
    }
    owned(family f, kind k) : owned(os::open(f, k, 0)) {}
    owned(owned&& other) noexcept : handle_(std::exchange(other.handle_, support::no_handle)) {}
    ~owned() {
        if (handle_ != support::no_handle)
            os::close(handle_);
    }
    operator coax::native_handle() const { return handle_; }
    int close() { return os::close(std::exchange(handle_, support::no_handle)); }

private:
    coax::native_handle handle_;
};

inline std::pair<owned, owned> connected_pair(kind k) {
    coax::native_handle ends[2];
    REQUIRE(os::pair(k, ends) == 0);
    return {owned(ends[0]), owned(ends[1])};
}

inline bool wait_for(coax::native_handle handle, short events) {
    os::poll_entry entry{handle, events, 0};
    return os::poll(&entry, 1, 5'000'000'000) == 1;
}

inline address name_of(coax::native_handle handle) {
    address name;
    REQUIRE(os::getsockname(handle, name) == 0);
    return name;
}

inline owned bound(family f, kind k, const address& name) {
    owned made(f, k);
    REQUIRE(os::bind(made, name) == 0);
    return made;
}

inline owned listening(const address& name, family f) {
    owned made = bound(f, kind::stream, name);
    REQUIRE(os::listen(made, 8) == 0);
    return made;
}

inline void connect_to(coax::native_handle handle, const address& peer) {
    const int error = os::connect(handle, peer);
    REQUIRE((error == 0 || error == EINPROGRESS));
    REQUIRE(wait_for(handle, os::poll_writable));
    REQUIRE(os::connect_result(handle) == 0);
}

inline bool is_prepared(coax::native_handle handle) {
    return support::is_non_blocking(handle) && support::is_closed_on_exec(handle);
}

/// The loopback addresses of this machine, which may have no IPv6.
inline std::vector<std::pair<family, address>> loopback_places() {
    std::vector<std::pair<family, address>> places = {{family::inet, address("127.0.0.1", 0)}};
    const os::outcome probe = os::open(family::inet6, kind::stream, 0);
    if (probe.error == 0) {
        const owned handle(probe);
        if (os::bind(handle, address("::1", 0)) == 0)
            places.emplace_back(family::inet6, address("::1", 0));
    }
    return places;
}

inline std::string received(coax::native_handle handle, message_flags flags = {}) {
    char buffer[256];
    const os::outcome got = os::recv(handle, buffer, sizeof buffer, flags);
    REQUIRE(got.error == 0);
    return {buffer, static_cast<std::size_t>(got.value)};
}

inline void send_text(coax::native_handle handle, std::string_view text) {
    const os::outcome sent = os::send(handle, text.data(), text.size(), {});
    REQUIRE(sent.error == 0);
    REQUIRE(sent.value == static_cast<std::int64_t>(text.size()));
}

} // namespace os_test

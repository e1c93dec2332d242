// Two connected sockets on Windows, which has no such call.
#include "os/native.hpp"

#include <utility>

namespace coax::os {

namespace {

bool same_name(const address& a, int error_a, const address& b, int error_b) noexcept {
    return error_a == 0 && error_b == 0 && a == b;
}

/// Whether each of two sockets is the other's peer.
bool are_connected(native_handle one, native_handle other) noexcept {
    address name_one;
    address name_other;
    address peer_one;
    address peer_other;
    const int name_one_error = getsockname(one, name_one);
    const int name_other_error = getsockname(other, name_other);
    const int peer_one_error = getpeername(one, peer_one);
    const int peer_other_error = getpeername(other, peer_other);
    return same_name(name_one, name_one_error, peer_other, peer_other_error) &&
           same_name(name_other, name_other_error, peer_one, peer_one_error);
}

struct closing_handle {
    closing_handle() noexcept = default;
    closing_handle(const closing_handle&) = delete;
    closing_handle& operator=(const closing_handle&) = delete;
    ~closing_handle() {
        if (value != no_handle)
            close(value);
    }
    int hold(const outcome& made) noexcept {
        if (made.error == 0)
            value = static_cast<native_handle>(made.value);
        return made.error;
    }
    native_handle release() noexcept { return std::exchange(value, no_handle); }

    native_handle value = no_handle;
};

const address& any_loopback() noexcept {
    static const address at("127.0.0.1", 0);
    return at;
}

/// Waits for what happens on this machine alone.
int wait_for(native_handle handle, short events) noexcept {
    WSAPOLLFD entry{handle, events, 0};
    constexpr int patience = 10'000; // milliseconds
    const int ready = ::WSAPoll(&entry, 1, patience);
    return ready > 0 ? 0 : ready == 0 ? ETIMEDOUT : last_error();
}

int bound_to_loopback(kind k, closing_handle& made, address& name) noexcept {
    int error = made.hold(open(family::inet, k, 0));
    if (error == 0)
        error = bind(made.value, any_loopback());
    if (error == 0)
        error = getsockname(made.value, name);
    return error;
}

int connected_stream(closing_handle& first, closing_handle& second) noexcept {
    closing_handle listener;
    address at;
    int error = bound_to_loopback(kind::stream, listener, at);
    if (error == 0)
        error = listen(listener.value, 1);
    if (error == 0)
        error = first.hold(open(family::inet, kind::stream, 0));
    if (error == 0)
        error = connect(first.value, at);
    if (error == EINPROGRESS) {
        error = wait_for(first.value, POLLWRNORM);
        if (error == 0)
            error = connect_result(first.value);
    }
    if (error == 0)
        error = wait_for(listener.value, POLLRDNORM);
    if (error == 0)
        error = second.hold(accept(listener.value, nullptr));
    for (const native_handle handle : {first.value, second.value}) {
        const BOOL on = TRUE;
        if (error == 0)
            error = set_option(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return error;
}

int connected_datagrams(closing_handle& first, closing_handle& second) noexcept {
    address first_name;
    address second_name;
    int error = bound_to_loopback(kind::datagram, first, first_name);
    if (error == 0)
        error = bound_to_loopback(kind::datagram, second, second_name);
    if (error == 0)
        error = connect(first.value, second_name);
    if (error == 0)
        error = connect(second.value, first_name);
    return error;
}

} // namespace

const family pair_family = family::inet;

// They are connected over the loopback interface. Somebody else on this machine may be the
// first to connect to the listener, so the two have to know each other.
int pair(kind k, native_handle (&ends)[2]) noexcept {
    for (int attempts = 0; attempts < 8; ++attempts) {
        closing_handle first;
        closing_handle second;
        const int error = k == kind::stream ? connected_stream(first, second) : connected_datagrams(first, second);
        if (error != 0)
            return error;
        if (!are_connected(first.value, second.value))
            continue;
        ends[0] = first.release();
        ends[1] = second.release();
        return 0;
    }
    return ECONNABORTED;
}

} // namespace coax::os

#include <coax/socket.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <coax/error.hpp>
#include <coax/socketpair.hpp>

#include "backend/backend.hpp"
#include "net/socket_access.hpp"
#include "runtime/current_system.hpp"

namespace coax {

using detail::check;
using detail::descriptor;
using detail::note_options;
using detail::opened;
using detail::owned;

namespace {

/// Neither can it be taken out of the other thread's queues, nor can the handle be closed under them.
[[noreturn]] void end_misuse() noexcept {
    std::fputs("coax: a socket is closed that belongs to a scheduler which runs on another thread\n", stderr);
    std::abort();
}

/// Takes ownership of the handle, also when memory runs out.
descriptor* describe(os::system& on, native_handle handle, family of, kind what) {
    try {
        return new descriptor(on, handle, of, what);
    } catch (...) {
        on.close(handle);
        throw;
    }
}

} // namespace

namespace detail {

void check(int error, operation_name operation, const address& about) {
    if (error != 0)
        throw io_error(failure(system_error(error), operation).with_peer(about));
}

descriptor& opened(descriptor* state, operation_name operation) {
    check(state == nullptr || !state->open ? EBADF : 0, operation);
    return *state;
}

descriptor& owned(descriptor* state, operation_name operation) {
    descriptor& d = opened(state, operation);
    if (d.attached != nullptr && !d.attached->is_inherited() && !d.attached->runs_here())
        throw std::logic_error(std::string("coax: ") + to_string(operation) +
                               " of a socket that belongs to a scheduler which runs on another thread");
    return d;
}

void note_options(descriptor& d) noexcept {
    option_words linger;
    d.lingers =
        d.system.get_option(d.handle, option_id::linger, linger) == 0 && linger.first != 0 && linger.second != 0;
    d.has_low_water_mark = d.system.low_water_mark(d.handle) > 1;
    option_words offload;
    d.receives_runs = d.kind == kind::datagram &&
                      d.system.get_option(d.handle, option_id::receive_offload, offload) == 0 && offload.first != 0;
}

namespace {

/// What is asked for from now on did not come with datagrams that were received before.
void note_missing_control(descriptor& d) noexcept {
    if (d.kind != kind::datagram || !d.has_kept_bytes())
        return;
    for (lease& each : d.kept().bytes)
        if (each.control == nullptr && each.said.empty())
            each.control_cut = true;
}

} // namespace

} // namespace detail

socket::socket(coax::family family, coax::kind kind, int protocol) {
    os::system& on = detail::current_system();
    const os::outcome made = on.open(family, kind, protocol);
    check(made.error, operation_name::socket);
    state_ = describe(on, static_cast<native_handle>(made.value), family, kind);
}

socket& socket::operator=(socket&& other) noexcept {
    if (this != &other) {
        release();
        state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
}

socket::~socket() { release(); }

void socket::release() noexcept {
    if (state_ == nullptr)
        return;
    if (--state_->owners == 0)
        close();
    state_->release();
}

socket socket::share() const { return detail::socket_access::share(opened(state_, operation_name::socket)); }

socket detail::socket_access::share(descriptor& of) noexcept {
    of.retain();
    ++of.owners;
    return socket(&of);
}

bool socket::is_open() const noexcept { return state_ != nullptr && state_->open; }

coax::family socket::family() const { return opened(state_, operation_name::socket).family; }

coax::kind socket::kind() const { return opened(state_, operation_name::socket).kind; }

void socket::bind(const address& name) {
    const descriptor& d = opened(state_, operation_name::bind);
    const address exact = name.resolved(d.family);
    check(d.system.bind(d.handle, exact), operation_name::bind, exact);
}

void socket::listen(int backlog) {
    if (backlog < 0)
        detail::throw_negative("listen", backlog);
    const descriptor& d = opened(state_, operation_name::listen);
    check(d.system.listen(d.handle, backlog), operation_name::listen);
}

address socket::getsockname() const {
    const descriptor& d = opened(state_, operation_name::getsockname);
    address name;
    check(d.system.getsockname(d.handle, name), operation_name::getsockname);
    return name;
}

address socket::getpeername() const {
    const descriptor& d = opened(state_, operation_name::getpeername);
    address name;
    check(d.system.getpeername(d.handle, name), operation_name::getpeername);
    return name;
}

void socket::shutdown(shutdown_how how) {
    descriptor& d = owned(state_, operation_name::shutdown);
    check(backend::shut_down(d, how), operation_name::shutdown, d.peer.get());
}

void socket::close() noexcept {
    if (!is_open())
        return;
    descriptor& d = *state_;
    if (d.attached != nullptr && !d.attached->is_inherited() && !d.attached->runs_here()) [[unlikely]]
        end_misuse();
    d.open = false;
    if (d.attached != nullptr)
        d.attached->detach(d, detail::stop_reason::closed);
    // To the kernel these bytes have been read; to the peer it has to look as if they had not.
    const bool resets = d.kind == kind::stream && d.has_kept_bytes() && d.family != family::local;
    d.drop_kept();
    // The option is also that of others who have the socket.
    const bool is_alone = !d.may_have_duplicates();
    if (is_alone && (resets || d.lingers))
        d.system.set_option(d.handle, detail::option_id::linger, {resets ? 1 : 0, 0});
    // With a time to linger close(2) would wait, and everybody on this thread with it. Without one the system sends the rest all the same.
    if (is_alone || !d.lingers)
        d.system.close(d.handle);
    else
        d.system.close_elsewhere(d.handle);
}

void socket::set_words(detail::option_id id, detail::option_words value) {
    descriptor& d = opened(state_, operation_name::setsockopt);
    const int error = d.system.set_option(d.handle, id, value);
    // It changes nothing but the speed, so a system that lacks it is none that fails.
    const bool may_fail = id == detail::option_id::receive_offload && d.kind == kind::datagram;
    check(may_fail ? 0 : error, operation_name::setsockopt);
    if (id == detail::option_id::linger || may_fail)
        note_options(d);
    if (id >= detail::option_id::receive_packet_info && id <= detail::option_id::receive_time && value.first != 0)
        detail::note_missing_control(d);
    // The system may have begun a receive that takes whatever comes for a single datagram.
    if (may_fail && d.attached != nullptr && d.attached->runs_here())
        d.attached->serve_waiting(d);
}

detail::option_words socket::get_words(detail::option_id id) const {
    const descriptor& d = opened(state_, operation_name::getsockopt);
    detail::option_words value;
    if (id == detail::option_id::receive_offload && d.kind == kind::datagram)
        value.first = d.receives_runs ? 1 : 0;
    else
        check(d.system.get_option(d.handle, id, value), operation_name::getsockopt);
    return value;
}

void socket::setsockopt(int level, int name, int value) {
    setsockopt(level, name, std::as_bytes(std::span(&value, 1)));
}

void socket::setsockopt(int level, int name, std::span<const std::byte> value) {
    descriptor& d = opened(state_, operation_name::setsockopt);
    check(d.system.set_option(d.handle, level, name, value.data(), value.size()), operation_name::setsockopt);
    if (os::is_of_the_socket(level) || d.kind == kind::datagram)
        note_options(d);
}

int socket::getsockopt(int level, int name) const {
    const descriptor& d = opened(state_, operation_name::getsockopt);
    int value = 0;
    std::size_t size = sizeof value;
    check(d.system.get_option(d.handle, level, name, &value, size), operation_name::getsockopt);
    return value;
}

std::vector<std::byte> socket::getsockopt(int level, int name, std::size_t size) const {
    const descriptor& d = opened(state_, operation_name::getsockopt);
    std::vector<std::byte> value(size);
    check(d.system.get_option(d.handle, level, name, value.data(), size), operation_name::getsockopt);
    value.resize(size);
    return value;
}

void socket::set_limit(clock::duration limit) {
    descriptor& d = opened(state_, operation_name::setsockopt);
    if (limit < clock::duration::zero())
        throw std::invalid_argument("settimeout: a negative duration: " + std::to_string(limit.count()) + " ns");
    d.limit = limit.count();
}

void socket::settimeout(std::optional<clock::duration> limit) {
    if (limit)
        set_limit(*limit);
    else
        opened(state_, operation_name::setsockopt).limit = -1;
}

std::optional<clock::duration> socket::gettimeout() const noexcept {
    if (state_ == nullptr || state_->limit < 0)
        return std::nullopt;
    return clock::duration(state_->limit);
}

void socket::setblocking(bool blocking) {
    if (blocking)
        settimeout(std::nullopt);
    else
        set_limit(clock::duration::zero());
}

bool socket::getblocking() const noexcept { return state_ == nullptr || state_->limit != 0; }

socket_pair socketpair(coax::kind kind) {
    os::system& on = detail::current_system();
    native_handle ends[2]{};
    check(on.pair(kind, ends), operation_name::socketpair);
    socket first;
    try {
        first = socket(describe(on, ends[0], on.pair_family(), kind));
    } catch (...) {
        on.close(ends[1]);
        throw;
    }
    return socket_pair(std::move(first), socket(describe(on, ends[1], on.pair_family(), kind)));
}

accepted detail::accept_base::value() noexcept {
    has_connection = false;
    made->handle = connection;
    made->peer.set(peer);
    return accepted(socket(std::exchange(made, nullptr)), peer);
}

} // namespace coax

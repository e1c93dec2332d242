// Sockets that come from elsewhere or go there: other code's handles, other schedulers.
#include <coax/socket.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "backend/backend.hpp"
#include "net/socket_access.hpp"
#include "runtime/current_system.hpp"

namespace coax {

using detail::check;
using detail::descriptor;
using detail::note_options;
using detail::owned;

namespace {

/// The datagrams of an inbox, one by one. Throws `std::bad_alloc`.
std::vector<datagram> copies(detail::ordered_queue<detail::lease>& kept) {
    std::vector<datagram> all;
    for (const detail::lease& each : kept)
        for (std::size_t at = 0;;) {
            const std::size_t size = std::min(each.size - at, each.size_of_first());
            chunk data = chunk::allocate(size);
            if (size != 0)
                std::memcpy(data.data(), each.data + at, size);
            all.emplace_back(std::move(data), each.peer, each.truncated);
            at += size;
            if (at == each.size)
                break;
        }
    return all;
}

struct release_descriptor {
    void operator()(descriptor* d) const noexcept { d->release(); }
};

} // namespace

socket socket::adopt(native_handle handle) {
    os::system& on = detail::current_system();
    coax::family family{};
    coax::kind kind{};
    check(on.family_of(handle, family), operation_name::adopt);
    check(on.kind_of(handle, kind), operation_name::adopt);
    check(on.set_cloexec(handle), operation_name::adopt);
    const bool blocks = on.is_blocking(handle);
    std::unique_ptr<descriptor, release_descriptor> made(new descriptor(on, handle, family, kind));
    check(on.set_nonblocking(handle), operation_name::adopt);
    descriptor* const state = made.release();
    state->was_blocking = blocks;
    state->handle_is_known = true;
    note_options(*state);
    address peer;
    if (on.getpeername(handle, peer) == 0)
        state->peer.set(peer);
    return socket(state);
}

detached socket::detach() {
    descriptor& d = owned(state_, operation_name::detach);
    if (d.attached != nullptr)
        d.attached->detach(d, detail::stop_reason::closed);
    if (d.has_gap())
        check(ENOMEM, operation_name::detach);
    std::vector<std::byte> bytes(d.kind == kind::stream ? d.kept_size(SIZE_MAX) : 0);
    std::vector<datagram> datagrams;
    if (d.kind == kind::datagram)
        d.leave_datagrams_to_parent();
    if (d.kind == kind::datagram && d.has_kept_bytes())
        datagrams = copies(d.kept().bytes);
    std::vector<socket> connections;
    if (d.has_kept_connections())
        connections.reserve(d.kept().connections.size());
    while (d.has_kept_connections()) {
        std::unique_ptr<descriptor, release_descriptor> made(
            new descriptor(d.system, native_handle(), d.family, coax::kind::stream));
        made->inherit(d);
        made->handle = d.kept().connections.take().handle;
        address peer;
        if (d.system.getpeername(made->handle, peer) == 0)
            made->peer.set(peer);
        connections.push_back(socket(made.release()));
    }
    if (!bytes.empty())
        d.kept().copy(bytes.data(), bytes.size(), true);
    d.drop_kept();
    d.open = false;
    if (d.was_blocking)
        d.system.set_blocking(d.handle);
    return detached(d.handle, std::move(bytes), std::move(datagrams), std::move(connections));
}

void socket::unbind() {
    descriptor& d = owned(state_, operation_name::unbind);
    if (d.in_use())
        throw std::logic_error("coax: unbind of a socket on which tasks wait");
    if (d.attached != nullptr)
        d.attached->detach(d, detail::stop_reason::closed);
}

native_handle socket::fileno() const noexcept {
    if (!is_open())
        return static_cast<native_handle>(-1);
    const bool known = std::exchange(state_->handle_is_known, true);
    if (!known && state_->attached != nullptr && state_->attached->runs_here())
        state_->attached->note_shared(*state_);
    return state_->handle;
}

} // namespace coax

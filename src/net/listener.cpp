#include <coax/listener.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>

#include <coax/error.hpp>

#include "net/activation.hpp"
#include "net/bound_path.hpp"
#include "runtime/current_system.hpp"

namespace coax {

listener::listener() noexcept = default;
listener::listener(coax::socket listening) noexcept : socket_(std::move(listening)) {}
listener::listener(listener&& other) noexcept = default;

listener& listener::operator=(listener&& other) noexcept {
    if (this != &other) {
        close();
        socket_ = std::move(other.socket_);
        path_ = std::move(other.path_);
    }
    return *this;
}

listener::~listener() { close(); }

void listener::close() noexcept {
    if (path_ != nullptr) {
        path_->remove(socket_.is_open());
        path_.reset();
    }
    socket_.close();
}

namespace detail {

void bound_path::remove(bool held) const noexcept {
    if (os::forks() != forks)
        return;
    const auto is_still_mine = [this] {
        os::path_entry found;
        return system.look_at(path, found) == 0 && found.is_socket && found.id == id;
    };
    if (held) {
        if (is_still_mine())
            system.remove_path(path);
        return;
    }
    // A new server's file may have the same number, and nobody listens there yet.
    try {
        const std::unique_ptr<os::path_lock> alone = system.lock_path(path);
        if (!alone->is_taken() && is_still_mine() && system.refuses_connections(at))
            system.remove_path(path);
    } catch (const std::bad_alloc&) {
        // It stays. The next server finds nobody there.
    }
}

bool remove_if_dead(const bound_path& place) noexcept {
    os::system& on = place.system;
    os::path_entry found;
    if (on.look_at(place.path, found) != 0 || !found.is_socket || !on.refuses_connections(place.at))
        return false;
    // Somebody else may have done the same meanwhile, and may listen there by now.
    os::path_entry still;
    return on.look_at(place.path, still) == 0 && still.is_socket && still.id == found.id &&
           on.refuses_connections(place.at) && on.remove_path(place.path) == 0;
}

namespace {

[[noreturn]] void fail(int error, const address& at) {
    throw io_error(failure(detail::system_error(error), operation_name::create_server).with_peer(at));
}

bool is_any(const address& at) { return at.is_placeholder() && at.host().empty(); }

/// IPv4 written as IPv6, `::ffff:192.0.2.1`.
bool is_mapped(const address& at) {
    constexpr std::byte prefix[] = {std::byte(), std::byte(), std::byte(),     std::byte(),
                                    std::byte(), std::byte(), std::byte(),     std::byte(),
                                    std::byte(), std::byte(), std::byte(0xff), std::byte(0xff)};
    const std::span<const std::byte> host = at.bytes();
    return host.size() == 16 && std::equal(std::begin(prefix), std::end(prefix), host.begin());
}

/// Errors that say that the machine has no IPv6.
bool lacks_family(const std::error_code& code) {
    return code == std::errc::address_family_not_supported || code == std::errc::address_not_available ||
           code == std::errc::no_protocol_option || code == std::errc::protocol_not_supported;
}

coax::socket bound(const address& at, coax::family family, const server_options& options) {
    coax::socket made(family, kind::stream);
    if (family != coax::family::local && options.reuse_address)
        made.setsockopt(option::reuse_address, true);
    if (options.reuse_port)
        made.setsockopt(option::reuse_port, true);
    if (family == coax::family::inet6)
        made.setsockopt(option::v6_only,
                        !is_mapped(at) && !(options.dual_stack && (is_any(at) || at == address("::", at.port()))));
    made.bind(at);
    return made;
}

/// Binds to a path and notes which file that has made. Until it listens nobody can connect.
coax::socket bound_to_path(bound_path& made_file, const server_options& options) {
    os::system& on = made_file.system;
    const address& at = made_file.at;
    coax::socket made(coax::family::local, kind::stream);
    on.limit_mode(made.fileno(), options.mode);
    try {
        made.bind(at);
    } catch (const io_error& error) {
        if (error.code() != std::errc::address_in_use || !remove_if_dead(made_file))
            throw;
        made.bind(at);
    }
    // Nothing allocates before it is known which file is to be removed.
    os::path_entry entry;
    if (const int error = on.look_at(made_file.path, entry))
        fail(error, at);
    made_file.id = entry.id;
    // The umask took something away, or the system had not been told.
    if (entry.mode != options.mode)
        if (const int error = on.change_mode(made_file.path, options.mode)) {
            made_file.remove(true);
            fail(error, at);
        }
    return made;
}

} // namespace

listener create_server_fn::operator()(const address& at, const server_options& options) const {
    if (options.activation)
        if (std::optional<coax::socket> inherited = take_activated(at))
            return listener(std::move(*inherited));
    os::system& on = current_system();
    // From binding to listening: a server that is started in the same moment would take the path for one that nobody listens on.
    std::unique_ptr<os::path_lock> alone;
    listener made;
    try {
        if (at.family() == coax::family::local && !at.is_abstract()) {
            auto file = std::make_unique<bound_path>(on, at);
            alone = on.lock_path(file->path);
            if (alone->is_taken()) // by one that has the path in a moment
                fail(EADDRINUSE, at);
            made.socket_ = bound_to_path(*file, options);
            made.path_ = std::move(file);
        } else if (is_any(at) && options.dual_stack) {
            try {
                made.socket_ = bound(at, coax::family::inet6, options);
            } catch (const io_error& error) {
                if (!lacks_family(error.code()))
                    throw;
                made.socket_ = bound(at, coax::family::inet, options);
            }
        } else {
            made.socket_ = bound(at, at.family().value_or(coax::family::inet), options);
        }
        made.socket_.listen(options.backlog);
    } catch (const io_error& error) {
        fail(error.code().value(), at);
    }
    // Where there was no lock somebody may have found a socket on which nobody listened yet.
    if (made.path_ != nullptr) {
        os::path_entry entry;
        if (on.look_at(made.path_->path, entry) != 0 || entry.id != made.path_->id)
            fail(EADDRINUSE, at);
    }
    return made;
}

} // namespace detail
} // namespace coax

// The files that UNIX sockets leave in the file system: whose they are, whether anybody listens there, taking them away.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <coax/address.hpp>
#include <coax/config.hpp>

namespace coax::os {

/// Tells a file from every other one that exists at the same time.
struct file_id {
    std::uint64_t device = 0;
    std::uint64_t number = 0;
    friend bool operator==(const file_id&, const file_id&) noexcept = default;
};

/// What is at a path itself; symbolic links are not followed.
struct path_entry {
    bool is_socket = false;
    file_id id;
    unsigned mode = 0; // permissions
};

/// 0 or an errno value, ENOENT for nothing.
int look_at(const std::string& path, path_entry& found) noexcept;

/// The permissions that the file of a socket which is yet to be bound gets at most; the system takes those of the umask away. Does
/// nothing where there is no such call.
void limit_mode(native_handle unbound, unsigned mode) noexcept;

/// The permissions of what is at the path; a symbolic link is not followed. EOPNOTSUPP where the system has no way to do that.
int change_mode(const std::string& path, unsigned mode) noexcept;

int remove_path(const std::string& path) noexcept;

/// The right to make or remove a socket at a path, among those who take the trouble to ask, threads of this process included. It never
/// waits.
///
/// It is a file beside the path, locked, and gone again with this object. Nobody but its owner's user can lock that file. Where somebody else
/// owns one of that name, and where there are no locks or no room for a file, it is done without: nobody has the right, and nobody is
/// kept out.
class path_lock {
public:
    path_lock(const path_lock&) = delete;
    path_lock& operator=(const path_lock&) = delete;
    virtual ~path_lock() = default;

    /// Somebody else has the right at this moment.
    bool is_taken() const noexcept { return taken_; }

protected:
    path_lock() noexcept = default;

    bool taken_ = false;
};

/// Asks for it. Throws `std::bad_alloc`.
std::unique_ptr<path_lock> lock_path(const std::string& path);

/// Whether the socket at the path refuses connections, so that nobody listens there. Anything else that comes of the attempt (a full
/// backlog, no permission, another kind of socket) is a sign of life, or at least none of death.
bool refuses_connections(const address& at) noexcept;

} // namespace coax::os

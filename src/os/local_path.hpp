// The files that UNIX sockets leave in the file system: whose they are, whether anybody listens there, taking them away.
#pragma once

#include <cstdint>
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

/// Keeps others who take the trouble to ask out of the directory of a path, threads of this process included, for as long as it lives.
///
/// It is no more than a help: it holds nothing where the directory cannot be read or the file system knows no locks. Anybody who may
/// read the directory can hold its lock, and for ever, so after a second it is done without.
class directory_lock {
public:
    explicit directory_lock(const std::string& path) noexcept;
    directory_lock(const directory_lock&) = delete;
    directory_lock& operator=(const directory_lock&) = delete;
    ~directory_lock();

private:
    int directory_ = -1;
};

/// Whether the socket at the path refuses connections, so that nobody listens there. Anything else that comes of the attempt (a full
/// backlog, no permission, another kind of socket) is a sign of life, or at least none of death.
bool refuses_connections(const address& at) noexcept;

} // namespace coax::os

#include "os/local_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/extensions.hpp"
#include "os/posix_call.hpp"

namespace coax::os {

int look_at(const std::string& path, path_entry& found) noexcept {
    struct stat entry{};
    if (::lstat(path.c_str(), &entry) == -1)
        return errno;
    found.is_socket = S_ISSOCK(entry.st_mode);
    found.id = {static_cast<std::uint64_t>(entry.st_dev), static_cast<std::uint64_t>(entry.st_ino)};
    found.mode = entry.st_mode & 07777U;
    return 0;
}

void limit_mode([[maybe_unused]] native_handle unbound, [[maybe_unused]] unsigned mode) noexcept {
#ifdef COAX_LINUX_EXTENSIONS
    // unix(7) does not promise it, but bind(2) gives the file the permissions of the socket's own inode.
    static_cast<void>(::fchmod(unbound, static_cast<mode_t>(mode)));
#endif
}

int change_mode(const std::string& path, unsigned mode) noexcept {
    return error_of(::fchmodat(AT_FDCWD, path.c_str(), static_cast<mode_t>(mode), AT_SYMLINK_NOFOLLOW));
}

int remove_path(const std::string& path) noexcept { return error_of(::unlink(path.c_str())); }

bool refuses_connections(const address& at) noexcept {
    const outcome probe = open(family::local, kind::stream, 0);
    if (probe.error != 0)
        return false;
    const auto handle = static_cast<native_handle>(probe.value);
    const int error = connect(handle, at);
    close(handle);
    return error == ECONNREFUSED;
}

} // namespace coax::os

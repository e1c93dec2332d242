#include "os/local_path.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <new>

#include "os/extensions.hpp"
#include "os/posix_call.hpp"
#ifdef COAX_LINUX_EXTENSIONS
#include <sys/syscall.h>
#endif

namespace coax::os {
namespace {

/// Of the directory that a path lies in, or -1.
int open_directory(const std::string& path) noexcept {
    const std::size_t slash = path.rfind('/');
    try {
        const std::string name = slash == std::string::npos ? "." : path.substr(0, slash + 1);
        return static_cast<int>(
            retried([&] { return ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }).value);
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

void pause(long nanoseconds) noexcept {
    const timespec time{0, nanoseconds};
    ::nanosleep(&time, nullptr);
}

} // namespace

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
    const int error = error_of(::fchmodat(AT_FDCWD, path.c_str(), static_cast<mode_t>(mode), AT_SYMLINK_NOFOLLOW));
#ifdef COAX_LINUX_EXTENSIONS
    // C libraries do it through /proc, which a chroot may lack. Since Linux 6.6 there is fchmodat2(2); chmod(2) would follow a link that
    // somebody puts there in the last moment.
    constexpr long fchmodat2 = 452;
    if (error == EOPNOTSUPP && ::syscall(fchmodat2, AT_FDCWD, path.c_str(), mode, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
#endif
    return error;
}

directory_lock::directory_lock(const std::string& path) noexcept : directory_(open_directory(path)) {
    if (directory_ == -1)
        return;
    // flock(2) belongs to what open(2) has made, so that threads keep each other out too; locks of fcntl(2) belong to the process.
    constexpr long longest = 1'000'000;
    constexpr long patience = 1'000'000'000;
    long step = 20'000;
    for (long waited = 0; ::flock(directory_, LOCK_EX | LOCK_NB) == -1; step = std::min(2 * step, longest)) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= patience) {
            ::close(directory_);
            directory_ = -1;
            return;
        }
        pause(step);
        waited += step;
    }
}

directory_lock::~directory_lock() {
    if (directory_ == -1)
        return;
    // Closing is not enough if there has been a fork meanwhile.
    ::flock(directory_, LOCK_UN);
    ::close(directory_);
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

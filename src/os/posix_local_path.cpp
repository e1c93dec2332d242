#include "os/local_path.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "os/extensions.hpp"
#include "os/posix_call.hpp"
#ifdef COAX_LINUX_EXTENSIONS
#include <sys/syscall.h>
#endif

namespace coax::os {
namespace {

/// Where the lock of a path lies.
std::string lock_name(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
    return path.substr(0, base) + '.' + path.substr(base) + ".lock";
}

bool is_same_file(const struct stat& a, const struct stat& b) noexcept {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

class file_lock final : public path_lock {
public:
    explicit file_lock(const std::string& path);
    ~file_lock() override;

private:
    std::string name_;
    int file_ = -1;
};

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

file_lock::file_lock(const std::string& path) : name_(lock_name(path)) {
    // Whoever had the lock has taken its file away, perhaps between our opening and locking it.
    for (int tries = 0; tries < 100; ++tries) {
        // No link is followed, and a pipe that somebody has put there is not waited for.
        constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        const int opened =
            static_cast<int>(retried([&] { return ::open(name_.c_str(), flags, S_IRUSR | S_IWUSR); }).value);
        if (opened == -1)
            return;
        struct stat mine{};
        if (::fstat(opened, &mine) == -1 || !S_ISREG(mine.st_mode) || mine.st_uid != ::geteuid()) {
            ::close(opened);
            return;
        }
        // flock(2) belongs to what open(2) has made, so that threads keep each other out too; locks of fcntl(2) belong to the process.
        if (::flock(opened, LOCK_EX | LOCK_NB) == -1) {
            taken_ = errno == EWOULDBLOCK;
            ::close(opened);
            return;
        }
        struct stat named{};
        if (::lstat(name_.c_str(), &named) == 0 && is_same_file(mine, named)) {
            file_ = opened;
            return;
        }
        ::close(opened);
    }
    taken_ = true;
}

file_lock::~file_lock() {
    if (file_ == -1)
        return;
    ::unlink(name_.c_str());
    // Closing is not enough if there has been a fork meanwhile.
    ::flock(file_, LOCK_UN);
    ::close(file_);
}

std::unique_ptr<path_lock> lock_path(const std::string& path) { return std::make_unique<file_lock>(path); }

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

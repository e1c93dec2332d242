// The file of a UNIX socket is a reparse point here. It has no permissions of the POSIX kind: what its directory hands down decides.
#include "os/windows_call.hpp"

#include <windows.h>

#include "os/local_path.hpp"
#include "os/poll.hpp"

#ifndef IO_REPARSE_TAG_AF_UNIX
#define IO_REPARSE_TAG_AF_UNIX 0x80000023L
#endif

namespace coax::os {
namespace {

class opened_file {
public:
    explicit opened_file(const std::string& path)
        : handle_(::CreateFileW(widened(path).c_str(), FILE_READ_ATTRIBUTES,
                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr)) {}
    opened_file(const opened_file&) = delete;
    opened_file& operator=(const opened_file&) = delete;
    ~opened_file() {
        if (handle_ != INVALID_HANDLE_VALUE)
            ::CloseHandle(handle_);
    }
    HANDLE get() const noexcept { return handle_; }

private:
    HANDLE handle_;
};

class no_lock final : public path_lock {};

int file_error() noexcept { return errno_of(static_cast<int>(::GetLastError())); }

int look(const std::string& path, path_entry& found) {
    const opened_file file(path);
    if (file.get() == INVALID_HANDLE_VALUE)
        return file_error();
    BY_HANDLE_FILE_INFORMATION about{};
    if (!::GetFileInformationByHandle(file.get(), &about))
        return file_error();
    FILE_ATTRIBUTE_TAG_INFO tag{};
    found.is_socket = (about.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
                      ::GetFileInformationByHandleEx(file.get(), FileAttributeTagInfo, &tag, sizeof tag) &&
                      tag.ReparseTag == static_cast<DWORD>(IO_REPARSE_TAG_AF_UNIX);
    found.id = {about.dwVolumeSerialNumber, std::uint64_t{about.nFileIndexHigh} << 32 | about.nFileIndexLow};
    return 0;
}

} // namespace

int look_at(const std::string& path, path_entry& found) noexcept {
    try {
        return look(path, found);
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

void limit_mode(native_handle, unsigned) noexcept {}

int change_mode(const std::string&, unsigned) noexcept { return 0; }

int remove_path(const std::string& path) noexcept {
    try {
        return ::DeleteFileW(widened(path).c_str()) ? 0 : file_error();
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

bool refuses_connections(const address& at) noexcept {
    const outcome probe = open(family::local, kind::stream, 0);
    if (probe.error != 0)
        return false;
    const auto handle = static_cast<native_handle>(probe.value);
    int error = connect(handle, at);
    if (error == EINPROGRESS) {
        poll_entry attempt{handle, poll_writable, 0};
        constexpr std::int64_t patience = 1'000'000'000;
        error = poll(&attempt, 1, patience) > 0 ? connect_result(handle) : ETIMEDOUT;
    }
    close(handle);
    return error == ECONNREFUSED;
}

// Two servers that start in the same moment: the look at the file behind listening has to do.
std::unique_ptr<path_lock> lock_path(const std::string&) { return std::make_unique<no_lock>(); }

} // namespace coax::os

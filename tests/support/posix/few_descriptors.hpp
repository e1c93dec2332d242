// A process that may open no more descriptors.
#pragma once

#include <cerrno>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace support {

/// A low limit, so that reaching it takes few descriptors. To be made before the scheduler: an accept that the kernel holds keeps the
/// limit it was begun with.
class low_limit {
public:
    low_limit() {
        check(getrlimit(RLIMIT_NOFILE, &before_));
        rlimit lower = before_;
        lower.rlim_cur = 256;
        check(setrlimit(RLIMIT_NOFILE, &lower));
    }
    low_limit(const low_limit&) = delete;
    low_limit& operator=(const low_limit&) = delete;
    ~low_limit() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    static void check(int result) {
        if (result == -1)
            throw std::system_error(errno, std::generic_category(), "the limit of descriptors");
    }

    rlimit before_{};
};

/// Leaves no descriptor to be opened, until it is destroyed.
class no_more_descriptors {
public:
    no_more_descriptors() {
        held_.reserve(256);
        for (int taken; (taken = fcntl(0, F_DUPFD_CLOEXEC, 0)) != -1;)
            held_.push_back(taken);
    }
    no_more_descriptors(const no_more_descriptors&) = delete;
    no_more_descriptors& operator=(const no_more_descriptors&) = delete;
    ~no_more_descriptors() {
        for (const int taken : held_)
            ::close(taken);
    }

private:
    std::vector<int> held_;
};

} // namespace support

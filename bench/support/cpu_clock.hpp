// What the CPU clocks of two processes showed, at a moment.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <system_error>

#include <sys/types.h>

namespace bench {

using load_clock = std::chrono::steady_clock;

inline double read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// The CPU time of this process and of a server, kernel time included.
class cpu_clocks {
public:
    struct moment {
        load_clock::time_point time;
        double own;
        double server;
    };

    /// 0 for no server. Throws `std::system_error` if there is no such process.
    explicit cpu_clocks(pid_t server) {
        if (server > 0) {
            clockid_t clock{};
            if (const int error = clock_getcpuclockid(server, &clock); error != 0) {
                throw std::system_error(error, std::generic_category(), "the server's CPU clock");
            }
            server_ = clock;
        }
    }

    bool has_server() const noexcept { return server_.has_value(); }

    moment now() const {
        return {load_clock::now(), read_clock(CLOCK_PROCESS_CPUTIME_ID), server_ ? read_clock(*server_) : 0};
    }

private:
    std::optional<clockid_t> server_;
};

} // namespace bench

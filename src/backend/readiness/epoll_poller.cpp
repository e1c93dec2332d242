// epoll(7), edge-triggered: a socket is registered once for both directions and never touched again until it is closed.

#include "backend/readiness/poller.hpp"

#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace coax::backend {
namespace {

using detail::descriptor;

class epoll_poller final : public poller {
public:
    explicit epoll_poller(os::wake_event& wake) : wake_(wake), handle_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (handle_ < 0)
            throw std::system_error(errno, std::system_category(), "epoll_create1");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = nullptr;
        if (::epoll_ctl(handle_, EPOLL_CTL_ADD, wake.readable_handle(), &event) != 0) {
            const int error = errno;
            ::close(handle_);
            throw std::system_error(error, std::system_category(), "epoll_ctl");
        }
    }
    ~epoll_poller() override { ::close(handle_); }

    int add(descriptor& d) noexcept override {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = &d;
        return ::epoll_ctl(handle_, EPOLL_CTL_ADD, d.handle, &event) == 0 ? 0 : errno;
    }

    void remove(descriptor& d) noexcept override {
        // Explicitly, although close(2) would do it: a duplicate of the handle elsewhere would keep the registration alive.
        epoll_event unused{};
        ::epoll_ctl(handle_, EPOLL_CTL_DEL, d.handle, &unused);
    }

    void update(descriptor&) noexcept override {}

    void wait(std::int64_t timeout) noexcept override { found_ = wait_for(events_, timeout); }

    void report(readiness_sink& sink) noexcept override {
        const int count = std::exchange(found_, 0);
        for (int i = 0; i < count; ++i) {
            const std::uint32_t happened = events_[i].events;
            auto* d = static_cast<descriptor*>(events_[i].data.ptr);
            if (d == nullptr) {
                wake_.drain();
                continue;
            }
            const bool failed = (happened & (EPOLLERR | EPOLLHUP)) != 0;
            sink.ready(*d, failed || (happened & (EPOLLIN | EPOLLRDHUP)) != 0, failed || (happened & EPOLLOUT) != 0);
        }
    }

private:
    static constexpr int max_events = 256;

    int wait_for(epoll_event* events, std::int64_t timeout) noexcept {
#if defined(SYS_epoll_pwait2)
        // Only epoll_pwait2 (Linux 5.11) takes nanoseconds.
        if (timeout > 0 && has_pwait2_) {
            struct {
                std::int64_t seconds;
                std::int64_t nanoseconds;
            } limit{timeout / 1'000'000'000, timeout % 1'000'000'000};
            const long count = ::syscall(SYS_epoll_pwait2, handle_, events, max_events, &limit, nullptr, 0);
            if (count >= 0 || errno == EINTR)
                return static_cast<int>(count);
            has_pwait2_ = false;
        }
#endif
        constexpr std::int64_t most = std::numeric_limits<int>::max();
        const std::int64_t milliseconds = timeout < 0 ? -1 : timeout / 1'000'000 + (timeout % 1'000'000 != 0 ? 1 : 0);
        return ::epoll_wait(handle_, events, max_events, static_cast<int>(milliseconds < most ? milliseconds : most));
    }

    os::wake_event& wake_;
    int handle_;
    bool has_pwait2_ = true;
    int found_ = 0;
    epoll_event events_[max_events];
};

} // namespace

std::unique_ptr<poller> make_epoll_poller(os::wake_event& wake) { return std::make_unique<epoll_poller>(wake); }

} // namespace coax::backend

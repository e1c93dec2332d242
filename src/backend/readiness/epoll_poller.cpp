// epoll(7), edge-triggered: a socket is registered once for both directions and not touched again until it is closed. Of datagram sockets
// room to send is asked for when there has once been none: every datagram that has left makes some.

#include "backend/readiness/poller.hpp"
#include "backend/readiness/readiness_state.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
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
        const int error = control(EPOLL_CTL_ADD, d.handle, d);
        return error == EEXIST ? add_alias(d) : error;
    }

    void remove(descriptor& d) noexcept override {
        // close(2) takes the registration with it, unless there is a duplicate of the handle elsewhere, which would keep it alive.
        if (!d.open && !d.may_have_duplicates() && aliases_.empty())
            return;
        if (aliases_.empty() || !remove_alias(d)) {
            control(EPOLL_CTL_DEL, d.handle, d);
            if (!aliases_.empty())
                promote_alias(d.handle);
        }
    }

    void update(descriptor& d) noexcept override {
        readiness_state& state = readiness_of(d);
        if (d.kind != kind::datagram || state.writable_asked || d.writing.empty())
            return;
        state.writable_asked = true;
        state.writable_asked = ask_again(d);
    }

    // A change of the registration, also one that changes nothing, has what is ready reported as if it had just become so.
    bool ask_again(descriptor& d) noexcept override {
        int handle = d.handle;
        for (const alias& each : aliases_)
            if (each.whose == &d)
                handle = each.handle;
        return control(EPOLL_CTL_MOD, handle, d) == 0;
    }

    int wait(std::int64_t timeout) noexcept override {
        int found = wait_for(timeout);
        // A signal may come long after something has arrived, when the process was stopped. The loop looks at the clock next.
        if (found < 0 && errno == EINTR)
            found = wait_for(0);
        found_ = found > 0 ? found : 0;
        return found >= 0 || errno == EINTR ? 0 : errno;
    }

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
            const bool beyond_data = failed || (happened & (EPOLLRDHUP | EPOLLPRI)) != 0;
            sink.ready(*d, beyond_data || (happened & EPOLLIN) != 0, failed || (happened & EPOLLOUT) != 0, beyond_data);
        }
    }

private:
    static constexpr int max_events = 256;

    /// A second socket object on a descriptor that is registered already: epoll takes each number once only.
    struct alias {
        descriptor* whose;
        int handle; // a duplicate
    };

    int control(int what, int handle, descriptor& d) noexcept {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
        if (d.kind != kind::datagram || readiness_of(d).writable_asked)
            event.events |= EPOLLOUT;
        event.data.ptr = &d;
        return ::epoll_ctl(handle_, what, handle, &event) == 0 ? 0 : errno;
    }

    int add_alias(descriptor& d) noexcept {
        const int duplicate = ::fcntl(d.handle, F_DUPFD_CLOEXEC, 0);
        if (duplicate < 0)
            return errno;
        int error = ENOMEM;
        try {
            aliases_.push_back({&d, duplicate});
            error = control(EPOLL_CTL_ADD, duplicate, d);
            if (error == 0)
                return 0;
            aliases_.pop_back();
        } catch (const std::bad_alloc&) {
        }
        ::close(duplicate);
        return error;
    }

    bool remove_alias(descriptor& d) noexcept {
        const auto found =
            std::find_if(aliases_.begin(), aliases_.end(), [&](const alias& a) { return a.whose == &d; });
        if (found == aliases_.end())
            return false;
        control(EPOLL_CTL_DEL, found->handle, d);
        ::close(found->handle);
        aliases_.erase(found);
        return true;
    }

    /// The number is about to be closed. A duplicate would keep the connection open then, and the peer would not see its end.
    void promote_alias(int handle) noexcept {
        const auto found =
            std::find_if(aliases_.begin(), aliases_.end(), [&](const alias& a) { return a.whose->handle == handle; });
        if (found == aliases_.end())
            return;
        descriptor& d = *found->whose;
        remove_alias(d);
        control(EPOLL_CTL_ADD, handle, d);
    }

    int wait_for(std::int64_t timeout) noexcept {
#if defined(SYS_epoll_pwait2)
        // Only epoll_pwait2 (Linux 5.11) takes nanoseconds.
        if (timeout > 0 && has_pwait2_) {
            struct {
                std::int64_t seconds;
                std::int64_t nanoseconds;
            } limit{timeout / 1'000'000'000, timeout % 1'000'000'000};
            const long count = ::syscall(SYS_epoll_pwait2, handle_, events_, max_events, &limit, nullptr, 0);
            if (count >= 0 || errno == EINTR)
                return static_cast<int>(count);
            has_pwait2_ = false;
        }
#endif
        constexpr std::int64_t most = std::numeric_limits<int>::max();
        const std::int64_t milliseconds = timeout < 0 ? -1 : timeout / 1'000'000 + (timeout % 1'000'000 != 0 ? 1 : 0);
        return ::epoll_wait(handle_, events_, max_events, static_cast<int>(milliseconds < most ? milliseconds : most));
    }

    os::wake_event& wake_;
    int handle_;
    bool has_pwait2_ = true;
    int found_ = 0;
    std::vector<alias> aliases_;
    epoll_event events_[max_events];
};

} // namespace

std::unique_ptr<poller> make_epoll_poller(os::wake_event& wake) { return std::make_unique<epoll_poller>(wake); }

} // namespace coax::backend

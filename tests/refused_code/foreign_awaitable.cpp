#include <coax/time.hpp>
#include <coax/timeout.hpp>

#include <chrono>
#include <coroutine>

struct foreign {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

coax::task<> work() {
    co_await foreign();
#if defined(REFUSED)
    co_await coax::with_timeout(std::chrono::seconds(1), foreign());
#else
    co_await coax::with_timeout(std::chrono::seconds(1), coax::yield());
#endif
}

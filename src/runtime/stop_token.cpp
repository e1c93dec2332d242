#include <coax/stop_token.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/scope.hpp>

#if !defined(_LIBCPP_VERSION) || defined(__cpp_lib_jthread)
#include <stop_token>

namespace coax::detail {

// A callback that goes away while another thread is in it waits for its end, and where libstdc++ has no futex(2) to wait with, it may
// miss that end and wait for ever (before GCC 16). One that goes away in the thread that calls it waits for nothing. So one that is
// being called by another thread, or will be, is left to that thread; the loop's thread takes part by the mutex alone.
struct stop_messenger final : message {
    struct callback {
        stop_messenger* messenger;
        void operator()() const noexcept { messenger->stop_requested(); }
    };

    stop_messenger(std::stop_token of, loop& to, scope& within) noexcept
        : message(&arrived), token(std::move(of)), on(to), target(within) {}

    static void arrived(message& self) noexcept {
        auto& messenger = static_cast<stop_messenger&>(self);
        if (!messenger.left)
            messenger.target.cancel();
        messenger.release();
    }

    // On any thread, once.
    void stop_requested() noexcept {
        {
            const std::lock_guard lock(mutex);
            if (left && !handed_over)
                return; // whoever left waits for this call to end
            if (!left && current_loop() == &on) {
                called_here = true;
                target.cancel();
                return;
            }
            registered.reset();
            if (!left) {
                references.fetch_add(1, std::memory_order_relaxed);
                // Under the mutex, which keeps the loop alive: before it ends the scope is left.
                send_message(on, *this);
            }
        }
        release();
    }

    void release() noexcept {
        if (references.fetch_sub(1) == 1)
            delete this;
    }

    const std::stop_token token;
    loop& on;
    scope& target;
    // One for the scope, one for the callback while it is registered, one for the message while it is under way.
    std::atomic<int> references{2};
    // Recursive, as the callback may be called while it is made.
    std::recursive_mutex mutex;
    std::optional<std::stop_callback<callback>> registered;
    bool called_here = false; // on the loop's thread, where nothing is sent
    bool left = false;        // the scope, and perhaps the loop, is gone
    bool handed_over = false; // and the callback is still to be called, which takes it away
};

stop_messenger* subscribe(std::stop_token token, loop& on, scope& target) {
    auto messenger = std::make_unique<stop_messenger>(std::move(token), on, target);
    // Another thread that calls back at once has to wait until there is something for it to reset.
    const std::lock_guard lock(messenger->mutex);
    messenger->registered.emplace(messenger->token, stop_messenger::callback{messenger.get()});
    return messenger.release();
}

void unsubscribe(stop_messenger& messenger) noexcept {
    bool registered;
    {
        const std::lock_guard lock(messenger.mutex);
        messenger.left = true;
        registered = messenger.registered.has_value();
        messenger.handed_over = registered && !messenger.called_here && messenger.token.stop_requested();
    }
    if (registered && !messenger.handed_over) {
        // Only a stop that is requested between that look at the token and this could still be waited for.
        messenger.registered.reset();
        messenger.release();
    }
    messenger.release();
}

} // namespace coax::detail

#endif

#include <coax/stop_token.hpp>

#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/scope.hpp>

namespace coax::detail {

// It outlives the scope where its message is still under way when that is left.
struct stop_messenger final : message {
    struct callback {
        stop_messenger* messenger;
        void operator()() const noexcept { messenger->stop_requested(); }
    };

    stop_messenger(loop& to, scope& of) noexcept : message(&arrived), on(to), target(&of) {}

    static void arrived(message& self) noexcept {
        auto& messenger = static_cast<stop_messenger&>(self);
        if (messenger.target == nullptr) {
            delete &messenger;
            return;
        }
        messenger.sent = false;
        messenger.target->cancel();
    }

    // On any thread, once.
    void stop_requested() noexcept {
        if (current_loop() == &on) {
            target->cancel();
            return;
        }
        const std::lock_guard lock(mutex);
        if (left)
            return;
        // A callback that goes away while another thread is in it waits for its end, and where libstdc++ has no futex(2) to wait with
        // (before GCC 16) it may miss that end and wait for ever. One that goes away in its own thread waits for nothing; the loop's
        // thread waits for the mutex, which also keeps the loop alive until the message has been sent.
        registered.reset();
        sent = true;
        send_message(on, *this);
    }

    loop& on;
    scope* target; // null: the scope has been left
    std::mutex mutex;
    std::optional<std::stop_callback<callback>> registered;
    bool left = false;
    bool sent = false; // and has not arrived
};

stop_messenger* subscribe(std::stop_token token, loop& on, scope& target) {
    auto* messenger = new stop_messenger(on, target);
    // Another thread that calls back at once has to wait until there is something for it to reset.
    const std::lock_guard lock(messenger->mutex);
    messenger->registered.emplace(std::move(token), stop_messenger::callback{messenger});
    return messenger;
}

void unsubscribe(stop_messenger& messenger) noexcept {
    bool called;
    {
        const std::lock_guard lock(messenger.mutex);
        messenger.left = true;
        called = !messenger.registered;
    }
    if (!called)
        messenger.registered.reset();
    if (messenger.sent)
        messenger.target = nullptr;
    else
        delete &messenger;
}

} // namespace coax::detail

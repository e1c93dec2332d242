#include <coax/stop_token.hpp>

#include <coax/detail/loop.hpp>
#include <coax/detail/message.hpp>
#include <coax/detail/scope.hpp>

namespace coax::detail {

// It goes when both of its ends are done with it: the one that sends it, if it was sent, and the scope.
struct stop_messenger final : message {
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

    loop& on;
    scope* target; // null: the scope has been left
    bool sent = false;
};

stop_messenger* new_stop_messenger(loop& on, scope& target) { return new stop_messenger(on, target); }

void send_stop(stop_messenger& messenger) noexcept {
    if (current_loop() == &messenger.on) {
        messenger.target->cancel();
        return;
    }
    messenger.sent = true;
    send_message(messenger.on, messenger);
}

void dismiss(stop_messenger& messenger) noexcept {
    if (messenger.sent)
        messenger.target = nullptr;
    else
        delete &messenger;
}

} // namespace coax::detail

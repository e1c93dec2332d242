// How another thread tells a loop that something has happened.
#pragma once

#include <coax/config.hpp>

namespace coax::detail {

class loop;

/// An entry of a loop's mailbox. It lives in whatever waits for it, so sending one allocates nothing and cannot fail.
struct message {
    using delivery_function = void (*)(message&) noexcept;

    explicit message(delivery_function on_delivery) noexcept : deliver(on_delivery) {}
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    message* next = nullptr;
    /// Called on the loop's thread, where no user code runs; the message may be gone when it returns.
    delivery_function deliver;

protected:
    ~message() = default;
};

/// Sends a message to a loop, from any thread. It must not be sent again before it has arrived.
COAX_API void send_message(loop& to, message& what) noexcept;

} // namespace coax::detail
